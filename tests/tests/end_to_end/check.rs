//! `troupe check` beyond errors: fixes of files, what would be fixed, and what editors read. Needs no node.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use tests::cluster::troupe;

const BEFORE: &str = "import { double } from './lib.js';
export const Doubler = act(() => sequence(() => [
  waitFor(m => m.n > 0),
  send(outbox, readState(orderHandle, m => double(m.n))),
  complete,
]));
";
const AFTER: &str = "import { double } from './lib.js';
export const Doubler = act((self, { outbox, complete }) => sequence(() => [
  waitFor(m => m.n > 0, order => sequence(() => [
  send(outbox, readState(order, m => double(m.n))),
  complete()])),
]));
";
const LIBRARY: &str = "export const double = n => n * 2; // troupe-ignore W0003: no longer so\n";

fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doubler.js"), BEFORE).unwrap();
    std::fs::write(folder.path().join("lib.js"), LIBRARY).unwrap();
    let file = folder.path().join("doubler.js").display().to_string();
    (folder, file)
}

#[test]
fn fixes_are_shown_or_written() {
    let (folder, file) = folder();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&file, mode).unwrap();
    troupe(&["check", &file]).expect_code(2);
    troupe(&["check", &file, "--dry-run"]).expect_code(2);
    let shown = troupe(&["check", &file, "--fix", "--dry-run"]).expect_code(0);
    for line in [
        "--- doubler.js",
        "-  complete,",
        "+  complete()])),",
        "--- lib.js",
    ] {
        assert!(
            shown.stdout.lines().any(|found| found == line),
            "{}",
            shown.stdout
        );
    }
    assert_eq!(
        (read("doubler.js").as_str(), read("lib.js").as_str()),
        (BEFORE, LIBRARY)
    );

    let fixed = troupe(&["check", &file, "--fix"]).expect_code(0);
    assert!(
        fixed.stdout.contains("doubler.js: 4 fixes"),
        "{}",
        fixed.stdout
    );
    assert!(
        fixed.stdout.contains("E0104 4:8 take it from"),
        "{}",
        fixed.stdout
    );
    assert!(
        fixed.stderr.contains("no errors, 0 lints"),
        "{}",
        fixed.stderr
    );
    assert_eq!(read("doubler.js"), AFTER);
    assert_eq!(read("lib.js"), "export const double = n => n * 2; \n");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let names = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "nothing else is left in the folder");

    let again = troupe(&["check", &file, "--fix"]).expect_code(0);
    assert_eq!(again.stdout, "nothing to fix\n");
    std::fs::write(&file, "export const Doubler = ;").unwrap();
    let wrong = troupe(&["check", &file, "--fix"]).expect_code(2);
    assert_eq!(wrong.stdout, "nothing here has a fix: change it by hand\n");
}

#[test]
fn editors_get_places_and_fixes() {
    let (folder, file) = folder();
    let found = troupe(&["check", &file, "--output", "json"])
        .expect_code(2)
        .json();
    assert_eq!((&found["errors"], &found["lints"]), (&json!(2), &json!(0)));
    let first = &found["diagnostics"][0];
    assert_eq!(first["file"], "doubler.js");
    assert_eq!(first["code"], "E0104");
    assert_eq!(first["severity"], "error");
    assert_eq!(
        first["start"],
        json!({ "line": 4, "column": 8, "offset": BEFORE.find("outbox").unwrap() })
    );
    let edit = &first["fix"]["edits"][0];
    assert_eq!(edit["text"], "(self, { outbox })");
    let start = edit["start"]["offset"].as_u64().unwrap() as usize;
    let end = edit["end"]["offset"].as_u64().unwrap() as usize;
    assert_eq!(&BEFORE[start..end], "()");

    std::fs::write(&file, AFTER).unwrap();
    let main = folder.path().join("main.js");
    std::fs::write(&main, "export { Doubler } from './doubler.js';").unwrap();
    let main = main.display().to_string();
    let found = troupe(&["check", &file, &main, "--output", "json"])
        .expect_code(0)
        .json();
    assert_eq!(found["workers"], json!(["Doubler", "Doubler"]));
    let lints = found["diagnostics"].as_array().unwrap();
    assert_eq!(
        lints.len(),
        1,
        "what both import is spoken of once: {lints:?}"
    );
    assert_eq!(
        (&lints[0]["file"], &lints[0]["code"]),
        (&json!("lib.js"), &json!("W0014"))
    );
}

#[test]
fn types_are_printed() {
    for (arguments, name) in [
        (&["types"] as &[&str], "troupe.d.ts"),
        (&["types", "--testing"], "troupe-testing.d.ts"),
    ] {
        let printed = troupe(arguments).expect_code(0).stdout;
        let file = tests::cluster::repository().join("vm/types").join(name);
        assert!(
            printed == std::fs::read_to_string(file).unwrap(),
            "the binary has another {name} than the repository"
        );
    }
}
