// Runs random programs in Node and in this crate's machine and compares what they give.
//
// node vm/examples/differential.mjs [programs] [seed]
//
// The programs use what both must agree on: operators, property order, destructuring, closures,
// loops, exceptions, texts. A difference is printed with the program; the seed repeats the run.

import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const count = Number(process.argv[2] ?? 2000)
const seed = Number(process.argv[3] ?? Date.now() % 1000000)
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

let state = seed >>> 0 || 1
const random = limit => {
  state ^= state << 13
  state >>>= 0
  state ^= state >>> 17
  state ^= state << 5
  state >>>= 0
  return state % limit
}
const pick = items => items[random(items.length)]

const LITERALS = [
  '0', '1', '-1', '2.5', '1e21', '1e-7', '0.1', '4294967296', '-0', 'NaN', 'Infinity', 'null', 'undefined', 'true',
  'false', "''", "'a'", "'10'", "' 7 '", "'é😀'", "'0x1f'", '[]', '[1, 2]', "['x']", '{}', '{ a: 1 }', '{ 2: 1, b: 2, 1: 3 }',
  '[[3], null]', "{ valueOf: () => 3 }", "{ toString: () => 'ts' }", '123456789012345680000', "'1e3'",
]
const BINARY = ['+', '-', '*', '/', '%', '**', '&', '|', '^', '<<', '>>', '>>>', '<', '<=', '>', '>=', '==', '!=', '===', '!==']
const LOGICAL = ['&&', '||']
const UNARY = ['-', '+', '!', '~', 'typeof ', 'void ']
const KEYS = ['a', 'b', '1', 'length', 'x y']

function expression(depth, names) {
  if (depth <= 0) return names.length && random(2) ? pick(names) : literal()
  const inner = () => `(${expression(depth - 1, names)})`
  switch (random(19)) {
    case 0: case 1: case 2: return `${inner()} ${pick(BINARY)} ${inner()}`
    case 3: return `${inner()} ${pick(LOGICAL)} ${inner()}`
    case 4: return `${inner()} ?? ${inner()}`
    case 5: return `${pick(UNARY)}${inner()}`
    case 6: return `${inner()} ? ${inner()} : ${inner()}`
    case 7: return `[${inner()}, ...(v => v instanceof Array ? v : [v])${inner()}, ${inner()}]`
    case 8: return `{ ${JSON.stringify(pick(KEYS))}: ${inner()}, [${inner()}]: ${inner()}, ...${inner()} }`
    case 9: return `${inner()}?.[${JSON.stringify(pick(KEYS))}]`
    case 10: return '`' + '<${' + inner() + '}|${' + inner() + '}>' + '`'
    case 11: return `((p, q = ${inner()}, ...r) => [p, q, r])(${inner()}, ${inner()})`
    case 12: return `(({ a, b = ${inner()}, ...c }) => [a, b, c])(${inner()} ?? {})`
    case 13: return `(([a, b = ${inner()}, ...c]) => [a, b, c])([...(${inner()} + '')])`
    case 14: return `(v => { let n = 0, s = ''; for (const k in v) { if (n++ > 5) break; s += k + ':' + typeof v[k] + ';' } return s })(${inner()})`
    case 15: return `(() => { try { return ${inner()} } catch (e) { return e.name } finally { out += 1 } })()`
    case 16: return `(() => { ${body(depth - 1, names)} })()`
    case 17: return `(${inner()}, ${inner()})`
    default: return `${JSON.stringify(pick(KEYS))} in (v => v instanceof Object ? v : { a: v })${inner()}`
  }
}

function literal() {
  const text = pick(LITERALS)
  return text.startsWith('{') ? `(${text})` : text
}

let names = 0
function body(depth, outer) {
  const own = `v${names++}`
  const known = [...outer, own]
  const value = () => `(${expression(depth, known)})`
  const lines = [`let ${own} = ${expression(depth, outer)}`]
  for (let at = 0; at < 3; at++) {
    lines.push(pick([
      () => `${own} ${pick(['=', '+=', '-=', '*=', '??=', '||=', '&&=', '|='])} ${value()}`,
      () => `for (let i = 0; i < 3; i++) { if (${value()}) ${pick(['continue', 'break'])}; ${own} = ${value()} }`,
      () => `if (${value()}) { ${own} = ${value()} } else ${own} = [${own}]`,
      () => `switch (${value()}) { case 1: ${own} = ${value()}; case 'a': out += 's'; break; default: out += 'd'; case ${literal()}: out += 'e' }`,
      () => `{ const fs = []; for (let i = 0; i < 3; i++) fs[i] = () => [i, i++]; ${own} = [fs[0](), fs[0](), fs[2]()] }`,
      () => `try { ${own} = ${value()}; if (${value()}) throw ${value()} } catch (e) { ${own} = typeof e } finally { out += 'f' }`,
      () => `${own} = ((f, n) => f(f, n))((f, n) => n > 0 ? [n, f(f, n - 1)] : ${value()}, 2)`,
      () => `do { out += 'w'; if (out.length > 200) break } while (!(out += 'x'))`,
      () => `outer: for (const x of [1, 2, 3]) { for (const y of 'ab') { if (y === 'b') continue outer; out += x + y } }`,
      () => `[${own}, ...out_] = [${value()}, ${value()}]`.replace('out_', 'spare'),
      () => `({ a: ${own} = ${value()} } = ${value()} ?? {})`,
    ])())
  }
  lines.push(`return ${value()}`)
  return lines.join(';\n')
}

const PRELUDE = `
let out = ''
let spare = null
let budget = 300
const show = (v, depth = 0) => {
  if (budget-- < 0 || depth > 8) return '…'
  if (v === undefined) return 'undefined'
  if (v === null) return 'null'
  if (typeof v === 'number') return v === 0 && 1 / v < 0 ? '-0' : '' + v
  if (typeof v === 'string') return "'" + v + "'"
  if (typeof v === 'function' || typeof v === 'boolean') return typeof v === 'function' ? 'function' : '' + v
  if (v instanceof Error) return v.name
  if (v instanceof Array) { let s = '['; for (const x of v) s += show(x, depth + 1) + ','; return s + ']' }
  let s = '{'
  for (const k in v) s += k + ':' + show(v[k], depth + 1) + ','
  return s + '}'
}
const run = f => { try { return show(f()) } catch (e) { return 'throws ' + (e instanceof Error ? e.name : show(e)) } }
`

const programs = Array.from({ length: count }, () => `${PRELUDE}\nconst result = run(() => { ${body(3, [])} })\n`)
const built = spawnSync('cargo', ['build', '-q', '--example', 'evaluate', '-p', 'vm'], { cwd: root, stdio: 'inherit' })
if (built.status !== 0) process.exit(1)
const input = JSON.stringify(programs.map(program => `${program}export default result + out`))
const ours = spawnSync('cargo', ['run', '-q', '--example', 'evaluate', '-p', 'vm'], { cwd: root, input, maxBuffer: 1 << 30 })
if (ours.status !== 0) {
  console.error(ours.stderr.toString())
  process.exit(1)
}
const found = JSON.parse(ours.stdout.toString())
// The results travel as UTF-8, which has no lone surrogates.
const wellFormed = text => Buffer.from(text).toString()
let different = 0
programs.forEach((program, at) => {
  let expected
  try {
    expected = wellFormed(new Function(`'use strict';${program}return result + out`)())
  } catch (error) {
    expected = `error: ${error}`
  }
  if (expected !== found[at] && ++different <= 5) {
    console.log(`--- program ${at}\n${program.slice(PRELUDE.length)}\nNode: ${expected}\nhere: ${found[at]}\n`)
  }
})
console.log(`${count} programs, seed ${seed}: ${different} differ`)
process.exit(different ? 1 : 0)
