//! Table tests of regular expressions and the text methods that take them. The expected values are
//! those of another engine.

use crate::test_support::check;

#[rustfmt::skip]
const MATCHING: &[(&str, &str)] = &[
    ("/a+b/.test('caab')", "true"),
    ("/^a+b$/.test('caab')", "false"),
    ("/b/.exec('abc')", r#"["b"]"#),
    ("/(a)|(b)/.exec('b')", r#"["b",undefined,"b"]"#),
    ("/(z)((a+)?(b+)?(c))*/.exec('zaacbbbcac')", r#"["zaacbbbcac","z","ac","a",undefined,"c"]"#),
    ("/(a*)*/.exec('b')", r#"["",undefined]"#),
    ("/(?=(a+))/.exec('baaabac')", r#"["","aaa"]"#),
    ("/(?=(a+))a*b\\1/.exec('baaabac')", r#"["aba","a"]"#),
    ("/(.*?)a(?!(a+)b\\2c)\\2(.*)/.exec('baaabaac')", r#"["baaabaac","ba",undefined,"abaac"]"#),
    ("/a[a-z]{2,4}?/.exec('abcdefghi')", r#"["abc"]"#),
    ("/(aa|aabaac|ba|b|c)*/.exec('aabaac')", r#"["aaba","ba"]"#),
    ("/((a)|(ab))((c)|(bc))/.exec('abc')", r#"["abc","a","a",undefined,"bc",undefined,"bc"]"#),
    ("/^(?:a??){2}$/.test('a')", "true"),
    ("/^(a??){2}$/.exec('a')", r#"["a","a"]"#),
    ("/(?:a|ab)(?:c|bcd)(?:d*)/.exec('abcd')", r#"["abcd"]"#),
    ("/x{0}y/.exec('xy')", r#"["y"]"#),
    ("/x{2}/.exec('xxx')", r#"["xx"]"#),
    ("/(x{2,}?)y/.exec('xxxxy')", r#"["xxxxy","xxxx"]"#),
    ("/\\bfoo\\b/.test('a foo b') + ' ' + /\\Boo\\b/.test('foo')", r#""true true""#),
    ("'a\\nb'.match(/^b$/m) !== null && 'a\\nb'.match(/^b$/) === null", "true"),
    ("/./.test('\\n') + ' ' + /./s.test('\\n') + ' ' + /./.test('\\u2028')", r#""false true false""#),
    ("/[^]/.test('\\n') && !/[]/.test('a')", "true"),
    ("/[\\w-]+/.exec('--a-b c')", r#"["--a-b"]"#),
    ("/[\\]\\\\]+/.exec('a]\\\\]')", r#"["]\\]"]"#),
    ("/\\cJ\\x41\\u0042\\t\\0/.test('\\nAB\\t\\0')", "true"),
    ("/\\1(a)/.exec('a')", r#"["a","a"]"#),
    ("/(?:)/.exec('x')", r#"[""]"#),
    ("/a{,2}/.test('a{,2}') && /a{2/.test('a{2') && /]/.test(']')", "true"),
    ("/\\8/.test('8') && /\\07/.test('\\x07')", "true"),
    // Without regard to case.
    ("/ABC/i.test('xaBcx') && /[a-z]/i.test('K') && !/[^a-z]/i.test('K')", "true"),
    ("/\\u212a/i.test('k') + ' ' + /\\u212a/iu.test('k')", r#""false true""#),
    ("/\\w/i.test('\\u017f') + ' ' + /\\w/iu.test('\\u017f')", r#""false true""#),
    ("/\\W/iu.test('\\u017f') + ' ' + /[^\\W]/iu.test('s')", r#""false true""#),
    ("/ß/i.test('ẞ') + ' ' + /ß/iu.test('ẞ')", r#""false true""#),
    ("/Σ/i.test('ς') && /(σ)\\1/iu.test('σΣ')", "true"),
    ("/\\u{10400}/ui.test('\\u{10428}')", "true"),
    // Code points.
    ("/^.$/.test('😀') + ' ' + /^.$/u.test('😀')", r#""false true""#),
    ("/^[😀]$/u.test('😀') + ' ' + /^[^x]$/u.test('😀')", r#""true true""#),
    ("/\\ud83d/.test('😀') + ' ' + /\\ud83d/u.test('😀')", r#""true false""#),
    ("/\\udf06/u.exec('\\ud834\\udf06')", "null"),
    ("/😀{2}/u.test('😀😀') && /\\u{1F600}/u.test('😀')", "true"),
    ("/(?<=😀)a/u.exec('😀a').index", "2"),
    ("/\\p{L}+/u.exec('12äöü3')", r#"["äöü"]"#),
    ("/\\p{Script=Greek}/u.test('α') && /\\P{Script=Greek}/u.test('a')", "true"),
    ("/\\p{Lu}/iu.test('a') + ' ' + /\\P{Lu}/iu.test('A') + ' ' + /\\P{Lu}/iv.test('A')", r#""true true false""#),
    ("/\\p{Emoji_Presentation}/u.test('😀') && /\\p{ASCII}/u.test('a') && /\\p{Any}/u.test('a')", "true"),
    ("/\\p{scx=Hira}/u.test('ー') + ' ' + /\\p{sc=Hira}/u.test('ー')", r#""true false""#),
    // The flag v.
    ("/^[\\p{L}--[a-z]]$/v.test('a') + ' ' + /^[\\p{L}--[a-z]]$/v.test('ä')", r#""false true""#),
    ("/^[\\w&&\\d]+$/v.test('123') + ' ' + /^[\\w&&\\d]+$/v.test('a')", r#""true false""#),
    ("/^[\\q{abc|d|}x]$/v.test('abc') && /^[\\q{abc|d|}x]$/v.test('') && /^[\\q{abc|d}x]$/v.test('x')", "true"),
    ("/[\\q{ab|a}]/v.exec('abc')", r#"["ab"]"#),
    ("/^[^[a-z][0-9]]$/v.test('_') + ' ' + /^[^[a-z][0-9]]$/v.test('5')", r#""true false""#),
    // Look-behind.
    ("/(?<=\\$)\\d+/.exec('a $42')", r#"["42"]"#),
    ("/(?<!\\$)\\b\\d+/.exec('$42 17')", r#"["17"]"#),
    ("/(?<=(\\d+)(\\d+))$/.exec('1053')", r#"["","1","053"]"#),
    ("/(?<=\\1(a))b/.exec('aab')", r#"["b","a"]"#),
    ("/(?<=a(?=([^a]{2})d)\\w{3})\\w\\1/.exec('abcdbcdbc')", "null"),
    ("/(?<=([abc]+)).\\1/.exec('abcdbc')", "null"),
    ("/(?<=^(\\w+))def/.exec('abcdefdef')", r#"["def","abc"]"#),
    // Names.
    ("/(?<y>\\d{4})-(?<m>\\d\\d)/.exec('on 2026-11').groups", r#"{"y":"2026","m":"11"}"#),
    ("/(?<a>.)\\k<a>/.test('xx') && /\\k<a>/.test('k<a>')", "true"),
    ("/(?:(?<a>x)|(?<a>y))\\k<a>/.exec('yy').groups", r#"{"a":"y"}"#),
    ("/a/.exec('a').groups", "undefined"),
    ("/(?<z>a)?/.exec('b').groups.z", "undefined"),
    // The flag d.
    ("/a(b)?(c)/d.exec('xac').indices", "[[1,3],undefined,[2,3]]"),
    ("/(?<n>b)/d.exec('ab').indices.groups", r#"{"n":[1,2]}"#),
    // Changed flags inside.
    ("/a(?i:b)c/.test('aBc') + ' ' + /a(?i:b)c/.test('aBC') + ' ' + /(?-i:a)b/i.test('aB')", r#""true false true""#),
];

#[rustfmt::skip]
const PLACES: &[(&str, &str)] = &[
    ("(() => { const r = /a/g; const o = []; let m; while ((m = r.exec('aba'))) o.push(m.index, r.lastIndex); return [...o, r.lastIndex] })()", "[0,1,2,3,0]"),
    ("(() => { const r = /a/y; return [r.test('ba'), r.lastIndex, (r.lastIndex = 1, r.test('ba')), r.lastIndex] })()", "[false,0,true,2]"),
    ("(() => { const r = /a/; r.lastIndex = 7; return [r.test('a'), r.lastIndex] })()", "[true,7]"),
    ("(() => { const r = /a/g; r.lastIndex = 7; return [r.exec('a'), r.lastIndex] })()", "[null,0]"),
    ("(() => { const r = /a/g; r.lastIndex = '1'; return [r.test('aa'), r.lastIndex] })()", "[true,2]"),
    ("(() => { const r = /a/g; r.lastIndex = -5; return [r.test('aa'), r.lastIndex] })()", "[true,1]"),
    ("(() => { const r = /^./gu; r.lastIndex = 1; return r.exec('😀a') })()", r#"["😀"]"#),
    ("(() => { const r = Object.freeze(/a/g); try { return r.test('a') } catch (e) { return e.name } })()", r#""TypeError""#),
    ("(() => { const m = /(b)/.exec('abc'); return [m.index, m.input, m.length, 'index' in m, Object.keys(m)] })()", r#"[1,"abc",2,true,["0","1","index","input","groups"]]"#),
    ("(() => { const f = () => /a/g; return [f().test('a'), f().lastIndex, f() === f()] })()", "[true,0,false]"),
];

#[rustfmt::skip]
const VALUES: &[(&str, &str)] = &[
    ("String(/a\\/b/gi)", r#""/a\\/b/gi""#),
    ("String(new RegExp('a/b[/]\\n', 'yg'))", r#""/a\\/b[/]\\n/gy""#),
    ("String(new RegExp('')) + String(RegExp()) + RegExp('\\\\/').source", r#""/(?:)//(?:)/\\/""#),
    ("/a/dgimsuy.flags + /a/v.flags", r#""dgimsuyv""#),
    ("(r => [r.global, r.ignoreCase, r.multiline, r.dotAll, r.unicode, r.unicodeSets, r.sticky, r.hasIndices])(/a/gisy)", "[true,true,false,true,false,false,true,false]"),
    ("(r => [RegExp(r) === r, new RegExp(r) === r, new RegExp(r, 'i').flags, new RegExp(r).flags])(/a/g)", r#"[true,false,"i","g"]"#),
    ("typeof /a/ + (/a/ instanceof RegExp) + (/a/ instanceof Object) + ({} instanceof RegExp)", r#""objecttruetruefalse""#),
    ("JSON.stringify({ a: /a/g })", r#""{\"a\":{}}""#),
    ("(r => [r.source, r.flags, r.lastIndex])(structuredClone(Object.assign(/a/g, { lastIndex: 3 })))", r#"["a","g",0]"#),
    ("(() => { try { RegExp('[') } catch (e) { return e.name } })()", r#""SyntaxError""#),
    ("(() => { try { RegExp('\\\\u{110000}', 'u') } catch (e) { return e.name } })()", r#""SyntaxError""#),
    ("(() => { try { RegExp('a', 'uv') } catch (e) { return e.name } })()", r#""SyntaxError""#),
    ("RegExp('\\ud83d').test('\\ud83d') && RegExp('[\\\\\\ud83d]').test('\\ud83d')", "true"),
];

#[rustfmt::skip]
const TEXTS: &[(&str, &str)] = &[
    ("'a1b22'.match(/\\d+/g)", r#"["1","22"]"#),
    ("'abc'.match(/x/g)", "null"),
    ("'abc'.match(/(b)/).index + 'a.c'.match('.').index + 'abc'.match().index", "1"),
    ("'aXbX'.search(/X/) + ' ' + 'abc'.search(/x/) + ' ' + 'abc'.search('c')", r#""1 -1 2""#),
    ("[...'a1b22'.matchAll(/[a-z](\\d+)/g)].map(m => m[1] + m.index)", r#"["10","222"]"#),
    ("[...'aa'.matchAll('a')].length + [...'abc'.matchAll(/(?:)/g)].length", "6"),
    ("'abc'.match(/(?:)/g).length + '😀'.match(/(?:)/gu).length + '😀'.match(/(?:)/g).length", "9"),
    ("'John Smith'.replace(/(\\w+)\\s(\\w+)/, '$2, $1')", r#""Smith, John""#),
    ("'aaa'.replace(/a/, 'b') + 'aaa'.replace(/a/g, 'b') + 'aaa'.replaceAll(/a/g, '$&$&')", r#""baabbbaaaaaa""#),
    ("'abc'.replace(/b/, \"[$`|$&|$'|$$|$0|$1|$<x>]\")", r#""a[a|b|c|$|$0|$1|$<x>]c""#),
    ("'abc'.replace(/(b)(?<n>c)/, '$2$1$3$01$10$<n>$<none>$<')", r#""acb$3bb0c$<""#),
    ("'2026-11'.replace(/(?<y>\\d+)-(?<m>\\d+)/, (all, y, m, at, text, groups) => [all, y, m, at, text, groups.y].join())", r#""2026-11,2026,11,0,2026-11,2026""#),
    ("'a1b2'.replace(/\\d/g, d => d * 2) + 'ab'.replace(/(x)?b/, (m, x) => typeof x)", r#""a2b4aundefined""#),
    ("'abc'.replace(/(?:)/g, '-')", r#""-a-b-c-""#),
    ("'😀'.replace(/(?:)/gu, '-')", r#""-😀-""#),
    ("(() => { const r = /a/y; return ['baa'.replace(r, 'x'), (r.lastIndex = 1, 'baa'.replace(r, 'x')), r.lastIndex] })()", r#"["baa","bxa",2]"#),
    ("(() => { const r = /a/gy; r.lastIndex = 1; return ['aab'.replace(r, 'x'), r.lastIndex] })()", r#"["xxb",0]"#),
    ("'a1b2c'.split(/\\d/)", r#"["a","b","c"]"#),
    ("'a1b2c'.split(/(\\d)/)", r#"["a","1","b","2","c"]"#),
    ("'a1b2c'.split(/(\\d)/, 2)", r#"["a","1"]"#),
    ("'abc'.split(/(?:)/)", r#"["a","b","c"]"#),
    ("''.split(/a/) + '|' + ''.split(/(?:)/).length", r#""|0""#),
    ("'A<B>bold</B>and<CODE>coded</CODE>'.split(/<(\\/)?([^<>]+)>/)", r#"["A",undefined,"B","bold","/","B","and",undefined,"CODE","coded","/","CODE",""]"#),
    ("'ab'.split(/a*?/) + '|' + 'ab'.split(/a*/)", r#""a,b|,b""#),
    ("'😀a'.split(/(?:)/u).length + '😀a'.split(/(?:)/).length", "5"),
    ("'  a  b '.trim().split(/\\s+/)", r#"["a","b"]"#),
];

#[test]
fn patterns_match_as_the_standard_says() {
    check(MATCHING);
}

#[test]
fn last_index_is_kept_as_the_standard_says() {
    check(PLACES);
}

#[test]
fn expressions_are_values() {
    check(VALUES);
}

#[test]
fn text_methods_take_expressions() {
    check(TEXTS);
}

/// Built-ins inside one another and the parser of patterns share the node's stack.
#[test]
fn the_deepest_pattern_compiles_inside_the_deepest_built_ins() {
    check(&[(
        "(() => {
            const pattern = '('.repeat(50) + 'a' + ')'.repeat(50)
            const inside = n => [0].map(() => n > 0 ? inside(n - 1) : RegExp(pattern).test('a'))
            return inside(98).flat(Infinity)
        })()",
        "[true]",
    )]);
}

#[test]
fn names_of_groups_and_controls() {
    check(&[
        (r"/(?<\u{41}b>.)/.exec('x').groups.Ab", r#""x""#),
        (r"/(?<\u0041>.)/.exec('x').groups", r#"{"A":"x"}"#),
        (r"/(?<\ud835\udc53>.)/u.exec('x').groups.𝑓", r#""x""#),
        (r"/(?<𝑓>.)/.exec('x').groups['\u{1d453}']", r#""x""#),
        (r"/\cA/u.test('\x01')", "true"),
        (
            "(() => { try { RegExp('\\\\c', 'u') } catch (e) { return e.name } })()",
            r#""SyntaxError""#,
        ),
        (
            "(() => { try { RegExp('[\\\\c1]', 'v') } catch (e) { return e.name } })()",
            r#""SyntaxError""#,
        ),
    ]);
}
