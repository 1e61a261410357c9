//! `troupe test` and `troupe new` as people use them: what a failure shows, what is refused, what is written
//! for build servers. What the names of tests mean is tested by themselves, in the folder `testing`.

use std::path::Path;
use std::process::{Command, Stdio};

use tests::cluster::{Ended, repository, run, troupe_binary};
use tests::wait::{PATIENCE, until};

/// A folder with files, in which commands run.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn troupe(&self, arguments: &[&str]) -> Ended {
        troupe_in(self.0.path(), arguments)
    }
}

fn troupe_in(folder: &Path, arguments: &[&str]) -> Ended {
    run(Command::new(troupe_binary())
        .current_dir(folder)
        .args(arguments))
}

const COUNTER: (&str, &str) = (
    "counter.js",
    "export const Counter = act((self, { outbox }) =>
  withState(() => 0, total =>
    whileLoop(() =>
      waitFor(m => m.type === 'add', add =>
        sequence(() => [
          modifyState(total, computeState([add], m => n => n + m.amount.value)),
          send(outbox, computeState(total, n => ({ type: 'total', total: n }))),
        ])))), { daemon: true });
",
);

#[test]
fn the_tests_of_the_examples_pass() {
    let ended = troupe_in(repository(), &["test", "examples"]).expect_code(0);
    ended.prints(&[
        "examples/transfer/transfer.test.js",
        "✓ fund transfer workflow",
        "examples/fraud/monitor.test.js",
        "✓ fraud detection state",
    ]);
    assert!(!ended.stdout.contains('✗'), "{}", ended.stdout);
}

#[test]
fn the_names_of_tests_do_what_they_say() {
    let ended = troupe_in(repository(), &["test", "tests/tests/end_to_end/testing"]);
    ended.expect_code(0).prints(&[
        "limits.test.js",
        "matchers.test.js",
        "shop.test.ts",
        "30 passed in 3 files",
    ]);
}

#[test]
fn reactive_functions_are_sources_without_an_import_and_an_unset_one_is_computed() {
    let folder = Folder::new(&[
        (
            "limit.js",
            "export const Twice = reactive((get, n) => 2 * get(stateOf(worker('Part', n), 'count')));
export const Rate = reactive(get => get(effect(Rates, null)));
export const Limit = act((self, { outbox }) =>
  waitForValue(Twice('nut'), value => value > 5, value => send(outbox, value)), { daemon: true });
export const Asks = act((self, { outbox }) => waitForValue(Rate(), () => true, rate => send(outbox, rate)));
",
        ),
        (
            "limit.test.js",
            "test('is computed', async () => {
  const limit = new LimitWorker();
  await limit.setSource(stateOf('Part/nut', 'count'), 3);
  expect(limit.emittedMessages).toEqual([6]);
});
test('is replaced', async () => {
  const worker = new Limit();
  await worker.setSource(Twice('nut'), 7);
  expect(worker.emittedMessages).toEqual([7]);
});
test('a service is called as in the script', async () => {
  const asks = new Asks();
  await asks.setSource(effect(Rates), 1.5);
  expect(asks.emittedMessages).toEqual([1.5]);
});
test('has one name', () => expect(() => TwiceWorker).toThrow(ReferenceError));
test('says which sources are read', async () => {
  await new Limit().setSource(Twice('bolt'), 7);
});
",
        ),
    ]);
    let ended = folder.troupe(&["test"]).expect_code(1);
    ended.prints(&[
        "✓ is computed",
        "✓ is replaced",
        "✓ a service is called as in the script",
        "✓ has one name",
        "✗ says which sources are read",
        "nobody reads `Twice(\"bolt\")` now: what is read is `Twice(\"nut\")`, `stateOf(\"Part/nut\", \"count\")`",
        "at limit.test.js:18:31",
    ]);
}

#[test]
fn a_failure_shows_a_diff_and_the_line() {
    let folder = Folder::new(&[
        COUNTER,
        (
            "counter.test.ts",
            "test('counts', () => {
  const worker: any = new CounterWorker();
  worker.processMessages([{ type: 'add', amount: { value: 2 } }]);
  expect(worker.emittedMessages as object[]).toEqual([{ type: 'total', total: 3 }]);
});
",
        ),
    ]);
    let ended = folder.troupe(&["test"]).expect_code(1);
    ended.prints(&[
        "✗ counts",
        "      -     total: 3,\n      +     total: 2,\n",
        "at counter.test.ts:4:46",
        "4 |   expect(worker.emittedMessages as object[]).toEqual([",
        "1 failed in 1 file",
    ]);
}

#[test]
fn a_script_error_that_no_test_looks_at_fails_it_and_shows_the_script() {
    let folder = Folder::new(&[
        COUNTER,
        (
            "counter.test.js",
            "test('ignores it', () => { new Counter().processMessage({ type: 'add' }); });
test('expects it', () => {
  const worker = new Counter();
  worker.processMessage({ type: 'add' });
  expect(worker.failures[0].error.message).toContain('value');
});
",
        ),
    ]);
    let ended = folder.troupe(&["test"]).expect_code(1);
    ended.prints(&[
        "✗ ignores it",
        "error[E0301]: TypeError",
        "--> counter.js:6:64",
        "✓ expects it",
    ]);
}

#[test]
fn scripts_of_several_files_are_tested_with_what_they_import() {
    let folder = Folder::new(&[
        (
            "flows/order.js",
            "import { priced } from '../lib/prices.js';
import { Packer } from './packer.js';
export const LIMIT = 3;
export const Order = act((self, { outbox }) => waitFor(m => m.fruit, m =>
  sequence(() => [send(outbox, readState(m, m => priced(m))), spawn(Packer, {}, p => send(p, 1))])));
",
        ),
        ("flows/packer.js", "export const Packer = act(() => waitFor(m => m.fruit.name, m => send(Log, m)));"),
        ("lib/prices.js", "const prices = { apple: 3 };\nexport const priced = m => ({ ...m, price: prices[m.fruit] });\n"),
        (
            "tests/order.test.js",
            "import { Order, LIMIT } from '../flows/order.js';
import { priced } from '../lib/prices.js';
test('orders are priced', () => {
  const order = new Order();
  order.processMessage({ fruit: 'apple' });
  expect(order.emittedMessages).toEqual([priced({ fruit: 'apple' })]);
  expect(LIMIT).toBe(3);
});
",
        ),
    ]);
    let ended = folder.troupe(&["test"]).expect_code(1);
    ended.prints(&["error[E0301]", "--> flows/packer.js:1:46"]);
    folder.write(
        "flows/packer.js",
        "export const Packer = act(() => waitFor(m => m, m => send(outboxless(), m)));",
    );
    folder
        .troupe(&["test"])
        .expect_code(2)
        .prints(&["error[E0104]", "flows/packer.js:1:59"]);
    folder.write(
        "flows/packer.js",
        "export const Packer = act(() => waitFor(m => m));",
    );
    folder
        .troupe(&["test"])
        .expect_code(0)
        .prints(&["✓ orders are priced"]);
    folder.write(
        "own.test.js",
        "const A = act(() => noop());\ntest('x', () => {});\n",
    );
    folder
        .troupe(&["test", "own.test.js"])
        .expect_code(2)
        .prints(&["a test makes no workers of its own"]);
}

#[test]
fn nothing_that_a_test_does_hangs_or_crashes() {
    let folder = Folder::new(&[(
        "bad.test.js",
        "test('loop', () => { for (;;); });
test('async loop', async () => { for (;;) await null; });
test('deep', () => { const f = n => 1 + f(n); f(0); });
test('waits', () => new Promise(() => {}));
test('forgets', () => { Promise.reject(new Error('lost')); });
test('throws text', () => { throw 'text'; });
test('memory', () => { const all = []; for (;;) all.push(new Array(1e6).fill(0)); });
test('fine', () => {});
",
    )]);
    let ended = folder.troupe(&["test", "--timeout", "2000"]).expect_code(1);
    ended.prints(&[
        "did not end within 2000 ms",
        "RangeError: Maximum call stack size exceeded",
        "waits for a promise that nothing settles",
        "nobody awaited it",
        "Error: lost",
        "threw \"text\"",
        "✗ memory",
        "✓ fine",
        "7 failed, 1 passed",
        "at bad.test.js:1:",
    ]);
}

#[test]
fn what_does_not_compile_is_shown_with_its_place() {
    let broken = Folder::new(&[("a.test.js", "test('x', () => {\n  const = 1;\n});\n")]);
    broken
        .troupe(&["test"])
        .expect_code(2)
        .prints(&["error[E0101]", "a.test.js:2:9", "const = 1"]);
    let script = Folder::new(&[
        ("worker.js", "export const A = act(() => nothing());\n"),
        ("a.test.js", "import './worker.js';\ntest('x', () => {});\n"),
    ]);
    script
        .troupe(&["test"])
        .expect_code(2)
        .prints(&["error[E0104]", "worker.js:1:28"]);
    let import = Folder::new(&[(
        "a.test.js",
        "import x from './none.js';\nimport fs from 'fs';\n",
    )]);
    import.troupe(&["test"]).expect_code(2).prints(&[
        "there is no file `none.js`",
        "a.test.js:1:15",
        "`fs` is no local module",
    ]);
    let thrown = Folder::new(&[(
        "a.test.js",
        "test('x', () => {});\nthrow new Error('early');\n",
    )]);
    thrown
        .troupe(&["test"])
        .expect_code(1)
        .prints(&["Error: early", "a.test.js:2:"]);
    let empty = Folder::new(&[("a.test.js", "")]);
    empty
        .troupe(&["test"])
        .expect_code(2)
        .prints(&["`a.test.js` has no test"]);
    let script = Folder::new(&[COUNTER]);
    script
        .troupe(&["test", "counter.js"])
        .expect_code(2)
        .prints(&["it is a script with workers", "`.test.js`"]);
}

#[test]
fn no_test_is_an_error_that_says_where_it_looked() {
    let folder = Folder::new(&[COUNTER, ("node_modules/x/a.test.js", "test('x', () => {})")]);
    let ended = folder.troupe(&["test"]).expect_code(2);
    assert!(
        ended.stderr.contains(
            "found no test: looked for files named `*.test.js` and `*.test.ts` below `.`"
        ),
        "{}",
        ended.stderr
    );
    folder.write("a.test.js", "test('adds', () => {});");
    let ended = folder
        .troupe(&["test", "--filter", "subtracts"])
        .expect_code(2);
    assert!(
        ended
            .stderr
            .contains("no test has `subtracts` in its name: 1 test looked at"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_name_that_two_scripts_have_is_an_error_where_it_is_used() {
    let folder = Folder::new(&[
        ("one/a.js", "export const Same = act(() => noop());"),
        (
            "two/b.js",
            "export const Same = act(() => noop()); export const Other = act(() => noop());",
        ),
        (
            "all.test.js",
            "test('ambiguous', () => { new SameWorker(); });\ntest('not', () => { new Other(); });\n",
        ),
        (
            "named.test.js",
            "import { Same } from './two/b.js';\ntest('imported', () => { new Same(); new SameWorker(); });\n",
        ),
    ]);
    let ended = folder.troupe(&["test"]).expect_code(1);
    ended.prints(&[
        "`SameWorker` is ambiguous: it may be `Same` of one/a.js, `Same` of two/b.js",
        "✓ not",
        "✓ imported",
        "1 failed, 2 passed in 2 files",
    ]);
}

const SEVERAL: (&str, &str) = (
    "several.test.js",
    "describe('sums', () => {
  test('small', () => expect(1 + 1).toBe(2));
  test('wrong', () => { console.log('looked', [1]); expect(1 + 1).toBe(3); });
  test.skip('later', () => {});
});
test.todo('more');
test('last', () => {});
",
);

#[test]
fn tests_are_chosen_by_name_and_end_at_the_first_failure() {
    let folder = Folder::new(&[SEVERAL]);
    let ended = folder
        .troupe(&["test", "--filter", "sums > small"])
        .expect_code(0);
    ended.prints(&["✓ sums > small", "1 passed, 4 not run"]);
    let ended = folder.troupe(&["test", "--bail"]).expect_code(1);
    ended.prints(&["1 failed, 1 passed, 3 not run"]);
    assert!(!ended.stdout.contains("last"), "{}", ended.stdout);
    folder.write(
        "only.test.js",
        "test.only('one', () => {});\ntest('other', () => {});\n",
    );
    let ended = folder.troupe(&["test", "only.test.js"]).expect_code(0);
    ended.prints(&["✓ one", "- other (skipped)", "1 passed, 1 skipped"]);
}

#[test]
fn results_are_written_for_programs() {
    let folder = Folder::new(&[SEVERAL]);
    let ended = folder
        .troupe(&["test", "--output", "json", "--junit", "results.xml"])
        .expect_code(1);
    let json = ended.json();
    assert_eq!(
        (
            &json["passed"],
            &json["failed"],
            &json["skipped"],
            &json["todo"]
        ),
        (&2.into(), &1.into(), &1.into(), &1.into())
    );
    let wrong = &json["results"][0]["tests"][1];
    assert_eq!(wrong["name"], serde_json::json!(["sums", "wrong"]));
    assert_eq!(
        (&wrong["status"], &wrong["line"]),
        (&"failed".into(), &3.into())
    );
    assert_eq!(wrong["failure"]["place"]["line"], 3);
    assert_eq!(wrong["output"][0], "looked [ 1 ]");
    let xml = std::fs::read_to_string(folder.0.path().join("results.xml")).unwrap();
    for part in [
        "<testsuites name=\"troupe test\" tests=\"5\" failures=\"1\" errors=\"0\"",
        "<testcase classname=\"several.test.js\" name=\"sums &gt; wrong\" file=\"several.test.js\" line=\"3\"",
        "<failure message=\"expect(received).toBe(expected)\">",
        "<skipped/>",
    ] {
        assert!(xml.contains(part), "no {part} in:\n{xml}");
    }
}

#[test]
fn a_change_runs_again_what_it_concerns() {
    let folder = Folder::new(&[
        COUNTER,
        (
            "counter.test.js",
            "import { Counter } from './counter.js';\ntest('counts', () => { expect(Counter.name).toBe('CounterWorker'); });\n",
        ),
        (
            "apart.test.js",
            "import { one } from './lib.mjs';\ntest('apart', () => { expect(one).toBe(1); });\n",
        ),
        ("lib.mjs", "export const one = 1;\n"),
    ]);
    let log = folder.0.path().join("log");
    let mut child = Command::new(troupe_binary())
        .args(["test", "--watch"])
        .current_dir(folder.0.path())
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&log).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let text = || std::fs::read_to_string(&log).unwrap();
    let runs = || text().matches("waiting for changes").count();
    until("the first run", PATIENCE, || (runs() == 1).then_some(()));
    folder.write("lib.mjs", "export const one = 2;\n");
    until("a second run", PATIENCE, || (runs() == 2).then_some(()));
    folder.write("lib.mjs", "export const one = 1;\n");
    until("a third run", PATIENCE, || (runs() == 3).then_some(()));
    folder.write("new.test.js", "test('new', () => {});\n");
    until("a fourth run", PATIENCE, || (runs() == 4).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    let text = text();
    assert!(text.contains("2 passed in 2 files"), "{text}");
    assert_eq!(text.matches("✓ counts").count(), 1, "{text}");
    assert_eq!(
        (
            text.matches("✗ apart").count(),
            text.matches("✓ apart").count()
        ),
        (1, 2),
        "{text}"
    );
    assert_eq!(text.matches("✓ new").count(), 1, "{text}");
}

#[test]
fn scripts_are_told_from_tests_where_both_are_named() {
    let folder = Folder::new(&[COUNTER, ("counter.test.js", "test('x', () => {});")]);
    let checked = folder
        .troupe(&["check", "counter.js", "counter.test.js"])
        .expect_code(0);
    assert!(
        checked.stderr.contains("1 file, 1 worker"),
        "{}",
        checked.stderr
    );
    let alone = folder.troupe(&["check", "counter.test.js"]).expect_code(1);
    assert!(
        alone.stderr.contains("`troupe test` runs them"),
        "{}",
        alone.stderr
    );
}

#[test]
fn a_new_folder_is_green_from_the_start() {
    let outer = Folder::new(&[("full/file", "")]);
    let made = outer.troupe(&["new", "shop"]).expect_code(0);
    made.prints(&[
        "cd shop",
        "troupe test",
        "troupe run counter.js",
        "troupe dev counter.js",
    ]);
    let shop = outer.0.path().join("shop");
    let checked = troupe_in(&shop, &["check", "counter.js"]).expect_code(0);
    assert!(
        checked.stderr.contains("no errors, 0 lints"),
        "{}",
        checked.stderr
    );
    troupe_in(&shop, &["test"])
        .expect_code(0)
        .prints(&["1 passed in 1 file"]);
    let ran = troupe_in(
        &shop,
        &["run", "counter.js", "--messages", "messages.jsonl"],
    )
    .expect_code(0);
    ran.prints(&[r#"{"status":"waiting","state":[7]}"#]);
    let readme = std::fs::read_to_string(shop.join("README.md")).unwrap();
    assert!(readme.starts_with("# shop\n"), "{readme}");
    for file in [
        "troupe.d.ts",
        "troupe-testing.d.ts",
        "jsconfig.json",
        ".gitignore",
    ] {
        assert!(shop.join(file).is_file(), "{file}");
    }
    let again = outer.troupe(&["new", "full"]).expect_code(1);
    assert!(
        again.stderr.contains("`full` is there and not empty"),
        "{}",
        again.stderr
    );
}

#[test]
fn names_that_are_misspelled_are_named_and_guessed() {
    let folder = Folder::new(&[
        COUNTER,
        (
            "import.test.js",
            "import { Conter } from './counter.js';\nimport { tset } from 'troupe';\ntset('a', () => new Conter());\n",
        ),
        (
            "names.test.js",
            "import { Counter } from './counter.js';
test('method', () => new Counter().procesMessage(1));
test('matcher', () => expect(1).toBee(1));
test('state', () => expect(new Counter().state).toBe(0));
test('own', () => { const own = {}; own.plus(1); });
test('global', () => new Countr());
test('there', async () => { const counter = new Counter(); await counter; expect(counter).toBe(counter); });
",
        ),
    ]);
    let ended = folder.troupe(&["test", "import.test.js"]).expect_code(2);
    ended.prints(&[
        "error[E0121]: `counter.js` does not export `Conter`",
        "import.test.js:1:10",
        "did you mean `Counter`?",
        "import.test.js:2:10",
        "did you mean `test`?",
    ]);
    folder.write("only.test.js", "test.onyl('x', () => {});");
    let ended = folder.troupe(&["test", "only.test.js"]).expect_code(1);
    ended.prints(&["`test` has no `onyl`: did you mean `only`?"]);
    folder.write(
        "lines.test.js",
        "test('x', () => console.log('one\\ntwo'));",
    );
    let ended = folder.troupe(&["test", "lines.test.js"]).expect_code(0);
    ended.prints(&["    | one\n    | two\n"]);
    let ended = folder.troupe(&["test", "names.test.js"]).expect_code(1);
    ended.prints(&[
        "a worker under test has no `procesMessage`: did you mean `processMessage`?",
        "at names.test.js:2:",
        "`expect(…)` has no `toBee`: did you mean `toBe`?",
        "a worker under test has no `state`: there are processMessage",
        "`own.plus` is not a function",
        "`Countr` is not defined: did you mean `Counter`?",
        "✓ there",
    ]);
}

#[test]
fn the_sums_in_json_are_those_of_the_tests() {
    let test = "test('one', () => {}); test('two', () => {}); test.skip('three', () => {});";
    let folder = Folder::new(&[COUNTER, ("a.test.js", test)]);
    let ended = folder.troupe(&["test", "--filter", "one", "--output", "json"]);
    let report = ended.expect_code(0).json();
    let tests = report["results"][0]["tests"].as_array().unwrap();
    for status in ["passed", "failed", "skipped", "todo", "not_run"] {
        let count = tests.iter().filter(|test| test["status"] == status).count();
        assert_eq!(report[status], count, "{status}: {report}");
    }
    assert_eq!(report["not_run"], 2);
}

/// A counter for each name.
const KEYED: (&str, &str) = (
    "keyed.js",
    "export const Keyed = act(() => withState(() => 0, n => whileLoop(() =>
  waitFor(() => true, m => modifyState(n, computeState([m], m => n => n + m.n))))), { daemon: true, key: m => m.name });
",
);

#[test]
fn messages_of_other_keys_are_taken_with_a_note() {
    let test = "import { Keyed } from './keyed.js';
const both = [{ name: 'a', n: 1 }, { name: 'b', n: 2 }, { name: 'c', n: 3 }];
test('mixed', async () => { const k = new Keyed(); await k.processMessages(both); expect(k.getState()).toBe(6); });
test('meant', async () => { const k = new Keyed({ key: 'a' }); await k.processMessages(both); });
";
    let both = "{\"name\":\"a\",\"n\":1}\n{\"name\":\"b\",\"n\":2}\n";
    let folder = Folder::new(&[
        KEYED,
        ("keyed.test.js", test),
        ("both.jsonl", both),
        ("none.jsonl", "{\"n\":2}\n"),
    ]);
    let ended = folder.troupe(&["test"]).expect_code(0);
    ended.prints(&[
        "note: a message of the key \"b\" is given to Keyed/a: a cluster would give it to Keyed/b",
    ]);
    assert_eq!(ended.stdout.matches("note:").count(), 1, "{}", ended.stdout);

    let run = |more: &[&str]| {
        let mut all = vec!["run", "keyed.js", "--messages"];
        all.extend(more);
        let ended = folder.troupe(&all).expect_code(0);
        let end: serde_json::Value = serde_json::from_str(ended.stdout.trim()).unwrap();
        (end["state"][0].clone(), ended.stderr)
    };
    let (state, said) = run(&["both.jsonl"]);
    assert_eq!(state, 3);
    assert!(
        said.contains("Keyed has a `key`") && said.contains("2 instances (a, b)"),
        "{said}"
    );
    let (state, said) = run(&["both.jsonl", "--key", "a"]);
    assert_eq!((state, said.as_str()), (serde_json::json!(3), ""));
    let (_, said) = run(&["none.jsonl"]);
    assert!(
        said.contains("a cluster would refuse message 1 to Keyed"),
        "{said}"
    );
}
