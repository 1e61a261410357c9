//! Literals of objects and arrays, spread and rest.
//!
//! Before: `dispatch`. Guarantees: what is spread is copied one level deep, own properties only, in
//! JavaScript's order; every copy is charged.

use super::Machine;
use crate::bytecode::Instruction;
use crate::data::{Data, PropertyTable};
use crate::error::Trap;
use crate::heap::ObjectKind;
use crate::host::Misuse;
use crate::text::Text;
use crate::value::{ObjectId, Value};

impl<'p> Machine<'p> {
    pub(super) fn objects(&mut self, instruction: Instruction) -> Result<(), Trap> {
        match instruction {
            Instruction::NewObject => {
                let object = self.new_object(PropertyTable::default())?;
                self.push(object);
            }
            Instruction::ObjectLiteral(template) => {
                let code = self.code;
                let keys = &code.templates[template as usize];
                let from = self.stack.len() - keys.len();
                let values = self.stack.values(from, keys.len()).iter().copied();
                let names = keys.iter().map(|key| code.keys[*key as usize].clone());
                let properties = match code.links.plain_templates[template as usize] {
                    true => PropertyTable::of_names(names.zip(values)),
                    false => names.zip(values).collect(),
                };
                self.stack.set_top(from);
                let object = self.new_object(properties)?;
                self.push(object);
            }
            Instruction::DefineProperty(key) => {
                let value = self.pop();
                let object = self.top();
                let code = self.code;
                self.set_property(&object, &code.keys[key as usize], value)?;
            }
            Instruction::DefineElement => {
                let value = self.pop();
                let key = self.pop();
                let object = self.top();
                let key = self.to_key(&key)?;
                self.set_property(&object, &key, value)?;
            }
            Instruction::SpreadObject => {
                let source = self.pop();
                let object = self.top();
                self.copy_properties(&source, &object, &[])?;
            }
            Instruction::ObjectRest(count) => self.object_rest(usize::from(count))?,
            Instruction::NewArray(count) => {
                let items = self.stack.split_off(self.stack.len() - count as usize);
                let array = self.new_array(items)?;
                self.push(array);
            }
            Instruction::ArrayPush => {
                let value = self.pop();
                self.push_item(value)?;
            }
            _ => {
                let source = self.pop();
                let array = self.top();
                let items = self.iterate_all(&source)?;
                if let Value::Array(id) = array {
                    let array = self.heap.array_mut(id);
                    match array.is_empty() {
                        true => *array = items,
                        false => array.extend(items),
                    }
                }
            }
        }
        Ok(())
    }

    fn push_item(&mut self, value: Value<'p>) -> Result<(), Trap> {
        self.charge(16)?;
        if let Value::Array(id) = self.top() {
            self.heap.array_mut(id).push(value);
        }
        Ok(())
    }

    fn object_rest(&mut self, count: usize) -> Result<(), Trap> {
        let keys = self.stack.split_off(self.stack.len() - count);
        let source = self.pop();
        let mut excluded = Vec::with_capacity(count);
        for key in &keys {
            excluded.push(self.to_key(key)?);
        }
        let rest = self.new_object(PropertyTable::default())?;
        self.copy_properties(&source, &rest, &excluded)?;
        self.push(rest);
        Ok(())
    }

    /// Copies the own properties of a value into an object, but those whose keys are excluded.
    pub fn copy_properties(
        &mut self,
        source: &Value<'p>,
        target: &Value<'p>,
        excluded: &[Text],
    ) -> Result<(), Trap> {
        if excluded.is_empty() && self.copy_at_once(source, target)? {
            return Ok(());
        }
        for (key, value) in self.own_entries(source)? {
            if !excluded.contains(&key) {
                self.set_property(target, &key, value)?;
            }
        }
        Ok(())
    }

    /// Copies all properties of a plain object into a new one; of a large frozen one only the changes
    /// that follow will be copied. False where it has to be done one by one.
    fn copy_at_once(&mut self, source: &Value<'p>, target: &Value<'p>) -> Result<bool, Trap> {
        let Value::Object(target) = target else {
            return Ok(false);
        };
        let object = self.heap.object(*target);
        if !object.is_empty() || !matches!(object.kind, ObjectKind::Plain) {
            return Ok(false);
        }
        let (properties, base) = match source {
            Value::Frozen(Data::Object(object)) if object.is_large() => {
                (PropertyTable::default(), Some(object))
            }
            Value::Frozen(Data::Object(object)) => (object.properties().map(Value::of), None),
            Value::Object(id) if matches!(self.heap.object(*id).kind, ObjectKind::Plain) => {
                let object = self.heap.object(*id);
                (object.properties.clone(), object.base)
            }
            _ => return Ok(false),
        };
        let shared = base.as_ref().map_or(0, |base| base.properties().len());
        self.spend(properties.len() as u64 + shared as u64 / 64)?;
        self.charge(properties.len() * 48 + shared / 4)?;
        let object = self.heap.object_mut(*target);
        (object.properties, object.base) = (properties, base);
        Ok(true)
    }

    /// Makes all properties of an object its own, before a walk over them.
    pub(crate) fn settle_properties(&mut self, id: ObjectId) -> Result<(), Trap> {
        let shared = self.heap.object(id).base.as_ref();
        let count = shared.map_or(0, |base| base.properties().len());
        if count > 0 {
            self.spend(count as u64 / 4)?;
            self.charge(count * 48)?;
            self.heap.object_mut(id).settle();
        }
        Ok(())
    }

    /// The own enumerable properties of a value, in JavaScript's order.
    pub fn own_entries(&mut self, source: &Value<'p>) -> Result<Vec<(Text, Value<'p>)>, Trap> {
        let frozen = |(key, value): (&Text, &'p Data)| (key.clone(), Value::of(value));
        if let Value::Object(id) = source {
            self.settle_properties(*id)?;
        }
        let entries: Vec<(Text, Value<'p>)> = match source {
            Value::Object(id) => {
                let properties = &self.heap.object(*id).properties;
                properties
                    .iter()
                    .map(|(key, value)| (key.clone(), *value))
                    .collect()
            }
            Value::Frozen(Data::Object(object)) => object.properties().iter().map(frozen).collect(),
            Value::Frozen(Data::Error(error)) => error.properties().iter().map(frozen).collect(),
            Value::Array(_) | Value::Frozen(Data::Array(_)) => {
                let count = self.array_length(source).unwrap_or(0);
                self.charge(count * 32)?;
                let items = (0..count).map(|at| {
                    (
                        Text::from(at.to_string()),
                        self.array_item(source, at).unwrap_or(Value::Undefined),
                    )
                });
                items.chain(self.named_entries(source)).collect()
            }
            Value::Text(text) => {
                self.charge(text.len() * 32)?;
                let units = text.iter_units().enumerate();
                units
                    .map(|(at, unit)| {
                        (Text::from(at.to_string()), self.text(Text::from_unit(unit)))
                    })
                    .collect()
            }
            Value::Host(host) => return Err(self.host.misuse(self, *host, Misuse::Spread)),
            _ => Vec::new(),
        };
        // An error's message is its own, but not enumerable.
        let is_error = self.prototype_of(source) == Some(crate::builtins::Prototype::Error);
        self.spend(entries.len() as u64)?;
        Ok(entries
            .into_iter()
            .filter(|(key, _)| !(is_error && (*key == *"message" || *key == *"cause")))
            .collect())
    }

    /// What a match holds besides its items.
    fn named_entries(&self, array: &Value<'p>) -> Vec<(Text, Value<'p>)> {
        match array {
            Value::Array(id) => self.heap.named(*id).map_or_else(Vec::new, |named| {
                let pairs = named.iter();
                pairs.map(|(key, value)| (key.clone(), *value)).collect()
            }),
            Value::Frozen(Data::Array(array)) => array.named().map_or_else(Vec::new, |named| {
                let pairs = named.iter();
                pairs
                    .map(|(key, value)| (key.clone(), Value::of(value)))
                    .collect()
            }),
            _ => Vec::new(),
        }
    }
}
