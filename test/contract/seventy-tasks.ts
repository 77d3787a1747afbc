import assert from 'node:assert/strict'
import type { AnyStore } from '../support/any-store.ts'

/** Saves 70 tasks of seven backends, five statuses and ten times. Returns them as a list does, newest first. */
export async function saveSeventyTasks(store: AnyStore) {
  const backends = [
    'originq',
    'originq:WK_C180',
    'originq:PQPUMESH8',
    'originq2',
    'originqx:y',
    'dummy:originq:WK',
    'ibm:ibm_fez',
  ]
  const statuses = ['pending', 'running', 'success', 'failed', 'cancelled'] as const
  const all = Array.from({ length: 70 }, (_, i) => ({
    taskId: `t${i}`,
    backend: backends[i % 7] as string,
    status: statuses[i % 5] as (typeof statuses)[number],
    submitTime: `2026-01-${String(1 + (i % 10)).padStart(2, '0')}T00:00:00.000000+00:00`,
  }))
  assert.equal(await store.saveMany(all), 70)
  return all
    .map((task, i) => ({ task, i }))
    .sort((a, b) =>
      a.task.submitTime === b.task.submitTime ? b.i - a.i : a.task.submitTime < b.task.submitTime ? 1 : -1,
    )
    .map(({ task }) => task)
}
