test('the package can be required', () => {
  require('uniqc-task-store')
})
