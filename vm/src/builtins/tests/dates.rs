//! Table tests of dates, maps and sets. The expected values are those of another engine.

use crate::test_support::check;

#[rustfmt::skip]
const DATES: &[(&str, &str)] = &[
    ("Date.UTC(2020, 1, 29, 12, 30, 15, 250)", "1582979415250"),
    ("Date.UTC(2020)", "1577836800000"),
    ("Date.UTC(99, 0)", "915148800000"),
    ("Date.UTC()", "NaN"),
    ("Date.UTC(2020, 14, -3, 30, 90)", "1614324600000"),
    ("Date.UTC(275760, 8, 13)", "8640000000000000"),
    ("Date.UTC(275760, 8, 13, 0, 0, 0, 1)", "NaN"),
    ("Date.UTC(2020, NaN)", "NaN"),
    ("new Date(2020, 0, 31, 5).getTime()", "1580446800000"),
    ("new Date(2020, 0).toISOString()", r#""2020-01-01T00:00:00.000Z""#),
    ("new Date(99, 0).getFullYear()", "1999"),
    ("new Date(-1).toISOString()", r#""1969-12-31T23:59:59.999Z""#),
    ("new Date(8.64e15 + 1).getTime()", "NaN"),
    ("new Date(1.9).getTime()", "1"),
    ("new Date(-1.9).getTime()", "-1"),
    ("new Date(null).getTime()", "0"),
    ("new Date(undefined).getTime()", "NaN"),
    ("new Date(true).getTime()", "1"),
    ("new Date('2020-02-29').getTime()", "1582934400000"),
    ("new Date(new Date(77)).getTime()", "77"),
    ("Date.parse('2020')", "1577836800000"),
    ("Date.parse('2020-01')", "1577836800000"),
    ("Date.parse('2020-01-02')", "1577923200000"),
    ("Date.parse('2020-01-02T03:04')", "1577934240000"),
    ("Date.parse('2020-01-02T03:04Z')", "1577934240000"),
    ("Date.parse('2020-01-02T03:04:05.1Z')", "1577934245100"),
    ("Date.parse('2020-01-02T03:04:05.123456789Z')", "1577934245123"),
    ("Date.parse('2020-01-02T24:00')", "1578009600000"),
    ("Date.parse('2020-01-02T24:01')", "NaN"),
    ("Date.parse('2020-02-32')", "NaN"),
    ("Date.parse('+002020-01-01')", "1577836800000"),
    ("Date.parse('-000001-01-01')", "-62198755200000"),
    ("Date.parse('2020-01-02T03:04:05+05:30')", "1577914445000"),
    ("Date.parse('2020-01-02T03:04:05-23:59')", "1578020585000"),
    ("Date.parse('2020-01-02T03Z')", "NaN"),
    ("Date.parse('2020-13-01')", "NaN"),
    ("Date.parse('2020-01-02T03:04:60Z')", "NaN"),
    ("Date.parse('hello')", "NaN"),
    ("Date.parse('')", "NaN"),
    ("Date.parse('+275760-09-13T00:00:00.001Z')", "NaN"),
    ("(() => { const d = new Date('2024-02-29T23:59:58.007Z'); return [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCDay(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds(), d.getUTCMilliseconds(), d.getTime(), d.valueOf(), d.getTimezoneOffset()] })()", "[2024,1,29,4,23,59,58,7,1709251198007,1709251198007,0]"),
    ("(() => { const d = new Date('1969-12-31T23:59:58.007Z'); return [d.getFullYear(), d.getMonth(), d.getDate(), d.getDay(), d.getHours(), d.getMinutes(), d.getSeconds(), d.getMilliseconds()] })()", "[1969,11,31,3,23,59,58,7]"),
    ("new Date(NaN).getDay()", "NaN"),
    ("(() => { const d = new Date(0); return [d.setUTCFullYear(2024), d.setUTCMonth(1, 29), d.setUTCDate(31), d.setUTCHours(25, 61), d.setUTCMinutes(1, 2, 3), d.setUTCSeconds(70), d.setUTCMilliseconds(-1), d.toISOString()] })()", r#"[1704067200000,1709164800000,1709337600000,1709431260000,1709431262003,1709431330003,1709431329999,"2024-03-03T02:02:09.999Z"]"#),
    ("(() => { const d = new Date(NaN); return [d.setMonth(1), d.setFullYear(2020, 5), d.setTime(5), d.setDate(), d.getTime()] })()", "[NaN,1590969600000,5,NaN,NaN]"),
    ("(() => { const d = new Date(0); return [d.setHours(1, 2, 3, 4), d.setSeconds(5, 6), d.setTime(8.64e15 + 1)] })()", "[3723004,3725006,NaN]"),
    ("new Date(0).toJSON()", r#""1970-01-01T00:00:00.000Z""#),
    ("new Date(NaN).toJSON()", "null"),
    ("(() => { try { return new Date(NaN).toISOString() } catch (e) { return e.name } })()", r#""RangeError""#),
    ("String(new Date(0))", r#""Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)""#),
    ("String(new Date(NaN))", r#""Invalid Date""#),
    ("`${new Date(1e12)}`", r#""Sun Sep 09 2001 01:46:40 GMT+0000 (Coordinated Universal Time)""#),
    ("new Date(0) + 1", r#""Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)1""#),
    ("new Date(5) - 2", "3"),
    ("+new Date(7)", "7"),
    ("new Date(1) < new Date(2)", "true"),
    ("new Date(0).toDateString() + '|' + new Date(0).toTimeString() + '|' + new Date(0).toUTCString()", r#""Thu Jan 01 1970|00:00:00 GMT+0000 (Coordinated Universal Time)|Thu, 01 Jan 1970 00:00:00 GMT""#),
    ("new Date(-1e14).toUTCString() + new Date(-1e14).toString()", r#""Thu, 15 Feb -1199 14:13:20 GMTThu Feb 15 -1199 14:13:20 GMT+0000 (Coordinated Universal Time)""#),
    ("new Date(8.64e15).toISOString() + new Date(-8.64e15).toISOString()", r#""+275760-09-13T00:00:00.000Z-271821-04-20T00:00:00.000Z""#),
];

#[test]
fn dates() {
    check(DATES);
}

#[rustfmt::skip]
const MAPS_AND_SETS: &[(&str, &str)] = &[
    ("(() => { const m = new Map([['a', 1], ['b', 2]]); m.set('a', 3).set('c', 4); return [[...m], m.size, m.get('a'), m.get('z'), m.has('b'), m.delete('b'), m.delete('b'), m.has('b'), [...m.keys()], [...m.values()], [...m.entries()]] })()", r#"[[["a",3],["b",2],["c",4]],3,3,undefined,true,true,false,false,["a","c"],[3,4],[["a",3],["c",4]]]"#),
    ("(() => { const m = new Map(); m.set(NaN, 1).set(NaN, 2).set(0, 'z').set(-0, 'y').set('0', 't'); return [...m] })()", r#"[[NaN,2],[0,"y"],["0","t"]]"#),
    ("(() => { const k = {}, m = new Map([[k, 1]]); return [m.get(k), m.get({})] })()", "[1,undefined]"),
    ("(() => { const m = new Map([[1, 1]]), seen = []; m.forEach((v, k, all) => { seen.push([k, v, all === m]); if (k < 3) m.set(k + 1, v * 2) }); return seen })()", "[[1,1,true],[2,2,true],[3,4,true]]"),
    ("(() => { const m = new Map([[1, 1], [2, 2], [3, 3]]), seen = []; for (const [k] of m) { seen.push(k); m.delete(k); m.delete(2) } return [seen, m.size] })()", "[[1,3],0]"),
    ("(() => { const m = new Map([[1, 1], [2, 2]]), seen = []; for (const [k] of m) { seen.push(k); if (k === 1) { m.clear(); m.set(7, 7) } } return [seen, m.size] })()", "[[1,7],1]"),
    ("(() => { const s = new Set([3, 1, 3]); s.add(2).add(1); return [[...s], s.size, s.has(3), s.delete(3), [...s.keys()], [...s.entries()]] })()", "[[3,1,2],3,true,true,[1,2],[[1,1],[2,2]]]"),
    ("(() => { const seen = []; new Set([-0]).forEach((a, b) => seen.push(Object.is(a, 0), Object.is(b, 0))); return seen })()", "[true,true]"),
    ("(() => { const s = new Set([1]), seen = []; s.forEach((a, b, all) => seen.push([a, b, all === s])); s.clear(); return [seen, s.size] })()", "[[[1,1,true]],0]"),
    ("[...new Set('hello')].join('')", r#""helo""#),
    ("new Map(null).size + new Set(undefined).size", "0"),
    ("(() => { try { return new Map([1]) } catch (e) { return e.name } })()", r#""TypeError""#),
    ("(() => { try { return new Map(5) } catch (e) { return e.name } })()", r#""TypeError""#),
    ("(() => { try { return new Set(5) } catch (e) { return e.name } })()", r#""TypeError""#),
    ("(() => { try { return new Map().forEach(5) } catch (e) { return e.name } })()", r#""TypeError""#),
    ("new Map([[1, 2]]) instanceof Map && new Set() instanceof Set && !(new Set() instanceof Map)", "true"),
    ("(() => { const it = new Map([[1, 2]]).values(); return [it.next(), it.next(), it.next()] })()", r#"[{"value":2,"done":false},{"value":undefined,"done":true},{"value":undefined,"done":true}]"#),
    ("String(new Map()) + String(new Set())", r#""[object Map][object Set]""#),
    ("(() => { const s = new Set([1, 2, 3]), seen = []; for (const x of s) { seen.push(x); if (x < 3) { s.delete(x); s.add(x + 10) } } return seen })()", "[1,2,3,11,12]"),
];

#[test]
fn maps_and_sets() {
    check(MAPS_AND_SETS);
}
