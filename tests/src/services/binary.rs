//! Finds the binaries of services: a variable that `./test` exports, else the folder that its scripts fill.
//! A missing binary fails the test that needs it, so that nothing passes by not running; a user who cannot
//! have it says so with a variable, and the test names itself as not tested.

use std::path::{Path, PathBuf};

/// Set to `1` by a user whose machine cannot have every service.
const ALLOW_MISSING: &str = "TROUPE_TEST_ALLOW_MISSING";

/// The path of `nats-server`. `None`, with a line on standard error, only where the user allows it to be
/// missing; panics otherwise.
#[must_use]
pub fn nats_server() -> Option<PathBuf> {
    find("TROUPE_TEST_NATS_SERVER", "nats-server")
}

/// The path of `jaeger`. `None`, with a line on standard error, only where the user allows it to be missing;
/// panics otherwise.
#[must_use]
pub fn jaeger_server() -> Option<PathBuf> {
    find("TROUPE_TEST_JAEGER", "jaeger")
}

/// The path of `tsc`, the compiler of TypeScript, which needs Node.js. `None`, with a line on standard error, only
/// where the user allows it to be missing; panics otherwise.
#[must_use]
pub fn typescript() -> Option<PathBuf> {
    find("TROUPE_TEST_TSC", "tsc")
}

/// Whether this user's machine may lack what tests need.
pub(crate) fn allows_missing() -> bool {
    std::env::var(ALLOW_MISSING).is_ok_and(|value| value == "1")
}

fn find(variable: &str, name: &str) -> Option<PathBuf> {
    let cache = match std::env::var_os("TROUPE_TEST_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache"),
    };
    let given = std::env::var_os(variable)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    match choose(given, &cache.join("bin").join(name)) {
        Ok(path) => Some(path),
        Err(reason) if allows_missing() => {
            eprintln!("not tested: {reason}");
            None
        }
        Err(reason) => panic!(
            "{reason}. Run `./test`, which gets it, or set {variable} to its path; \
             with {ALLOW_MISSING}=1 the tests that need it are left out"
        ),
    }
}

/// The given path, else the cached one, where there is such a file.
fn choose(given: Option<PathBuf>, cached: &Path) -> Result<PathBuf, String> {
    match given {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => Err(format!("there is no file {}", path.display())),
        None if cached.is_file() => Ok(cached.to_path_buf()),
        None => Err(format!("there is no {}", cached.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn a_given_path_goes_first_and_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let (given, cached) = (folder.path().join("given"), folder.path().join("cached"));
        assert!(choose(None, &cached).unwrap_err().contains("cached"));
        std::fs::write(&cached, "").unwrap();
        assert_eq!(choose(None, &cached).unwrap(), cached);
        assert!(
            choose(Some(given.clone()), &cached)
                .unwrap_err()
                .contains("given")
        );
        std::fs::write(&given, "").unwrap();
        assert_eq!(choose(Some(given.clone()), &cached).unwrap(), given);
    }
}
