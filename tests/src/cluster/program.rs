//! The binary `troupe` as a test sees it: found beside the test's own target folder (built where it is
//! missing), and run to its end with its output kept. What its output should be is the test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::wait::try_until;

/// Names another binary to test.
const VARIABLE: &str = "TROUPE_TEST_BINARY";
/// How long one command may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The path of `troupe`: the one that `TROUPE_TEST_BINARY` names, else the one of the same build as the
/// test, which is made first where there is none. Panics when there is none then.
#[must_use]
pub fn troupe_binary() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> PathBuf {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        assert!(
            path.is_file(),
            "{VARIABLE}: there is no file {}",
            path.display()
        );
        return path;
    }
    // A test binary is TARGET/PROFILE/deps/NAME.
    let test = std::env::current_exe().unwrap();
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("a test is two folders deep");
    let binary = profile.join("troupe");
    if !binary.is_file() {
        build(profile);
    }
    assert!(
        binary.is_file(),
        "`cargo build` made no {}",
        binary.display()
    );
    binary
}

fn build(profile: &Path) {
    eprintln!("building troupe, which the tests run");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(repository())
        .args(["build", "--package", "node", "--bin", "troupe"]);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let target = profile
        .parent()
        .expect("a profile is a folder of the target folder");
    let status = command.arg("--target-dir").arg(target).status().unwrap();
    assert!(status.success(), "troupe does not build");
}

/// The folder of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package is a folder of the repository")
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Ended {
    /// Itself where the exit code is the expected one; panics with both outputs where not.
    pub fn expect_code(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(
            self.code, code,
            "the exit code; standard output:\n{stdout}\nstandard error:\n{stderr}"
        );
        self
    }

    /// Checks that standard output has each of these words.
    pub fn prints(&self, words: &[&str]) {
        for word in words {
            assert!(
                self.stdout.contains(word),
                "no `{word}` in:\n{}",
                self.stdout
            );
        }
    }

    /// Standard output as one JSON value. Panics where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("no JSON on standard output ({error}):\n{}", self.stdout)
        })
    }
}

/// Runs `troupe` with these arguments, without input, and waits for its end.
pub fn troupe(arguments: &[&str]) -> Ended {
    run(Command::new(troupe_binary()).args(arguments))
}

/// Runs a command without input and waits for its end. Panics when it takes more than a minute.
pub fn run(command: &mut Command) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
    let text = |name: &str| {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    command.env("NO_COLOR", "1");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file("stdout"))
        .stderr(file("stderr"))
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let Some(status) = end(&mut child) else {
        panic!(
            "{command:?} runs for more than {DEADLINE:?}:\n{}{}",
            text("stdout"),
            text("stderr")
        );
    };
    Ended {
        code: status.code().unwrap_or(-1),
        stdout: text("stdout"),
        stderr: text("stderr"),
    }
}

fn end(child: &mut Child) -> Option<std::process::ExitStatus> {
    let ended = try_until(DEADLINE, || child.try_wait().unwrap());
    if ended.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    ended
}
