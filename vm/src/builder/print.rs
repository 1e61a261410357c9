//! The script of a module: each command on a line of its own, so that errors have a place that says something.
//!
//! Variables are numbered in the order in which the builder made them; a parameter that nothing uses is left
//! out, as one would write it.

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};
use std::rc::Rc;

use serde_json::Value;

use super::command::{Argument, Command, Name};
use super::expression::{Expr, Node, Part};
use super::module::{Member, Module};
use super::operand::{Kind, Operand};
use super::reactive::Reactive;
use super::worker::Act;
use crate::number::number_to_text;

/// Names that begin with a capital letter and are no workers.
const GLOBALS: [&str; 22] = [
    "Array",
    "BigInt",
    "Boolean",
    "Date",
    "Error",
    "EvalError",
    "Infinity",
    "Intl",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "RangeError",
    "ReferenceError",
    "RegExp",
    "Set",
    "String",
    "SyntaxError",
    "TypeError",
];

/// How tightly an expression holds together: what stands inside one that holds tighter is in parentheses.
const ARROW: u8 = 20;
const CONDITIONAL: u8 = 30;
const UNARY: u8 = 150;
const MEMBER: u8 = 180;
const PRIMARY: u8 = 200;

/// What printing a worker has come upon.
#[derive(Default)]
struct Printer {
    used: BTreeSet<u32>,
    helpers: BTreeSet<&'static str>,
    uses_self: bool,
    locals: Vec<*const Node>,
}

/// The whole script.
pub(super) fn module(module: &Module) -> String {
    let members = module.members.iter().map(|member| match member {
        Member::Worker(act) => format!("export const {} = {};\n", act.name, worker(act)),
        Member::Child(act) => format!("const {} = {};\n", act.name, worker(act)),
        Member::Reactive(made) => format!("export const {} = {};\n", made.name, reactive(made)),
    });
    members.collect::<Vec<_>>().join("\n")
}

fn reactive(made: &Reactive) -> String {
    let mut printer = Printer::default();
    let body = printer.body(&made.body);
    let last = made
        .parameters
        .iter()
        .rposition(|number| printer.used.contains(number));
    let used = &made.parameters[..last.map_or(0, |at| at + 1)];
    let parameters: String = used.iter().map(|number| format!(", v{number}")).collect();
    format!("reactive((get{parameters}) =>\n  {body})")
}

fn worker(act: &Act) -> String {
    let mut printer = Printer::default();
    let body = printer.command(&act.body, 1);
    let helpers: Vec<&str> = printer.helpers.iter().copied().collect();
    let parameters = match (helpers.is_empty(), printer.uses_self) {
        (false, _) => format!("(self, {{ {} }})", helpers.join(", ")),
        (true, true) => "self".to_owned(),
        (true, false) => "()".to_owned(),
    };
    let options = printer.options(&act.options, 0);
    format!("act({parameters} =>\n  {body}{options})")
}

impl Printer {
    fn command(&mut self, command: &Command, depth: usize) -> String {
        let name = match &command.name {
            Name::Global(name) => (*name).to_owned(),
            Name::Helper(name) => {
                self.helpers.insert(name);
                (*name).to_owned()
            }
            Name::Of(number, "done") => {
                self.used.insert(*number);
                "done".to_owned()
            }
            Name::Of(number, method) => {
                self.used.insert(*number);
                format!("v{number}.{method}")
            }
        };
        let arguments = command.arguments.iter();
        let arguments: Vec<String> = arguments
            .map(|argument| self.argument(argument, depth))
            .collect();
        let options = self.options(&command.options, depth);
        format!("{name}({}{options})", arguments.join(", "))
    }

    /// A last argument with the options, where there are some.
    fn options(&mut self, options: &[(&'static str, Argument)], depth: usize) -> String {
        if options.is_empty() {
            return String::new();
        }
        let each = options
            .iter()
            .map(|(name, value)| format!("{name}: {}", self.argument(value, depth)));
        format!(", {{ {} }}", each.collect::<Vec<_>>().join(", "))
    }

    fn argument(&mut self, argument: &Argument, depth: usize) -> String {
        match argument {
            Argument::Operand(operand) => self.operand(operand),
            Argument::Command(command) => self.command(command, depth),
            Argument::Continuation(number, command) => {
                let body = self.command(command, depth + 1);
                let parameter = self.parameters(&[*number]);
                format!("{parameter} =>\n{}{body}", "  ".repeat(depth + 1))
            }
            Argument::Function(parameters, body) => self.function(parameters, body),
            Argument::Given(refs, outer, inner, body) => {
                let inner = self.function(inner, body);
                let (refs, outer) = (self.operands(refs), self.parameters(outer));
                format!("computeState([{refs}], {outer} => {inner})")
            }
            Argument::Body(done, commands) => {
                let list = self.commands(commands, depth);
                let parameter = match done.filter(|number| self.used.contains(number)) {
                    Some(_) => "({ done })",
                    None => "()",
                };
                format!("{parameter} => {list}")
            }
            Argument::Branches(commands) => self.commands(commands, depth),
            Argument::Worker(name) => name.clone(),
        }
    }

    fn commands(&mut self, commands: &[Command], depth: usize) -> String {
        let margin = "  ".repeat(depth + 1);
        let lines = commands
            .iter()
            .map(|command| format!("{margin}{},\n", self.command(command, depth + 1)));
        format!("[\n{}{}]", lines.collect::<String>(), "  ".repeat(depth))
    }

    /// The parameters of a function whose body has been printed; the last ones are left out where nothing uses
    /// them.
    fn parameters(&self, numbers: &[u32]) -> String {
        let last = numbers
            .iter()
            .rposition(|number| self.used.contains(number));
        let kept = &numbers[..last.map_or(0, |at| at + 1)];
        let names: Vec<String> = kept.iter().map(|number| format!("v{number}")).collect();
        match names.as_slice() {
            [one] => one.clone(),
            several => format!("({})", several.join(", ")),
        }
    }

    fn function(&mut self, parameters: &[u32], body: &Expr) -> String {
        let body = self.body(body);
        format!("{} => {body}", self.parameters(parameters))
    }

    /// The body of a function: an object in parentheses, so that it is no block.
    fn body(&mut self, body: &Expr) -> String {
        let text = self.expression(body, ARROW);
        if text.starts_with('{') {
            format!("({text})")
        } else {
            text
        }
    }

    /// The name of a parameter inside an expression.
    fn local(&mut self, parameter: &Expr) -> String {
        let own = Rc::as_ptr(&parameter.0);
        let known = self.locals.iter().position(|known| *known == own);
        let at = known.unwrap_or_else(|| {
            self.locals.push(own);
            self.locals.len() - 1
        });
        format!("p{}", at + 1)
    }

    fn operands(&mut self, operands: &[Operand]) -> String {
        let each: Vec<String> = operands
            .iter()
            .map(|operand| self.operand(operand))
            .collect();
        each.join(", ")
    }

    fn operand(&mut self, operand: &Operand) -> String {
        match &operand.0 {
            Kind::Constant(value) => literal(value),
            Kind::Handle(number) => self.variable(*number),
            Kind::Myself => {
                self.uses_self = true;
                "self".to_owned()
            }
            Kind::Helper(name) => {
                self.helpers.insert(name);
                (*name).to_owned()
            }
            Kind::Service(name) if is_worker_name(name) => name.clone(),
            Kind::Service(name) => format!("worker({})", quoted(name)),
            Kind::Instance(name, key) => format!("worker({}, {})", quoted(name), self.operand(key)),
            Kind::Sender(number) => format!("sender({})", self.variable(*number)),
            Kind::Value(name, arguments) => {
                let function = if is_worker_name(name) {
                    name.clone()
                } else {
                    format!("worker({})", quoted(name))
                };
                format!("{function}({})", self.operands(arguments))
            }
            Kind::StateOf(of, name) => format!("stateOf({}, {})", self.operand(of), quoted(name)),
            Kind::Read(source, parameter, body) => {
                let function = self.function(&[*parameter], body);
                format!("readState({}, {function})", self.operand(source))
            }
            Kind::Compute(sources, parameters, body) => {
                let function = self.function(parameters, body);
                format!("computeState([{}], {function})", self.operands(sources))
            }
            Kind::Object(parts) => {
                let parts = parts
                    .iter()
                    .map(|(name, value)| format!("{}: {}", property(name), self.operand(value)));
                braced(&parts.collect::<Vec<_>>())
            }
            Kind::List(items) => format!("[{}]", self.operands(items)),
        }
    }

    fn variable(&mut self, number: u32) -> String {
        self.used.insert(number);
        format!("v{number}")
    }

    /// An expression inside one that holds as tightly as `inside`.
    fn expression(&mut self, expr: &Expr, inside: u8) -> String {
        let (text, tightness) = self.bare(expr);
        if tightness < inside {
            format!("({text})")
        } else {
            text
        }
    }

    fn bare(&mut self, expr: &Expr) -> (String, u8) {
        match &*expr.0 {
            Node::Literal(value) => {
                let negative = value.as_f64().is_some_and(|number| number < 0.0);
                (literal(value), if negative { UNARY } else { PRIMARY })
            }
            Node::Name(name) => ((*name).to_owned(), PRIMARY),
            Node::Variable(number) => (self.variable(*number), PRIMARY),
            Node::Global(name) if name.split('.').all(is_identifier) => (name.clone(), MEMBER),
            // No built-in has such a name: the compiler says so.
            Node::Global(name) => (format!("globalThis[{}]", quoted(name)), MEMBER),
            Node::Field(object, name) => {
                let object = self.member(object);
                let member = if is_identifier(name) {
                    format!(".{name}")
                } else {
                    format!("[{}]", quoted(name))
                };
                (format!("{object}{member}"), MEMBER)
            }
            Node::Item(object, key) => {
                let object = self.member(object);
                (format!("{object}[{}]", self.expression(key, 0)), MEMBER)
            }
            Node::Unary(sign, operand) => (
                format!("{sign}{}", self.expression(operand, UNARY + 1)),
                UNARY,
            ),
            Node::Binary(sign, left, right) => {
                let own = tightness(sign);
                // `??` does not mix with `&&` and `||`.
                let left_inside = if *sign == "??" { own + 2 } else { own };
                let (left, right) = (
                    self.expression(left, left_inside),
                    self.expression(right, own + 1),
                );
                (format!("{left} {sign} {right}"), own)
            }
            Node::Choose(condition, yes, no) => {
                let condition = self.expression(condition, CONDITIONAL + 1);
                let (yes, no) = (
                    self.expression(yes, CONDITIONAL),
                    self.expression(no, CONDITIONAL),
                );
                (format!("{condition} ? {yes} : {no}"), CONDITIONAL)
            }
            Node::List(items) => (format!("[{}]", self.expressions(items)), PRIMARY),
            Node::Object(parts) => (self.object(parts), PRIMARY),
            Node::Call(function, arguments) => {
                let function = self.member(function);
                (
                    format!("{function}({})", self.expressions(arguments)),
                    MEMBER,
                )
            }
            Node::Local => (self.local(expr), PRIMARY),
            Node::Arrow(parameter, body) => {
                let parameter = self.local(parameter);
                let body = self.body(body);
                (format!("{parameter} => {body}"), ARROW)
            }
        }
    }

    fn object(&mut self, parts: &[Part]) -> String {
        let parts = parts.iter().map(|part| match part {
            Part::Property(name, value) => {
                format!("{}: {}", property(name), self.expression(value, ARROW))
            }
            Part::Spread(value) => format!("...{}", self.expression(value, ARROW)),
        });
        braced(&parts.collect::<Vec<_>>())
    }

    /// What stands before a dot, a bracket or a call. A number would take the dot for its own.
    fn member(&mut self, object: &Expr) -> String {
        let wrapped = matches!(
            &*object.0,
            Node::Literal(Value::Number(_)) | Node::Object(_)
        );
        let text = self.expression(object, MEMBER);
        if wrapped { format!("({text})") } else { text }
    }

    fn expressions(&mut self, all: &[Expr]) -> String {
        let each: Vec<String> = all
            .iter()
            .map(|expr| self.expression(expr, ARROW))
            .collect();
        each.join(", ")
    }
}

impl Display for Expr {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&Printer::default().expression(self, 0))
    }
}

fn tightness(sign: &str) -> u8 {
    match sign {
        "??" => 39,
        "||" => 40,
        "&&" => 50,
        "===" | "!==" => 90,
        "<" | "<=" | ">" | ">=" => 100,
        "+" | "-" => 120,
        _ => 130,
    }
}

/// Whether a name can stand in a script as it is.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$');
    first && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}

pub(super) fn is_worker_name(name: &str) -> bool {
    is_identifier(name)
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && !GLOBALS.contains(&name)
}

/// The name of a property of a literal. `__proto__` is one only in brackets.
fn property(name: &str) -> String {
    if name == "__proto__" {
        format!("[{}]", quoted(name))
    } else if is_identifier(name) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn braced(parts: &[String]) -> String {
    if parts.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", parts.join(", "))
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn literal(value: &Value) -> String {
    match value {
        Value::Number(number) => number_to_text(number.as_f64().unwrap_or(f64::NAN)).to_string(),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(literal).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(parts) => {
            let parts = parts
                .iter()
                .map(|(name, value)| format!("{}: {}", property(name), literal(value)));
            braced(&parts.collect::<Vec<_>>())
        }
        other => other.to_string(),
    }
}
