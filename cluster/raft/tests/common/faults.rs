//! An engine that computes something wrong once, as a flipped bit in memory would make it.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use cluster::Body;
use cluster::engine::model::{Do, ModelEngine};
use cluster::engine::{Context, Engine, Input, Program, Ran, Run, WorkerFacts};
use cluster::record::Failure;
use transport::Address;
use vm::CallId;

/// What is added to the count of the next worker that takes a turn; nothing while it is 0.
#[derive(Clone, Default)]
pub struct Fault(Arc<AtomicI64>);

impl Fault {
    /// The next turn adds this to its worker's count.
    pub fn strike(&self, amount: i64) {
        self.0.store(amount, Ordering::SeqCst);
    }

    /// Whether it did.
    pub fn has_struck(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }

    fn take(&self) -> i64 {
        self.0.swap(0, Ordering::SeqCst)
    }

    /// The engine that it strikes.
    pub fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(Faulty(self.clone()))
    }
}

struct Faulty(Fault);

impl Engine for Faulty {
    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Program>, String> {
        let inner = ModelEngine.load(bytes)?;
        let fault = self.0.clone();
        Ok(Arc::new(FaultyProgram { inner, fault }))
    }
}

struct FaultyProgram {
    inner: Arc<dyn Program>,
    fault: Fault,
}

impl FaultyProgram {
    fn wrap(&self, inner: Box<dyn Run>) -> Box<dyn Run> {
        let fault = self.fault.clone();
        Box::new(FaultyRun { inner, fault })
    }
}

impl Program for FaultyProgram {
    fn worker(&self, name: &str) -> Option<WorkerFacts> {
        self.inner.worker(name)
    }

    fn exported(&self) -> Vec<String> {
        self.inner.exported()
    }

    fn key_of(
        &self,
        worker: &str,
        body: &Body,
        limits: &vm::limits::Limits,
    ) -> Result<String, Failure> {
        self.inner.key_of(worker, body, limits)
    }

    fn rest_after_ms(&self, worker: &str, failures: u32) -> Option<u64> {
        self.inner.rest_after_ms(worker, failures)
    }

    fn schedule(&self, worker: &str) -> Option<&vm::schedule::Schedule> {
        self.inner.schedule(worker)
    }

    fn start(&self, worker: &str, address: &Address, run: [u8; 16]) -> Option<Box<dyn Run>> {
        let started = self.inner.start(worker, address, run)?;
        Some(self.wrap(started))
    }

    fn resume(&self, snapshot: &[u8]) -> Result<Box<dyn Run>, String> {
        Ok(self.wrap(self.inner.resume(snapshot)?))
    }
}

struct FaultyRun {
    inner: Box<dyn Run>,
    fault: Fault,
}

impl Run for FaultyRun {
    fn turn(&mut self, input: Input<'_>, context: &Context<'_>) -> Ran {
        let amount = self.fault.take();
        if amount != 0 {
            let body = Do::body(&[Do::Add(amount)]);
            let wrong = Input::Message {
                body: &body,
                from: None,
                call: None,
            };
            self.inner.turn(wrong, context);
        }
        self.inner.turn(input, context)
    }

    fn accepts_messages(&self) -> bool {
        self.inner.accepts_messages()
    }

    fn awaits(&self, call: CallId) -> bool {
        self.inner.awaits(call)
    }

    fn snapshot(&self) -> Bytes {
        self.inner.snapshot()
    }

    fn copy(&self) -> Box<dyn Run> {
        Box::new(Self {
            inner: self.inner.copy(),
            fault: self.fault.clone(),
        })
    }

    fn go_back_to(&mut self, before: &dyn Run) {
        self.inner.go_back_to(before);
    }

    fn as_any(&self) -> &dyn Any {
        self.inner.as_any()
    }
}
