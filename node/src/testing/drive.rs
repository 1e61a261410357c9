//! Runs the engine's jobs until a promise is settled, and no longer than a test may take.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::promise::PromiseState;
use rquickjs::runtime::{InterruptHandler, RejectionTracker};
use rquickjs::{CatchResultExt, CaughtError, Ctx, Error, Persistent, Promise, Value};

/// When what runs now has to have ended.
#[derive(Default)]
pub(super) struct Deadline {
    at: Cell<Option<Instant>>,
    passed: Cell<bool>,
}

impl Deadline {
    /// Begins a stretch of work.
    pub(super) fn begin(&self, time: Duration) {
        self.at.set(Instant::now().checked_add(time));
        self.passed.set(false);
    }

    /// Whether the work has taken too long.
    fn is_over(&self) -> bool {
        let over = self.at.get().is_some_and(|at| Instant::now() >= at);
        self.passed.set(self.passed.get() || over);
        over
    }

    /// The engine asks this between instructions: it stops a loop that has no end.
    pub(super) fn interrupt(self: &Rc<Self>) -> InterruptHandler {
        let deadline = self.clone();
        Box::new(move || deadline.is_over())
    }
}

/// Why a promise has no value.
pub(super) enum Trouble<'js> {
    /// It was rejected, or something was thrown before there was a promise.
    Thrown(Value<'js>),
    /// The engine says so.
    Engine(Error),
    /// It took too long.
    TimedOut,
    /// There is nothing left to do, and it is not settled.
    Stuck,
}

type Rejection = (Persistent<Value<'static>>, Persistent<Value<'static>>);

/// Promises that were rejected and that nobody looked at, each with its reason.
#[derive(Default)]
pub(super) struct Rejections {
    open: RefCell<Vec<Rejection>>,
}

impl Rejections {
    /// What the engine tells of each rejection, and of handlers that come later.
    pub(super) fn tracker(self: &Rc<Self>) -> RejectionTracker {
        let rejections = self.clone();
        Box::new(move |ctx, promise, reason, is_handled| {
            if is_handled {
                rejections.forget(&ctx, &promise);
            } else {
                let rejection = (
                    Persistent::save(&ctx, promise),
                    Persistent::save(&ctx, reason),
                );
                rejections.open.borrow_mut().push(rejection);
            }
        })
    }

    fn forget<'js>(&self, ctx: &Ctx<'js>, promise: &Value<'js>) {
        let is_other = |(known, _): &Rejection| {
            let known = known.clone().restore(ctx);
            known.map_or(true, |known| known != *promise)
        };
        self.open.borrow_mut().retain(is_other);
    }

    /// The reason of the first; all are forgotten.
    pub(super) fn take<'js>(&self, ctx: &Ctx<'js>) -> Option<Value<'js>> {
        let all = std::mem::take(&mut *self.open.borrow_mut());
        let (_, reason) = all.into_iter().next()?;
        reason.restore(ctx).ok()
    }
}

/// Waits for a promise that a call returns.
pub(super) fn settle<'js>(
    ctx: &Ctx<'js>,
    called: rquickjs::Result<Promise<'js>>,
    deadline: &Deadline,
    rejections: &Rejections,
) -> Result<(), Trouble<'js>> {
    let promise = called
        .catch(ctx)
        .map_err(|error| trouble(error, deadline))?;
    while promise.state() == PromiseState::Pending {
        if deadline.passed.get() || deadline.is_over() {
            return Err(Trouble::TimedOut);
        }
        if !ctx.execute_pending_job() {
            return Err(Trouble::Stuck);
        }
    }
    rejections.forget(ctx, promise.as_value());
    match promise.result::<Value<'js>>() {
        Some(result) => {
            let result = result.catch(ctx);
            result.map_err(|error| trouble(error, deadline)).map(drop)
        }
        None => Err(Trouble::Stuck),
    }
}

/// What was caught, unless it is the end of the engine's patience.
pub(super) fn trouble<'js>(error: CaughtError<'js>, deadline: &Deadline) -> Trouble<'js> {
    if deadline.passed.get() {
        return Trouble::TimedOut;
    }
    match error {
        CaughtError::Exception(exception) => Trouble::Thrown(exception.into_value()),
        CaughtError::Value(value) => Trouble::Thrown(value),
        CaughtError::Error(error) => Trouble::Engine(error),
    }
}
