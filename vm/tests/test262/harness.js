// What a test of the standard's suite calls, in our language: functions have no properties here, so that
// `assert.sameValue` is written `assert_sameValue`, and a constructor is named by its text.
const Test262Error = message => {
  const error = new Error(message)
  error.name = 'Test262Error'
  return error
}
const $DONOTEVALUATE = () => { throw Test262Error('a test that must not be run was run') }
const reportCompare = () => undefined
const shown = value => typeof value === 'string' ? JSON.stringify(value) : Object.is(value, -0) ? '-0' : String(value)
const assert = (value, message) => {
  if (value !== true) throw Test262Error(`expected true, found ${shown(value)}: ${message}`)
}
const assert_sameValue = (found, expected, message) => {
  if (!Object.is(found, expected)) throw Test262Error(`expected ${shown(expected)}, found ${shown(found)}: ${message}`)
}
const assert_notSameValue = (found, other, message) => {
  if (Object.is(found, other)) throw Test262Error(`expected another value than ${shown(found)}: ${message}`)
}
const compareArray = (found, expected) => {
  if (found.length !== expected.length) return false
  for (let i = 0; i < found.length; i++) if (!Object.is(found[i], expected[i])) return false
  return true
}
const assert_compareArray = (found, expected, message) => {
  if (!compareArray(found, expected)) throw Test262Error(`expected [${expected}], found [${found}]: ${message}`)
}
const assert_throws = (name, run, message) => {
  let thrown
  try { run() } catch (error) {
    if (error === null || typeof error !== 'object') throw Test262Error(`expected ${name}, ${shown(error)} was thrown: ${message}`)
    thrown = error.name
  }
  if (thrown !== name) throw Test262Error(`expected ${name}, thrown was ${thrown}: ${message}`)
}
const assert_deepEqual = (found, expected, message) => {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw Test262Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}: ${message}`)
}
const assertRelativeDateMs = (date, expected) => assert_sameValue(date.valueOf(), expected, 'time value')
const decimalToHexString = n => {
  const digits = (Number(n) >>> 0).toString(16).toUpperCase()
  return digits.padStart(4, '0')
}
const decimalToPercentHexString = n => '%' + (Number(n) >>> 0).toString(16).toUpperCase().padStart(2, '0')
const NaNs = [NaN, Infinity - Infinity, 0 / 0, Infinity * 0, -NaN, Number('x')]
const matchValidator = (items, index, input) => match => {
  assert(match !== null, 'there is a match')
  assert_compareArray(match, items, 'items')
  assert_sameValue(match.index, index, 'index')
  assert_sameValue(match.input, input, 'input')
}
const date_1899_end = -2208988800001
const date_1900_start = -2208988800000
const date_1969_end = -1
const date_1970_start = 0
const date_1999_end = 946684799999
const date_2000_start = 946684800000
const date_2099_end = 4102444799999
const date_2100_start = 4102444800000
const start_of_time = -8.64e15
const end_of_time = 8.64e15
