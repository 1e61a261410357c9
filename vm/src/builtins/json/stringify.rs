//! `JSON.stringify(value, replacer?, space?)`.
//!
//! Before: the machine, `console.log`. Guarantees: as ECMAScript: `toJSON`, replacer function or
//! list of keys, indentation; a cycle is a `TypeError`; the open objects stand on a stack of its own.

use std::collections::BTreeSet;

use crate::builtins::support::{TextBuilder, argument};
use crate::data::Data;
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::host::Misuse;
use crate::machine::Machine;
use crate::number::number_to_text;
use crate::text::Text;
use crate::value::Value;

/// No indentation is deeper than this many characters a level.
const GAP_MAX: f64 = 10.0;

pub(super) fn stringify<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let replacer = argument(arguments, 1);
    let writer = Writer {
        out: TextBuilder::default(),
        function: replacer.is_function().then_some(*replacer),
        only: only_keys(machine, replacer)?,
        gap: gap(machine, argument(arguments, 2))?,
        open: Vec::new(),
        deep: BTreeSet::new(),
    };
    writer.write(machine, argument(arguments, 0))
}

/// The JSON of a value in one line; `undefined` where it has none.
pub(in crate::builtins) fn to_json<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
) -> Result<Value<'p>, Trap> {
    stringify(machine, &Value::Undefined, std::slice::from_ref(value))
}

/// The keys that a list as replacer lets through.
fn only_keys<'p>(
    machine: &mut Machine<'p>,
    replacer: &Value<'p>,
) -> Result<Option<Vec<Text>>, Trap> {
    let Some(count) = machine.array_length(replacer) else {
        return Ok(None);
    };
    let mut keys = Vec::new();
    for at in 0..count {
        machine.spend(1 + keys.len() as u64 / 4)?;
        let item = machine.array_item(replacer, at);
        let Some(item @ (Value::Text(_) | Value::Number(_))) = item else {
            continue;
        };
        let key = machine.to_text(&item)?;
        if !keys.contains(&key) {
            machine.charge(8)?;
            keys.push(key);
        }
    }
    Ok(Some(keys))
}

fn gap<'p>(machine: &mut Machine<'p>, space: &Value<'p>) -> Result<Text, Trap> {
    Ok(match space {
        Value::Number(_) => {
            let count = machine.to_integer(space)?.clamp(0.0, GAP_MAX);
            Text::from(" ".repeat(count as usize))
        }
        Value::Text(text) => text.slice(0, GAP_MAX as usize),
        _ => Text::empty(),
    })
}

/// An array or object that is being written.
struct Open<'p> {
    value: Value<'p>,
    /// The keys of an object; `None` for an array.
    keys: Option<Vec<Text>>,
    count: usize,
    next: usize,
    is_empty: bool,
}

struct Writer<'p> {
    out: TextBuilder,
    function: Option<Value<'p>>,
    only: Option<Vec<Text>>,
    gap: Text,
    open: Vec<Open<'p>>,
    /// Identities of what is open inside the outermost few.
    deep: BTreeSet<(bool, u64)>,
}

/// So many open objects and arrays are looked at one by one to notice a cycle.
const LOOKED_AT: usize = 16;

impl<'p> Writer<'p> {
    fn write(mut self, machine: &mut Machine<'p>, value: &Value<'p>) -> Result<Value<'p>, Trap> {
        let Some(root) = self.prepared(machine, Text::empty, *value)? else {
            return Ok(Value::Undefined);
        };
        self.begin(machine, root)?;
        while let Some(open) = self.open.last_mut() {
            machine.spend(1)?;
            if open.next == open.count {
                let (closing, is_empty) = (open.keys.is_none(), open.is_empty);
                let closed = self.open.pop();
                if self.open.len() >= LOOKED_AT
                    && let Some(identity) = closed.and_then(|closed| identity(&closed.value))
                {
                    self.deep.remove(&identity);
                }
                if !is_empty {
                    self.new_line(machine)?;
                }
                self.out
                    .push_str(machine, if closing { "]" } else { "}" })?;
                continue;
            }
            let at = open.next;
            open.next += 1;
            match open.keys.as_ref().map(|keys| keys[at].clone()) {
                Some(key) => self.member(machine, &key)?,
                None => self.item(machine, at)?,
            }
        }
        self.out.finish_value(machine)
    }

    fn item(&mut self, machine: &mut Machine<'p>, at: usize) -> Result<(), Trap> {
        let array = self.container();
        let item = machine.array_item(&array, at).unwrap_or(Value::Undefined);
        let item = self.prepared(machine, || number_to_text(at as f64), item)?;
        self.separate(machine)?;
        self.begin(machine, item.unwrap_or(Value::Null))
    }

    fn member(&mut self, machine: &mut Machine<'p>, key: &Text) -> Result<(), Trap> {
        let object = self.container();
        let value = machine.property(&object, key)?;
        let Some(value) = self.prepared(machine, || key.clone(), value)? else {
            return Ok(());
        };
        self.separate(machine)?;
        self.quote(machine, key)?;
        let colon = if self.gap.is_empty() { ":" } else { ": " };
        self.out.push_str(machine, colon)?;
        self.begin(machine, value)
    }

    /// The innermost array or object.
    fn container(&self) -> Value<'p> {
        self.open.last().map_or(Value::Undefined, |open| open.value)
    }

    /// What stands for a value after `toJSON` and the replacer; `None` where it is left out.
    fn prepared(
        &self,
        machine: &mut Machine<'p>,
        key: impl Fn() -> Text,
        mut value: Value<'p>,
    ) -> Result<Option<Value<'p>>, Trap> {
        if let Some(to_json) = to_json_of(machine, &value)? {
            value = machine.call_with_receiver(&to_json, &value, &[machine.text(key())])?;
        }
        if let Some(function) = &self.function {
            value = machine.call(function, &[machine.text(key()), value])?;
        }
        if let Value::Host(host) = value {
            return Err(machine
                .host
                .misuse(machine, host, Misuse::Argument("JSON.stringify")));
        }
        let left_out = value.is_undefined() || value.is_function();
        Ok((!left_out).then_some(value))
    }

    /// Writes a scalar, or opens an array or object.
    fn begin(&mut self, machine: &mut Machine<'p>, value: Value<'p>) -> Result<(), Trap> {
        match &value {
            Value::Null | Value::Undefined => self.out.push_str(machine, "null"),
            Value::Boolean(boolean) => {
                let text = if boolean.get() { "true" } else { "false" };
                self.out.push_str(machine, text)
            }
            Value::Number(number) if number.get().is_finite() => {
                self.out.push_text(machine, &number_to_text(number.get()))
            }
            Value::Number(_) => self.out.push_str(machine, "null"),
            Value::Text(text) => self.quote(machine, text),
            Value::Frozen(data @ (Data::Address(_) | Data::Symbolic(_))) => {
                self.out.push_str(machine, &data.to_json())
            }
            Value::Frozen(data @ (Data::Array(_) | Data::Object(_))) if self.is_direct(data) => {
                self.write_normal(machine, data)
            }
            Value::Array(_) | Value::Frozen(Data::Array(_)) => {
                let count = machine.array_length(&value).unwrap_or(0);
                self.begin_container(machine, value, None, count)
            }
            _ => {
                let keys = self.keys(machine, &value)?;
                let count = keys.len();
                self.begin_container(machine, value, Some(keys), count)
            }
        }
    }

    /// Whether data is written as it is: nothing in it has a `toJSON`, is left out, or is asked for.
    fn is_direct(&self, data: &Data) -> bool {
        let shape = data.shape();
        let is_normal = !shape.needs_normalising && !shape.has_symbolic;
        is_normal && self.function.is_none() && self.only.is_none() && self.gap.is_empty()
    }

    /// Writes data that is like a message. It counts as much as if it were opened and walked over.
    fn write_normal(&mut self, machine: &mut Machine<'p>, data: &'p Data) -> Result<(), Trap> {
        let mut separator = "";
        match data {
            Data::Array(array) => {
                machine.spend(array.items().len() as u64 + 1)?;
                machine.charge(96)?;
                self.out.push_str(machine, "[")?;
                for item in array.items() {
                    self.out.push_str(machine, separator)?;
                    separator = ",";
                    self.write_normal(machine, item)?;
                }
                self.out.push_str(machine, "]")
            }
            Data::Object(object) => {
                let count = object.properties().len();
                machine.spend(2 * count as u64 + 1)?;
                machine.charge(96 + 8 * count)?;
                self.out.push_str(machine, "{")?;
                for (key, value) in object.properties().iter() {
                    self.out.push_str(machine, separator)?;
                    separator = ",";
                    self.quote(machine, key)?;
                    self.out.push_str(machine, ":")?;
                    self.write_normal(machine, value)?;
                }
                self.out.push_str(machine, "}")
            }
            scalar => self.begin(machine, Value::of(scalar)),
        }
    }

    fn keys(&self, machine: &mut Machine<'p>, value: &Value<'p>) -> Result<Vec<Text>, Trap> {
        if let Some(only) = &self.only {
            machine.spend(only.len() as u64)?;
            machine.charge(only.len() * 8)?;
            return Ok(only.clone());
        }
        let keys: Vec<Text> = match plain_properties(machine, value)? {
            Some(keys) => {
                machine.spend(keys.len() as u64)?;
                keys
            }
            None => {
                let entries = machine.own_entries(value)?;
                entries.into_iter().map(|(key, _)| key).collect()
            }
        };
        machine.charge(keys.len() * 8)?;
        Ok(keys)
    }

    fn begin_container(
        &mut self,
        machine: &mut Machine<'p>,
        value: Value<'p>,
        keys: Option<Vec<Text>>,
        count: usize,
    ) -> Result<(), Trap> {
        machine.charge(96)?;
        if identity(&value).is_some_and(|identity| !self.notice(identity)) {
            return Err(machine.type_error("Converting circular structure to JSON"));
        }
        let bracket = if keys.is_some() { "{" } else { "[" };
        self.out.push_str(machine, bracket)?;
        self.open.push(Open {
            value,
            keys,
            count,
            next: 0,
            is_empty: true,
        });
        Ok(())
    }

    /// Whether something that is to be opened is not open yet.
    fn notice(&mut self, new: (bool, u64)) -> bool {
        let mut outermost = self.open.iter().take(LOOKED_AT);
        if outermost.any(|open| identity(&open.value) == Some(new)) {
            return false;
        }
        self.open.len() < LOOKED_AT || self.deep.insert(new)
    }

    /// What stands before a member or item: a comma, and a new line where there is a gap.
    fn separate(&mut self, machine: &mut Machine<'p>) -> Result<(), Trap> {
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        if !std::mem::replace(&mut open.is_empty, false) {
            self.out.push_str(machine, ",")?;
        }
        self.new_line(machine)
    }

    fn new_line(&mut self, machine: &mut Machine<'p>) -> Result<(), Trap> {
        if self.gap.is_empty() {
            return Ok(());
        }
        self.out.push_str(machine, "\n")?;
        machine.spend(self.open.len() as u64 / 4)?;
        for _ in 0..self.open.len() {
            self.out.push_text(machine, &self.gap)?;
        }
        Ok(())
    }

    fn quote(&mut self, machine: &mut Machine<'p>, text: &Text) -> Result<(), Trap> {
        machine.spend(text.len() as u64 / 8)?;
        self.out.push_quoted(machine, text)
    }
}

/// What tells an object or array of the heap from others; frozen ones have no cycles.
fn identity(value: &Value<'_>) -> Option<(bool, u64)> {
    match value {
        Value::Array(id) => Some((true, id.0)),
        Value::Object(id) => Some((false, id.0)),
        _ => None,
    }
}

/// The keys of an object, where it has nothing but properties.
fn plain_properties<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
) -> Result<Option<Vec<Text>>, Trap> {
    Ok(match value {
        Value::Frozen(Data::Object(object)) => Some(object.properties().keys().cloned().collect()),
        Value::Object(id) if matches!(machine.heap.object(*id).kind, ObjectKind::Plain) => {
            machine.settle_properties(*id)?;
            let properties = &machine.heap.object(*id).properties;
            Some(properties.keys().cloned().collect())
        }
        _ => None,
    })
}

/// The `toJSON` of an object, where it has one.
fn to_json_of<'p>(machine: &mut Machine<'p>, value: &Value<'p>) -> Result<Option<Value<'p>>, Trap> {
    let name = Text::from("toJSON");
    // Of all that scripts do not make, dates alone have one.
    let found = match value {
        Value::Frozen(Data::Object(object)) => object.properties().get(&name).map(Value::of),
        Value::Object(id) => match machine.heap.object(*id) {
            object if matches!(object.kind, ObjectKind::Date(_)) => {
                Some(machine.property(value, &name)?)
            }
            object => object.get(&name),
        },
        Value::Frozen(Data::Date(_)) => Some(machine.property(value, &name)?),
        _ => None,
    };
    Ok(found.filter(Value::is_function))
}
