// The package by its own name, as its users import it. `peers/` has a package.json of its own, from where that
// name leads nowhere.
export { TaskPersistence, TaskStore } from 'uniqc-task-store'
export { tasks } from 'uniqc-task-store/schema'
