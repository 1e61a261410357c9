//! The globals of JavaScript: what is there, what is not and why.
//!
//! Before: `names`, `members`, `calls`. After: instructions that name built-ins.
//! Guarantees: whether a built-in exists is asked of the table of built-ins alone; what it does not
//! hold is refused at compile time, by name.

use oxc_ast::ast::Expression;

use super::compiler::Compiler;
use super::names::closest;
use super::refusals::Construct;
use crate::builtins;
use crate::bytecode::Instruction;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Globals whose functions the table of built-ins may hold.
pub(super) const NAMES: &[&str] = &[
    "Array",
    "Boolean",
    "Date",
    "Error",
    "EvalError",
    "Infinity",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "RangeError",
    "ReferenceError",
    "RegExp",
    "Set",
    "String",
    "SyntaxError",
    "TypeError",
    "URIError",
    "console",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "isFinite",
    "isNaN",
    "now",
    "parseFloat",
    "parseInt",
    "structuredClone",
    "undefined",
    "uuid",
];

/// Globals of other environments, with what to write instead.
fn refused(name: &str) -> Option<&'static str> {
    Some(match name {
        "Promise" | "queueMicrotask" => {
            "a worker waits with commands: `call(F, msg, m => …)`, `parallel([…])`"
        }
        "setTimeout"
        | "setInterval"
        | "setImmediate"
        | "clearTimeout"
        | "clearInterval"
        | "requestAnimationFrame" => "wait with a command: `delay(ms)`",
        "fetch" | "XMLHttpRequest" | "WebSocket" | "EventSource" | "navigator" => {
            "ask the `Http` service: `call(Http, { url }, response => …)`"
        }
        "URL" | "URLSearchParams" => {
            "take the text apart with `split`, `encodeURIComponent` and `decodeURIComponent`"
        }
        "Intl" => "format the value with functions of your own",
        "AggregateError" => {
            "put the errors into the `cause` of one: `new Error(text, { cause: errors })`"
        }
        "Symbol" => "use a text as the key",
        "Proxy" | "Reflect" => "read and write properties directly",
        "WeakMap" | "WeakSet" | "WeakRef" | "FinalizationRegistry" => {
            "use an object, `Map` or `Set`"
        }
        "BigInt" | "BigInt64Array" | "BigUint64Array" => {
            "write a number (whole numbers are exact up to 2 ** 53), or keep the digits as a text"
        }
        "ArrayBuffer" | "SharedArrayBuffer" | "DataView" | "Atomics" | "Int8Array"
        | "Uint8Array" | "Uint8ClampedArray" | "Int16Array" | "Uint16Array" | "Int32Array"
        | "Uint32Array" | "Float16Array" | "Float32Array" | "Float64Array" | "Buffer" => {
            "use an array of numbers"
        }
        "TextEncoder" | "TextDecoder" => "read units of a text with `charCodeAt`",
        "eval" | "Function" => "write the code as a function",
        "globalThis" | "window" | "global" => "name the value directly",
        "process" | "require" | "module" | "exports" | "Deno" | "Bun" => {
            "a script has no files, environment or packages; import local modules, and take settings from `config`"
        }
        "document" | "alert" | "prompt" | "localStorage" | "sessionStorage" => {
            "a worker has no page; send a message"
        }
        "performance" => "use `Date.now()`: the time of the message",
        "crypto" => "use `uuid()` or `Math.random()`",
        "AbortController" | "Event" | "EventTarget" => {
            "workers talk by messages: `send`, `waitFor`"
        }
        "Temporal" => "use `Date` and milliseconds",
        "Iterator" | "AsyncIterator" => "use arrays",
        "escape" | "unescape" => "use `encodeURIComponent` and `decodeURIComponent`",
        _ => return None,
    })
}

/// What to write instead of a member that another environment has.
fn member_hint(name: &str) -> Option<&'static str> {
    Some(match name {
        "Object.defineProperty"
        | "Object.defineProperties"
        | "Object.create"
        | "Object.setPrototypeOf" => "make a plain object: `{ ...base, key: value }`",
        _ if name.ends_with(".prototype") => {
            "call the method on a value: `list.map(…)`; what values inherit cannot be changed"
        }
        "Array.fromAsync" => "use `Array.from`",
        "console.error" | "console.warn" | "console.info" | "console.debug" => {
            "write `console.log(…)`"
        }
        _ => return None,
    })
}

impl Compiler<'_> {
    /// `→ value` of a global, or false where the name is none.
    pub(super) fn read_global(&mut self, name: &str, span: Span) -> bool {
        match name {
            "undefined" => {
                self.emit(Instruction::Undefined);
            }
            "NaN" => self.emit_number(f64::NAN),
            "Infinity" => self.emit_number(f64::INFINITY),
            "arguments" => self.refuse_value(
                Construct::Arguments,
                oxc_span::Span::new(span.start, span.end),
            ),
            _ if builtins::find(name).is_some() => {
                let native = self.native(name);
                self.emit(Instruction::Native(native));
            }
            _ if self.refuse_global(name, span) => {
                self.emit(Instruction::Undefined);
            }
            _ if is_namespace(name) => {
                self.refuse_value(
                    Construct::NamespaceValue,
                    oxc_span::Span::new(span.start, span.end),
                );
            }
            _ if NAMES.contains(&name) => {
                self.missing(name, span);
                self.emit(Instruction::Undefined);
            }
            _ => return false,
        }
        true
    }

    /// Refuses a global of another environment; false where the name is none.
    pub(super) fn refuse_global(&mut self, name: &str, span: Span) -> bool {
        let Some(hint) = refused(name) else {
            return false;
        };
        let message = format!("`{name}` is not part of the language");
        self.report(Diagnostic::error(codes::UNSUPPORTED_BUILT_IN, span, message).with_hint(hint));
        true
    }

    /// The global that an expression names, where it does.
    pub(super) fn global_of<'e>(&self, expression: &'e Expression<'_>) -> Option<&'e str> {
        let Expression::Identifier(identifier) = expression else {
            return None;
        };
        let name = identifier.name.as_str();
        let is_global = self.symbol_of(identifier).is_none() && !self.names.is_ambient(name);
        (is_global && (NAMES.contains(&name) || refused(name).is_some())).then_some(name)
    }

    /// The built-in of a name such as `Math.floor`, or an error that names it.
    pub(super) fn built_in(&mut self, name: &str, span: Span) -> Option<u32> {
        if builtins::find(name).is_some() {
            return Some(self.native(name));
        }
        self.missing(name, span);
        None
    }

    pub(super) fn missing(&mut self, name: &str, span: Span) {
        let global = name
            .split('.')
            .next()
            .unwrap_or(name)
            .trim_start_matches("new ");
        if self.refuse_global(global, span) {
            return;
        }
        let diagnostic = Diagnostic::error(
            codes::UNSUPPORTED_BUILT_IN,
            span,
            format!("`{name}` is not part of the language"),
        );
        let guess =
            || closest(name, builtins::names()).map(|guess| format!("did you mean `{guess}`?"));
        let hint = member_hint(name).map(str::to_owned).or_else(guess);
        self.report(match hint {
            Some(hint) => diagnostic.with_hint(hint),
            None => diagnostic,
        });
    }

    /// `→ value` of a member of a global, such as `Math.PI` or `Math.max`.
    pub(super) fn read_global_member(&mut self, global: &str, member: &str, span: Span) {
        let name = format!("{global}.{member}");
        if let Some(number) = builtins::constant(&name) {
            return self.emit_number(number);
        }
        match self.built_in(&name, span) {
            Some(native) => {
                self.emit(Instruction::Native(native));
            }
            None => {
                self.emit(Instruction::Undefined);
            }
        }
    }
}

fn is_namespace(name: &str) -> bool {
    matches!(name, "Math" | "JSON" | "console")
        || (NAMES.contains(&name) && name.starts_with(char::is_uppercase) && has_members(name))
}

fn has_members(name: &str) -> bool {
    let prefix = format!("{name}.");
    builtins::names().any(|known| known.starts_with(&prefix))
}
