import { Worker } from 'node:worker_threads'

const started: Worker[] = []
const { postMessage } = Worker.prototype

Worker.prototype.postMessage = function (this: Worker, ...message) {
  if (started.at(-1) !== this) started.push(this)
  postMessage.apply(this, message)
}

/** The thread that was last posted to. */
export const lastThread = () => started.at(-1) as Worker
