//! Runs the tests of one file in an engine of its own.
//!
//! Before: `bundle`. After: `report`. Each test has its time; a test that takes longer, or that waits for
//! what cannot come, fails, and the next one runs.

use std::rc::Rc;
use std::time::Instant;

use rquickjs::{Coerced, Context, Ctx, FromJs, Function, Module, Object, Promise, Runtime, Value};

use super::bundle::{Bundle, TestScript};
use super::drive::{Deadline, Rejections, Trouble, settle};
use super::limits::{MEMORY_BYTES, STACK_BYTES};
use super::modules::{Modules, language_names, stand_ins};
use super::outcome::{Failure, FileOutcome, Place, Status, TestOutcome};
use super::places::{excerpt, expression, places, script_error};
use super::runner::Settings;
use super::workers::{Shared, install};
use crate::output;

/// A test as the file declares it.
struct Declared {
    name: Vec<String>,
    mode: String,
    place: Option<Place>,
}

/// How an engine stands when it has run tests.
#[derive(PartialEq)]
enum After {
    /// All have run.
    Done,
    /// One did not end, or took all memory: what it left behind would go on, so those behind it run in a new
    /// engine.
    Spoilt,
}

/// What runs one file.
struct Engine<'a> {
    bundle: Rc<Bundle>,
    settings: &'a Settings,
    shared: Rc<Shared>,
    deadline: Rc<Deadline>,
    rejections: Rc<Rejections>,
}

/// Runs a file. The settings say whether another test may begin, and are told of each that failed.
pub(super) fn run(bundle: Bundle, settings: &Settings) -> FileOutcome {
    let bundle = Rc::new(bundle);
    let began = Instant::now();
    let mut outcome = FileOutcome {
        file: bundle.entry.clone(),
        read: bundle.files(),
        looked_around: bundle.looked_around,
        ..FileOutcome::default()
    };
    loop {
        let engine = Engine {
            shared: Shared::new(bundle.clone()),
            bundle: bundle.clone(),
            settings,
            deadline: Rc::default(),
            rejections: Rc::default(),
        };
        match engine.file(&mut outcome) {
            Ok(After::Done) => break,
            Ok(After::Spoilt) => {}
            Err(error) => {
                let what = format!("error: the engine of the test file failed: {error}");
                outcome.errors.push(what);
                break;
            }
        }
    }
    outcome.duration = began.elapsed();
    outcome
}

impl Engine<'_> {
    fn file(&self, outcome: &mut FileOutcome) -> rquickjs::Result<After> {
        let runtime = Runtime::new()?;
        runtime.set_memory_limit(MEMORY_BYTES);
        runtime.set_max_stack_size(STACK_BYTES);
        runtime.set_interrupt_handler(Some(self.deadline.interrupt()));
        runtime.set_host_promise_rejection_tracker(Some(self.rejections.tracker()));
        let modules = Modules {
            bundle: self.bundle.clone(),
        };
        runtime.set_loader(modules.clone(), modules);
        let context = Context::full(&runtime)?;
        context.with(|ctx| {
            let done = self.tests(&ctx, outcome);
            // Nothing of the engine may outlive it.
            self.rejections.take(&ctx);
            done
        })
    }

    /// Runs the tests of the file that have not run yet.
    fn tests<'js>(&self, ctx: &Ctx<'js>, outcome: &mut FileOutcome) -> rquickjs::Result<After> {
        install(ctx, &self.shared)?;
        self.deadline.begin(self.settings.timeout);
        let main = self.main(ctx)?;
        let read = self.read(ctx);
        let output = self.shared.take_output();
        let done = outcome.tests.len();
        if done == 0 {
            outcome.output = output;
        }
        if let Err(failure) = read {
            outcome.errors.push(failure.to_text());
            return Ok(After::Done);
        }
        let declared = self.declared(&main)?;
        if declared.is_empty() {
            let entry = &self.bundle.entry;
            let what = if self.bundle.modules[entry].plain.makes_workers {
                "it is a script with workers; tests stand beside it, in a file that ends in `.test.js`"
            } else {
                "write `test(\"…\", () => …)`"
            };
            let error = format!("error: `{entry}` has no test: {what}");
            outcome.errors.push(error);
            outcome.broken = true;
            return Ok(After::Done);
        }
        let runs = |test: &Declared| test.mode == "run" && self.settings.takes(&test.name);
        let chosen: Vec<usize> = (done..declared.len())
            .filter(|at| runs(&declared[*at]))
            .collect();
        main.get::<_, Function<'js>>("choose")?
            .call::<_, ()>((chosen,))?;
        let run: Function<'js> = main.get("run")?;
        for (index, test) in declared.into_iter().enumerate().skip(done) {
            let status = match test.mode.as_str() {
                _ if !self.settings.takes(&test.name) || self.settings.stops() => Status::NotRun,
                "todo" => Status::Todo,
                "skip" => Status::Skipped,
                _ => Status::Passed,
            };
            let mut result = TestOutcome {
                name: test.name,
                status,
                line: test.place.as_ref().map(|place| place.line),
                duration: std::time::Duration::ZERO,
                failure: None,
                output: Vec::new(),
            };
            let mut after = After::Done;
            if status == Status::Passed {
                after = self.test(ctx, &run, index, &mut result);
                self.place(&mut result, test.place.as_ref());
            }
            outcome.tests.push(result);
            if after == After::Spoilt {
                return Ok(after);
            }
        }
        Ok(After::Done)
    }

    /// Loads our own modules and makes the workers globals.
    fn main<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
        let (module, promise) = Module::declare(
            ctx.clone(),
            "troupe:start",
            "import * as main from \"troupe:main\";\nexport { main };",
        )?
        .eval()?;
        promise.finish::<()>()?;
        let main: Object<'js> = module.get("main")?;
        let globals = self.bundle.globals();
        let globals = globals.iter().map(|(name, found)| {
            let found = found.iter().map(|(script, worker)| {
                let TestScript { path, script: of, .. } = &self.bundle.scripts[*script];
                let worker = of.program().worker(worker);
                let name = worker.map(|worker| &worker.name);
                let reactive = worker.is_some_and(|worker| worker.options.reactive);
                serde_json::json!({ "script": script, "name": name, "file": path, "reactive": reactive })
            });
            (name.clone(), found.collect::<serde_json::Value>())
        });
        let globals: serde_json::Map<String, serde_json::Value> = globals.collect();
        let globals = ctx.json_parse(serde_json::Value::Object(globals).to_string())?;
        main.get::<_, Function<'js>>("defineGlobals")?
            .call::<_, ()>((globals,))?;
        ctx.eval::<(), _>(stand_ins(&self.bundle))?;
        Ok(main)
    }

    /// Evaluates the test file: it declares its tests.
    fn read(&self, ctx: &Ctx<'_>) -> Result<(), Failure> {
        let entry = &self.bundle.entry;
        let text = self.bundle.modules[entry].plain.text.clone();
        let evaluated = Module::declare(ctx.clone(), entry.as_str(), text)
            .and_then(|module| module.eval().map(|(_, promise)| promise));
        let settled = settle(ctx, evaluated, &self.deadline, &self.rejections);
        let failed = settled.map_err(|trouble| self.failure(ctx, trouble, "the file"));
        failed.and_then(|()| self.unhandled(ctx))
    }

    /// A rejected promise that nobody looked at.
    fn unhandled(&self, ctx: &Ctx<'_>) -> Result<(), Failure> {
        match self.rejections.take(ctx) {
            Some(reason) => {
                let mut failure = self.failure(ctx, Trouble::Thrown(reason), "the test");
                let hint = "a promise was rejected and nobody awaited it: is an `await` missing?";
                failure.message = format!("{hint}\n\n{}", failure.message);
                Err(failure)
            }
            None => Ok(()),
        }
    }

    fn declared<'js>(&self, main: &Object<'js>) -> rquickjs::Result<Vec<Declared>> {
        let list: Vec<Object<'js>> = main.get::<_, Function<'js>>("close")?.call(())?;
        let declared = list.into_iter().map(|test| {
            let stack: String = test.get("stack")?;
            Ok(Declared {
                name: test.get("path")?,
                mode: test.get("mode")?,
                place: places(&stack, &self.bundle).into_iter().next(),
            })
        });
        declared.collect()
    }

    fn test<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Function<'js>,
        index: usize,
        result: &mut TestOutcome,
    ) -> After {
        let began = Instant::now();
        self.deadline.begin(self.settings.timeout);
        let called = run.call::<_, Promise<'js>>((index,));
        let settled = settle(ctx, called, &self.deadline, &self.rejections);
        let mut after = match &settled {
            Err(Trouble::TimedOut) => After::Spoilt,
            _ => After::Done,
        };
        let mut failed = settled
            .map_err(|trouble| self.failure(ctx, trouble, "the test"))
            .and_then(|()| self.unhandled(ctx));
        if matches!(&failed, Err(failure) if failure.message.ends_with("out of memory")) {
            after = After::Spoilt;
        }
        self.rejections.take(ctx);
        let unseen = self.shared.take_unseen();
        if failed.is_ok() && !unseen.is_empty() {
            let message = "a worker had a script error, and the test did not look at it: it may expect one by `worker.status`, `worker.error` or `worker.failures`";
            failed = Err(Failure {
                message: message.to_owned(),
                ..Failure::default()
            });
        }
        result.duration = began.elapsed();
        result.output = self.shared.take_output();
        if let Err(mut failure) = failed {
            let shown = unseen.iter().map(|(script, error)| {
                let script = &self.bundle.scripts[*script];
                script_error(error, script, output::colours())
            });
            failure.worker_errors = shown.collect();
            result.failure = Some(failure);
            result.status = Status::Failed;
            self.settings.note_failure();
        }
        after
    }

    /// A failure without a place is shown where its test stands.
    fn place(&self, result: &mut TestOutcome, place: Option<&Place>) {
        if let (Some(failure), Some(place)) = (&mut result.failure, place)
            && failure.place.is_none()
        {
            failure.excerpt = excerpt(place, &self.bundle);
            failure.place = Some(place.clone());
        }
    }

    /// What went wrong, for people.
    fn failure<'js>(&self, ctx: &Ctx<'js>, trouble: Trouble<'js>, what: &str) -> Failure {
        let thrown = match trouble {
            Trouble::Thrown(value) => value,
            Trouble::Engine(error) => return Failure::of(error.to_string()),
            Trouble::TimedOut => {
                let limit = self.settings.timeout.as_millis();
                return Failure::of(format!(
                    "{what} did not end within {limit} ms: is there a loop without end? `--timeout MS` allows more"
                ));
            }
            Trouble::Stuck => {
                return Failure::of(format!(
                    "{what} waits for a promise that nothing settles: there is no clock and no network here; time passes by `worker.advance(ms)`"
                ));
            }
        };
        let Some(object) = thrown.as_object() else {
            let shown = text_of(ctx, thrown.clone());
            return Failure::of(format!("threw {shown}"));
        };
        let part = |name: &str| {
            object
                .get::<_, Option<Coerced<String>>>(name)
                .ok()
                .flatten()
                .map(|text| text.0)
        };
        let stack = part("stack").unwrap_or_default();
        let found = places(&stack, &self.bundle);
        let (name, message) = (part("name"), part("message").unwrap_or_default());
        let message = self.explained(message, found.first());
        let message = match name.as_deref() {
            Some("AssertionError") => message,
            Some(name) => format!("{name}: {message}"),
            None => format!("threw {}", text_of(ctx, thrown.clone())),
        };
        // The line of the test rather than that of a helper that it imports.
        let own = found.iter().find(|place| place.file == self.bundle.entry);
        let place = own.or(found.first());
        Failure {
            message,
            excerpt: place
                .map(|place| excerpt(place, &self.bundle))
                .unwrap_or_default(),
            place: place.cloned(),
            worker_errors: Vec::new(),
        }
    }
}

impl Engine<'_> {
    /// What the engine says of a name that it leaves out, and what an unknown name may have been meant to be.
    fn explained(&self, message: String, place: Option<&Place>) -> String {
        if message == "not a function" || message == "not a constructor" {
            let named = place.and_then(|place| expression(place, &self.bundle));
            return match named {
                Some(named) => format!("`{named}` is {message}"),
                None => message,
            };
        }
        let Some(name) = message.strip_suffix(" is not defined") else {
            return message;
        };
        let globals = self.bundle.globals();
        let own = globals.keys().map(String::as_str);
        match vm::closest(
            name,
            own.chain(language_names().map(|name| -> &str { name })),
        ) {
            Some(guess) => format!("`{name}` is not defined: did you mean `{guess}`?"),
            None => format!("`{name}` is not defined"),
        }
    }
}

fn text_of<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> String {
    let json = ctx.json_stringify(value.clone()).ok().flatten();
    let json = json.and_then(|json| json.to_string().ok());
    json.or_else(|| {
        Coerced::<String>::from_js(ctx, value)
            .ok()
            .map(|text| text.0)
    })
    .unwrap_or_default()
}
