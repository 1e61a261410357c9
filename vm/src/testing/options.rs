//! What a worker under test is started with.

use serde_json::Value;

use super::{Script, TestError, TestWorker};
use crate::data::Data;
use crate::limits::Limits;
use crate::local::{DEFAULT_NOW_MS, LocalOptions};

/// How many turns may follow from one message or timer of a test.
const TURNS_MAX: u64 = 100_000;

/// What a worker under test is started with.
#[derive(Clone, Debug)]
pub struct TestOptions {
    /// The worker; may be left out where the module exports one only.
    pub worker: Option<String>,
    /// Its key: that of the first message for a worker with `key`, else `default`, where left out.
    pub key: Option<String>,
    /// Its config.
    pub config: Data,
    /// The virtual clock's start, in milliseconds since 1970: 2000-01-01T00:00Z where left out.
    pub now_ms: u64,
    /// What chance comes from.
    pub seed: u64,
    /// What turns may use.
    pub limits: Limits,
}

impl Default for TestOptions {
    fn default() -> TestOptions {
        TestOptions {
            worker: None,
            key: None,
            config: Data::Undefined,
            now_ms: DEFAULT_NOW_MS,
            seed: 0,
            limits: Limits::default(),
        }
    }
}

impl TestOptions {
    pub(super) fn into_local(self, worker: String) -> LocalOptions {
        LocalOptions {
            worker: Some(worker),
            key: self.key,
            config: self.config,
            now_ms: self.now_ms,
            seed: self.seed,
            until_ms: None,
            limits: self.limits,
            turns_max: TURNS_MAX,
            alone: true,
        }
    }
}

/// A worker of a script, to be started with what is said of it.
#[derive(Clone, Debug)]
pub struct NewWorker {
    pub(super) script: Script,
    pub(super) options: TestOptions,
    pub(super) config: Option<Value>,
}

impl NewWorker {
    /// Starts it with a config.
    #[must_use]
    pub fn config(mut self, config: Value) -> NewWorker {
        self.config = Some(config);
        self
    }

    /// Starts it as `NAME/KEY`.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> NewWorker {
        self.options.key = Some(key.into());
        self
    }

    /// Draws chance from a seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> NewWorker {
        self.options.seed = seed;
        self
    }

    /// Starts the virtual clock at a time, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(mut self, now_ms: u64) -> NewWorker {
        self.options.now_ms = now_ms;
        self
    }

    /// Bounds what turns may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> NewWorker {
        self.options.limits = limits;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// The script has no such worker, or the config is not what JSON can say.
    pub fn start(mut self) -> Result<TestWorker, TestError> {
        if let Some(config) = &self.config {
            self.options.config = Data::from_json(&config.to_string(), &self.options.limits)?;
        }
        TestWorker::new(self.script.program().clone(), self.options)
    }
}
