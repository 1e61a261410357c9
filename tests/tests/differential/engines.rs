//! The two engines: each runs expressions and says what they give, in the same words.
//!
//! A prelude in JavaScript writes values out, the same in both. Only names of errors are compared: their
//! messages are each engine's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rquickjs::{CatchResultExt, Context, Runtime};
use vm::bytecode::FunctionIndex;
use vm::compile::{Module, Names, compile_module};
use vm::host::NoHost;
use vm::machine::Machine;
use vm::memory::Memory;
use vm::value::Value;
use vm::{BuildLimits, Data, Limits, Source};

/// What an expression gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its value, or the name of what it threw.
    Shown(String),
    /// The engine does not take it; why.
    Refused(String),
    /// It ran into a limit.
    TooMuch,
}

const PRELUDE: &str = r"
const show = (v, d = 0) => {
  if (v === undefined) return 'undefined'
  if (v === null) return 'null'
  if (typeof v === 'number') return Object.is(v, -0) ? '-0' : String(v)
  if (typeof v === 'string') return JSON.stringify(v)
  if (typeof v === 'boolean') return String(v)
  if (typeof v === 'function') return 'function'
  if (d > 6) return '…'
  const pair = k => JSON.stringify(k) + ':' + show(v[k], d + 1)
  if (Array.isArray(v)) {
    let s = ''
    for (let i = 0; i < v.length; i++) s += (i ? ',' : '') + show(v[i], d + 1)
    const named = ['index', 'input', 'groups', 'indices'].filter(k => k in v)
    return '[' + s + named.map(k => ';' + pair(k)).join('') + ']'
  }
  if (v instanceof Date) return 'Date(' + v.getTime() + ')'
  if (v instanceof RegExp) return show(String(v), d) + '@' + show(v.lastIndex, d)
  if (v instanceof Map) return 'Map{' + [...v].map(e => show(e, d + 1)).join() + '}'
  if (v instanceof Set) return 'Set{' + [...v].map(e => show(e, d + 1)).join() + '}'
  if (v instanceof Error) return v.name
  return '{' + Object.keys(v).map(pair).join() + '}'
}
const spread = v => typeof v === 'string' ? Object.assign({}, v) : v
const log = []
const t = (k, v) => {
  if (log.length < 60) log.push(k)
  return v
}
const run = f => {
  let shown
  log.length = 0
  try { shown = show(f()) } catch (e) { shown = 'threw ' + show(e) }
  return log.length ? shown + ' after ' + log.join() : shown
}
";

/// Where the standard leaves it to the engine, QuickJS is made to say what we say: local time is UTC.
const QUICKJS_PRELUDE: &str = r"
for (const name of Object.getOwnPropertyNames(Date.prototype)) {
  const utc = name.replace(/^(get|set)(?!UTC)/, '$1UTC')
  if (utc !== name && utc in Date.prototype) Date.prototype[name] = Date.prototype[utc]
}
Date.prototype.getTimezoneOffset = function () { return isNaN(this) ? NaN : 0 }
const part = choose => function () {
  const parts = /^(\w+), (\d+) (\w+) (-?\d+) (\S+)/.exec(this.toUTCString())
  return parts ? choose(parts) : 'Invalid Date'
}
const day = ([, day, date, month, year]) => `${day} ${month} ${date} ${year}`
const time = parts => `${parts[5]} GMT+0000 (Coordinated Universal Time)`
Date.prototype.toDateString = part(day)
Date.prototype.toTimeString = part(time)
Date.prototype.toString = part(parts => day(parts) + ' ' + time(parts))
";

struct NoNames;

impl Names for NoNames {
    fn is_ambient(&self, _: &str) -> bool {
        false
    }

    fn hint(&self, _: &str) -> Option<String> {
        None
    }
}

fn limits() -> Limits {
    Limits {
        turn_instructions: 3_000_000,
        turn_regex_steps: 300_000,
        call_depth: 400,
        ..Limits::default()
    }
}

fn module(programs: &[String]) -> Result<Module, String> {
    let mut text = PRELUDE.to_owned();
    text.push_str("export default [run");
    for program in programs {
        text.push_str(",\n() => (");
        text.push_str(program);
        text.push(')');
    }
    text.push_str("]\n");
    let source = Source::new("module.js", text);
    let limits = BuildLimits {
        nesting_depth: 1_000,
        ..BuildLimits::default()
    };
    compile_module(&source, &NoNames, &limits).map_err(|diagnostics| {
        let first = &diagnostics[0];
        format!("{} {}", first.code.code, first.message)
    })
}

/// What our machine says of some programs.
pub(crate) fn ours(programs: &[String]) -> Vec<Outcome> {
    match module(programs) {
        Ok(module) => (0..programs.len())
            .map(|at| ours_of(&module, at + 1))
            .collect(),
        Err(error) if programs.len() == 1 => vec![Outcome::Refused(error)],
        // One of them is refused: each by itself, then.
        Err(_) => programs
            .iter()
            .flat_map(|program| ours(std::slice::from_ref(program)))
            .collect(),
    }
}

fn ours_of(module: &Module, at: usize) -> Outcome {
    let limits = limits();
    let memory = Memory::default();
    let mut machine = Machine::new(&module.code, &NoHost, &limits, &memory);
    let main =
        Data::function(FunctionIndex(0), Vec::new()).expect("a function without captures is flat");
    let main = machine.value(main);
    let result = machine.call(&main, &[]).and_then(|exports| {
        let all = machine.array_item(&exports, 0).unwrap_or(Value::Undefined);
        let run = machine.array_item(&all, 0).unwrap_or(Value::Undefined);
        let function = machine.array_item(&all, at).unwrap_or(Value::Undefined);
        machine.call(&run, &[function])
    });
    match result {
        Ok(shown) => match shown.as_text() {
            Some(text) => Outcome::Shown(text.to_string()),
            None => Outcome::Refused("no text".to_owned()),
        },
        Err(trap) => {
            let error = machine.script_error(trap);
            if error.code.starts_with("E04") {
                Outcome::TooMuch
            } else {
                Outcome::Refused(format!("{} {}", error.code, error.message))
            }
        }
    }
}

/// QuickJS, which many programs share.
pub(crate) struct QuickJs {
    context: Context,
    /// Counts down while a program runs.
    patience: Arc<AtomicU64>,
}

/// How often a program may be asked whether it should go on.
const PATIENCE: u64 = 400;

impl QuickJs {
    pub(crate) fn new() -> QuickJs {
        let runtime = Runtime::new().expect("QuickJS starts");
        runtime.set_memory_limit(512 << 20);
        runtime.set_max_stack_size(1 << 20);
        let patience = Arc::new(AtomicU64::new(PATIENCE));
        let left = patience.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || {
            left.fetch_sub(1, Ordering::Relaxed) <= 1
        })));
        let context = Context::full(&runtime).expect("QuickJS has its globals");
        let prelude = PRELUDE
            .replace("const show", "var show")
            .replace("const run", "var run")
            .replace("const t =", "var t =")
            .replace("const spread", "var spread")
            .replace("const log", "var log");
        let prelude = prelude + QUICKJS_PRELUDE;
        context.with(|ctx| {
            ctx.eval::<(), _>(prelude)
                .expect("the prelude is JavaScript");
        });
        QuickJs { context, patience }
    }

    /// What it says of a program.
    pub(crate) fn run(&self, program: &str) -> Outcome {
        self.patience.store(PATIENCE, Ordering::Relaxed);
        let text = format!("'use strict'; run(() => ({program}))");
        self.context
            .with(|ctx| match ctx.eval::<String, _>(text).catch(&ctx) {
                Ok(shown) if shown.starts_with("threw InternalError") => Outcome::TooMuch,
                Ok(shown) => Outcome::Shown(shown),
                Err(error) => {
                    let message = error.to_string();
                    if message.contains("interrupted") || message.contains("out of memory") {
                        Outcome::TooMuch
                    } else {
                        Outcome::Refused(message.lines().next().unwrap_or("").to_owned())
                    }
                }
            })
    }
}
