//! The workers under test, for `js/worker.js`: each function that it calls does one thing of a
//! [`vm::testing::TestWorker`].

use std::cell::RefCell;
use std::rc::Rc;

use rquickjs::function::IntoJsFunc;
use rquickjs::{Array, Ctx, Exception, Function, Object, Result, Value};
use vm::data::ErrorKind;
use vm::local::LocalEnd;
use vm::testing::{Emitted, Failure, TestError, TestOptions, TestSource, TestWorker};
use vm::{Address, CallId, Data, Intent, Limits, codes};

use super::bundle::Bundle;
use super::limits::OUTPUT_LINES;
use super::values::{error_of, value_of};

/// What a test file's functions share.
pub(super) struct Shared {
    bundle: Rc<Bundle>,
    workers: RefCell<Vec<Tested>>,
    output: RefCell<Vec<String>>,
    lines_left_out: RefCell<usize>,
}

/// A worker under test.
struct Tested {
    script: usize,
    worker: TestWorker,
    /// How many of its failures the test has seen, or were reported.
    seen: usize,
    /// How many of its lines were printed.
    printed: usize,
    /// Whether it was said that it takes messages of other keys.
    mixes_keys: bool,
}

impl Shared {
    pub(super) fn new(bundle: Rc<Bundle>) -> Rc<Shared> {
        Rc::new(Shared {
            bundle,
            workers: RefCell::default(),
            output: RefCell::default(),
            lines_left_out: RefCell::default(),
        })
    }

    /// Prints a line.
    fn print(&self, line: String) {
        let mut output = self.output.borrow_mut();
        if output.len() < OUTPUT_LINES {
            output.push(line);
        } else {
            *self.lines_left_out.borrow_mut() += 1;
        }
    }

    /// The lines that were printed since the last call.
    pub(super) fn take_output(&self) -> Vec<String> {
        let mut output = std::mem::take(&mut *self.output.borrow_mut());
        let left_out = std::mem::take(&mut *self.lines_left_out.borrow_mut());
        if left_out > 0 {
            output.push(format!("… and {left_out} lines more"));
        }
        output
    }

    /// Script errors that the test has not looked at, each with the place of its script. `fail` is no error of a script: a worker may fail as
    /// it should.
    pub(super) fn take_unseen(&self) -> Vec<(usize, vm::ScriptError)> {
        let mut unseen = Vec::new();
        for tested in self.workers.borrow_mut().iter_mut() {
            let failures = &tested.worker.failures()[tested.seen..];
            let wrong = failures
                .iter()
                .filter(|failure| failure.error.code != codes::FAILED_BY_SCRIPT.code);
            unseen.extend(wrong.map(|failure| (tested.script, failure.error.clone())));
            tested.seen = tested.worker.failures().len();
        }
        unseen
    }

    /// Does something with a worker; then prints what it wrote.
    fn with<T>(
        &self,
        ctx: &Ctx<'_>,
        id: u32,
        act: impl FnOnce(&mut TestWorker) -> std::result::Result<T, TestError>,
    ) -> Result<T> {
        let mut workers = self.workers.borrow_mut();
        let Some(tested) = workers.get_mut(id as usize) else {
            return Err(Exception::throw_internal(ctx, "there is no such worker"));
        };
        let done = act(&mut tested.worker);
        for line in &tested.worker.log()[tested.printed..] {
            self.print(format!("{}: {}", line.worker, line.line));
        }
        tested.printed = tested.worker.log().len();
        done.map_err(|error| throw(ctx, &error))
    }

    /// Looks at how a worker stands: the test has seen its failures, then.
    fn look<T>(&self, ctx: &Ctx<'_>, id: u32, see: impl FnOnce(&TestWorker) -> T) -> Result<T> {
        let seen = self.with(ctx, id, |worker| Ok(see(worker)))?;
        if let Some(tested) = self.workers.borrow_mut().get_mut(id as usize) {
            tested.seen = tested.worker.failures().len();
        }
        Ok(seen)
    }

    /// Says once of a worker that it is given what a cluster would give to another instance.
    fn note_key(&self, id: u32, message: &Data) {
        let mut workers = self.workers.borrow_mut();
        let tested = workers
            .get_mut(id as usize)
            .filter(|tested| !tested.mixes_keys);
        let Some(tested) = tested else { return };
        let other = tested.worker.other_key(message);
        let (Some(key), Some(own)) = (other, tested.worker.address()) else {
            return;
        };
        tested.mixes_keys = true;
        self.print(format!(
            "note: a message of the key \"{key}\" is given to {own}: a cluster would give it to {}/{key}; \
             a test runs one instance, `new {}({{ key }})` says which",
            own.name, own.name
        ));
    }

    fn start(&self, ctx: &Ctx<'_>, script: u32, options: TestOptions) -> Result<u32> {
        let at = script as usize;
        let Some(script) = self.bundle.scripts.get(at) else {
            return Err(Exception::throw_internal(ctx, "there is no such script"));
        };
        let worker = TestWorker::new(script.script.program().clone(), options);
        let worker = worker.map_err(|error| throw(ctx, &error))?;
        let id = self.workers.borrow().len() as u32;
        self.workers.borrow_mut().push(Tested {
            script: at,
            worker,
            seen: 0,
            printed: 0,
            mixes_keys: false,
        });
        self.with(ctx, id, |_| Ok(()))?;
        Ok(id)
    }
}

fn throw(ctx: &Ctx<'_>, error: &TestError) -> rquickjs::Error {
    Exception::throw_message(ctx, &error.to_string())
}

fn data(ctx: &Ctx<'_>, json: &str) -> Result<Data> {
    Data::from_json(json, &Limits::default())
        .map_err(|error| Exception::throw_type(ctx, &format!("this is no message: {error}")))
}

/// The address of a child, where one is meant.
fn child(text: Option<String>) -> Option<Address> {
    text.and_then(|text| text.parse().ok())
}

/// How the worker stands, or a child.
fn end_of(worker: &TestWorker, child: Option<&Address>) -> Option<LocalEnd> {
    worker.end_of(child.or_else(|| worker.address())?)
}

/// Makes the functions that `js/worker.js` and `js/main.js` take over.
pub(super) fn install<'js>(ctx: &Ctx<'js>, shared: &Rc<Shared>) -> Result<()> {
    let native = Object::new(ctx.clone())?;
    install_inputs(ctx, &native, shared)?;
    install_calls(ctx, &native, shared)?;
    install_views(ctx, &native, shared)?;
    install_standing(ctx, &native, shared)?;
    ctx.globals().set("__troupe", native)?;
    let closest = |name: String, names: Vec<String>| {
        let names = names.iter().map(String::as_str);
        vm::closest(&name, names).map(str::to_owned)
    };
    let closest = Function::new(ctx.clone(), closest)?;
    ctx.globals().set("__closest", closest)?;
    let shared = shared.clone();
    let log = Function::new(ctx.clone(), move |line: String| shared.print(line))?;
    ctx.globals().set("__log", log)
}

fn define<'js, P>(
    ctx: &Ctx<'js>,
    native: &Object<'js>,
    name: &str,
    function: impl IntoJsFunc<'js, P> + 'js,
) -> Result<()> {
    native.set(name, Function::new(ctx.clone(), function)?)
}

fn install_inputs<'js>(ctx: &Ctx<'js>, native: &Object<'js>, shared: &Rc<Shared>) -> Result<()> {
    let own = shared.clone();
    let start = move |ctx: Ctx<'js>,
                      script: u32,
                      name: String,
                      key: Option<String>,
                      config: Option<String>,
                      seed: f64,
                      now: Option<f64>| {
        let default = TestOptions::default();
        let config = config
            .map(|config| data(&ctx, &config))
            .transpose()?
            .unwrap_or_default();
        let options = TestOptions {
            worker: Some(name),
            key,
            config,
            seed: seed.to_bits(),
            now_ms: now.map_or(default.now_ms, |now| now as u64),
            ..default
        };
        own.start(&ctx, script, options)
    };
    define(ctx, native, "start", start)?;
    let own = shared.clone();
    let process =
        move |ctx: Ctx<'js>, id: u32, to: Option<String>, from: Option<String>, json: String| {
            let body = data(&ctx, &json)?;
            if to.is_none() {
                own.note_key(id, &body);
            }
            own.with(&ctx, id, |worker| {
                worker.process_data(child(to).as_ref(), from.as_deref(), body)
            })
        };
    define(ctx, native, "process", process)?;
    install_sources(ctx, native, shared)?;
    let own = shared.clone();
    let advance = move |ctx: Ctx<'js>, id: u32, ms: f64| {
        own.with(&ctx, id, |worker| worker.advance(ms as u64))
    };
    define(ctx, native, "advance", advance)?;
    let own = shared.clone();
    let clock =
        move |ctx: Ctx<'js>, id: u32| own.with(&ctx, id, |worker| Ok(worker.clock_ms() as f64));
    define(ctx, native, "clock", clock)?;
    let own = shared.clone();
    let next_due = move |ctx: Ctx<'js>, id: u32| {
        own.with(&ctx, id, |worker| {
            Ok(worker.next_due_ms().map(|ms| ms as f64))
        })
    };
    define(ctx, native, "nextDue", next_due)
}

/// Sources: `kind` is that of an error, and the text its message; otherwise the text is a value's JSON.
fn install_sources<'js>(ctx: &Ctx<'js>, native: &Object<'js>, shared: &Rc<Shared>) -> Result<()> {
    let own = shared.clone();
    let set = move |ctx: Ctx<'js>,
                    id: u32,
                    source: String,
                    kind: Option<String>,
                    text: Option<String>| {
        let source: TestSource = serde_json::from_str(&source)
            .map_err(|error| Exception::throw_type(&ctx, &format!("this is no source: {error}")))?;
        if let Some(kind) = kind {
            let mut known = ErrorKind::ALL.into_iter();
            let kind = known.find(|each| each.name() == kind);
            let message = text.unwrap_or_default();
            return own.with(&ctx, id, |worker| {
                worker.fail_source(&source, kind.unwrap_or(ErrorKind::Error), &message)
            });
        }
        let value = text.map(|json| data(&ctx, &json)).transpose()?;
        own.with(&ctx, id, |worker| {
            worker.set_source_data(&source, value.unwrap_or_default())
        })
    };
    define(ctx, native, "setSource", set)?;
    let own = shared.clone();
    let sources = move |ctx: Ctx<'js>, id: u32| own.with(&ctx, id, |worker| Ok(worker.sources()));
    define(ctx, native, "sources", sources)
}

fn install_calls<'js>(ctx: &Ctx<'js>, native: &Object<'js>, shared: &Rc<Shared>) -> Result<()> {
    let own = shared.clone();
    let ask = move |ctx: Ctx<'js>, id: u32, json: String| {
        let body = data(&ctx, &json)?;
        let call = own.with(&ctx, id, |worker| worker.ask(body))?;
        Ok::<_, rquickjs::Error>(call.number as f64)
    };
    define(ctx, native, "ask", ask)?;
    let own = shared.clone();
    let answer_to = move |ctx: Ctx<'js>, id: u32, number: f64| {
        own.with(&ctx, id, |worker| {
            let answer = worker.answer_to(CallId {
                run: [0; 16],
                number: number as u64,
            });
            Ok(answer.map(Data::to_json))
        })
    };
    define(ctx, native, "answerTo", answer_to)?;
    let own = shared.clone();
    let open = move |ctx: Ctx<'js>, id: u32| own.with(&ctx, id, |worker| Ok(open_calls(worker)));
    define(ctx, native, "openCalls", open)?;
    let own = shared.clone();
    let reply = move |ctx: Ctx<'js>, id: u32, service: String, json: String| {
        let body = data(&ctx, &json)?;
        own.with(&ctx, id, |worker| worker.reply_data(&service, body))
    };
    define(ctx, native, "reply", reply)?;
    let own = shared.clone();
    let reply_to = move |ctx: Ctx<'js>, id: u32, call: String, json: String| {
        let body = data(&ctx, &json)?;
        own.with(&ctx, id, |worker| {
            let open = worker.open_calls();
            let call = open
                .iter()
                .map(|open| open.call)
                .find(|each| call_name(*each) == call);
            call.map_or(Ok(false), |call| worker.reply_to(call, body))
        })
    };
    define(ctx, native, "replyTo", reply_to)
}

fn install_views<'js>(ctx: &Ctx<'js>, native: &Object<'js>, shared: &Rc<Shared>) -> Result<()> {
    let own = shared.clone();
    let emitted =
        move |ctx: Ctx<'js>, id: u32| own.with(&ctx, id, |worker| Ok(emitted(worker.emitted())));
    define(ctx, native, "emitted", emitted)?;
    let own = shared.clone();
    let state = move |ctx: Ctx<'js>, id: u32, of: Option<String>, name: Option<String>| {
        let found = own.with(&ctx, id, |worker| {
            Ok(match child(of) {
                Some(child) => worker.state_of(&child, name.as_deref()),
                None => worker.state_data(name.as_deref()),
            })
        })?;
        value_of(&ctx, &found.unwrap_or_default())
    };
    define(ctx, native, "state", state)?;
    let own = shared.clone();
    let children = move |ctx: Ctx<'js>, id: u32| {
        own.with(&ctx, id, |worker| {
            let children = worker.children();
            Ok(children.iter().map(ToString::to_string).collect::<Vec<_>>())
        })
    };
    define(ctx, native, "children", children)?;
    let own = shared.clone();
    let address = move |ctx: Ctx<'js>, id: u32| {
        own.with(&ctx, id, |worker| {
            Ok(worker.address().map(ToString::to_string))
        })
    };
    define(ctx, native, "address", address)?;
    let own = shared.clone();
    let log = move |ctx: Ctx<'js>, id: u32| {
        own.with(&ctx, id, |worker| {
            let lines = worker.log().iter().map(|line| line.line.clone());
            Ok(lines.collect::<Vec<_>>())
        })
    };
    define(ctx, native, "log", log)
}

fn install_standing<'js>(ctx: &Ctx<'js>, native: &Object<'js>, shared: &Rc<Shared>) -> Result<()> {
    let own = shared.clone();
    let status = move |ctx: Ctx<'js>, id: u32, of: Option<String>| {
        own.look(&ctx, id, |worker| {
            let end = end_of(worker, child(of).as_ref());
            end.map_or("waiting", |end| end.status.as_str())
        })
    };
    define(ctx, native, "status", status)?;
    let own = shared.clone();
    let result = move |ctx: Ctx<'js>, id: u32, of: Option<String>| {
        let end = own.with(&ctx, id, |worker| Ok(end_of(worker, child(of).as_ref())))?;
        value_of(&ctx, &end.map(|end| end.result).unwrap_or_default())
    };
    define(ctx, native, "result", result)?;
    let own = shared.clone();
    let error = move |ctx: Ctx<'js>, id: u32, of: Option<String>| {
        let end = own.look(&ctx, id, |worker| end_of(worker, child(of).as_ref()))?;
        match end.and_then(|end| end.error) {
            Some(error) => error_of(&ctx, &error),
            None => Ok(Value::new_undefined(ctx)),
        }
    };
    define(ctx, native, "error", error)?;
    let own = shared.clone();
    let failures = move |ctx: Ctx<'js>, id: u32| {
        let failures = own.look(&ctx, id, |worker| worker.failures().to_vec())?;
        failure_list(&ctx, &failures)
    };
    define(ctx, native, "failures", failures)?;
    let own = shared.clone();
    let dead_letters = move |ctx: Ctx<'js>, id: u32| {
        let letters = own.look(&ctx, id, |worker| worker.dead_letters().to_vec())?;
        let list = Array::new(ctx.clone())?;
        for (at, letter) in letters.iter().enumerate() {
            let made = Object::new(ctx.clone())?;
            made.set("at", letter.at_ms as f64)?;
            made.set("to", letter.to.to_string())?;
            made.set("message", value_of(&ctx, &letter.message)?)?;
            made.set("cause", error_of(&ctx, &letter.cause)?)?;
            list.set(at, made)?;
        }
        Ok::<_, rquickjs::Error>(list)
    };
    define(ctx, native, "deadLetters", dead_letters)
}

fn failure_list<'js>(ctx: &Ctx<'js>, failures: &[Failure]) -> Result<Array<'js>> {
    let list = Array::new(ctx.clone())?;
    for (at, failure) in failures.iter().enumerate() {
        let made = Object::new(ctx.clone())?;
        made.set("at", failure.at_ms as f64)?;
        made.set("worker", failure.worker.to_string())?;
        made.set("error", error_of(ctx, &failure.error)?)?;
        made.set("restartsAt", failure.restarts_at_ms.map(|ms| ms as f64))?;
        list.set(at, made)?;
    }
    Ok(list)
}

fn emitted(all: &[Emitted]) -> String {
    let each = all.iter().map(|emitted| {
        let kind = match emitted.intent {
            Intent::Ask(_) => "call",
            Intent::Answer(_) => "reply",
            _ => "send",
        };
        format!(
            "{{\"at\":{},\"from\":{},\"to\":{},\"kind\":\"{kind}\",\"message\":{}}}",
            emitted.at_ms,
            quoted(&emitted.from.to_string()),
            quoted(&emitted.to),
            emitted.message.to_json()
        )
    });
    format!("[{}]", each.collect::<Vec<_>>().join(","))
}

fn open_calls(worker: &TestWorker) -> String {
    let open = worker.open_calls();
    let each = open.iter().map(|open| {
        format!(
            "{{\"id\":{},\"from\":{},\"to\":{},\"message\":{}}}",
            quoted(&call_name(open.call)),
            quoted(&open.from.to_string()),
            quoted(open.to),
            open.message.to_json()
        )
    });
    format!("[{}]", each.collect::<Vec<_>>().join(","))
}

fn call_name(call: CallId) -> String {
    format!("{}-{}", u128::from_le_bytes(call.run), call.number)
}

fn quoted(text: &str) -> String {
    Data::from(text).to_json()
}
