//! Properties: reading, writing, deleting, and the built-in methods behind them.
//!
//! Before: `dispatch`, built-ins. Guarantees: own properties first, then the methods of the built-in
//! prototype; writing to frozen data is a `TypeError` with the copying form as hint; reading from
//! `undefined` or `null` is a `TypeError` that names the property.

use super::Machine;
use super::comparison::{is_constant, same};
use super::stack::Window;
use crate::builtins::{self, Methods, NativeIndex, Prototype};
use crate::bytecode::{Code, Instruction};
use crate::data::Data;
use crate::error::Trap;
use crate::heap::{Heap, ObjectKind};
use crate::host::Misuse;
use crate::steps::Register;
use crate::text::Text;
use crate::value::Value;

/// An own property; nothing where it is not there, or is no ordinary one.
#[inline(always)]
pub(super) fn own_property<'p>(
    object: Value<'p>,
    heap: &Heap<'p>,
    code: &'p Code,
    key: u32,
) -> Option<Value<'p>> {
    match object {
        Value::Frozen(Data::Object(object)) => {
            code.property(object.properties(), key).map(Value::of)
        }
        Value::Object(id) => code.property(&heap.object(id).properties, key).copied(),
        value if code.links.length == Some(key) => length_of(value, heap),
        _ => None,
    }
}

/// Reads an own property, or a built-in method, into a register; false where neither is there.
#[inline]
pub(super) fn get_property<'p>(
    window: &mut Window<'_, 'p>,
    heap: &Heap<'p>,
    code: &'p Code,
    to: Register,
    object: Register,
    key: u32,
) -> bool {
    let object = window[object];
    match own_property(object, heap, code, key) {
        Some(value) => window.set(to, value),
        None => match built_in_method(object, heap, code, key) {
            Some(native) => window.set(to, Value::Native(native)),
            None => false,
        },
    }
}

/// A method of a value that has no properties of its own by the names of methods.
#[inline(never)]
fn built_in_method<'p>(
    receiver: Value<'p>,
    heap: &Heap<'p>,
    code: &Code,
    key: u32,
) -> Option<NativeIndex> {
    let prototype = match receiver {
        Value::Array(_) | Value::Frozen(Data::Array(_)) => Prototype::Array,
        Value::Text(_) => Prototype::String,
        Value::Number(_) => Prototype::Number,
        Value::Frozen(Data::Map(_)) => Prototype::Map,
        Value::Frozen(Data::Set(_)) => Prototype::Set,
        Value::Object(id) if heap.object(id).is_empty() => prototype_of_kind(&heap.object(id).kind),
        _ => return None,
    };
    code.links.methods[key as usize].get(prototype)
}

/// The prototype whose methods an object of the heap has.
fn prototype_of_kind(kind: &ObjectKind<'_>) -> Prototype {
    match kind {
        ObjectKind::Plain => Prototype::Object,
        ObjectKind::Error(_) => Prototype::Error,
        ObjectKind::Date(_) => Prototype::Date,
        ObjectKind::RegExp(..) => Prototype::RegExp,
        ObjectKind::Map(_) => Prototype::Map,
        ObjectKind::Set(_) => Prototype::Set,
    }
}

/// The length of what has one of its own.
#[inline]
fn length_of<'p>(value: Value<'p>, heap: &Heap<'p>) -> Option<Value<'p>> {
    let length = match value {
        Value::Array(id) => heap.array(id).len(),
        Value::Frozen(Data::Array(array)) => array.items().len(),
        Value::Text(text) => text.len(),
        _ => return None,
    };
    Some(Value::number(length as i64 as f64))
}

/// Reads a property of a property of … into a register; false where one is not there, or is no
/// ordinary one.
#[inline]
pub(super) fn get_path<'p>(
    window: &mut Window<'_, 'p>,
    heap: &Heap<'p>,
    code: &'p Code,
    path: &[u32],
    (to, object): (Register, Register),
) -> bool {
    let mut part = window[object];
    for key in path {
        match own_property(part, heap, code, *key) {
            Some(value) => part = value,
            None => return false,
        }
    }
    window.set(to, part)
}

/// Whether an own property is a constant of the code, where that is known without more.
#[inline]
pub(super) fn property_is_constant(
    object: Value<'_>,
    code: &Code,
    key: u32,
    constant: u32,
) -> Option<bool> {
    let Value::Frozen(Data::Object(object)) = object else {
        return None;
    };
    let value = code.property(object.properties(), key)?;
    is_constant(Value::of(value), code, constant)
}

/// Reads an item of an array into a register; false where there is none.
#[inline]
pub(super) fn get_element<'p>(
    window: &mut Window<'_, 'p>,
    heap: &Heap<'p>,
    to: Register,
    object: Register,
    key: Register,
) -> bool {
    let Some(at) = window[key].as_index() else {
        return false;
    };
    let found = match window[object] {
        Value::Array(id) => heap.array(id).get(at).copied(),
        Value::Frozen(Data::Array(array)) => array.items().get(at).map(Value::of),
        _ => None,
    };
    match found {
        Some(value) => window.set(to, value),
        None => false,
    }
}

impl<'p> Machine<'p> {
    pub(super) fn properties(&mut self, instruction: Instruction) -> Result<(), Trap> {
        match instruction {
            Instruction::GetElementMethod => {
                let key = self.pop();
                let object = self.top();
                let value = self.element(&object, &key)?;
                self.push(value);
            }
            Instruction::SetProperty(key) => {
                let value = self.pop();
                let object = self.pop();
                let code = self.code;
                self.set_property(&object, &code.keys[key as usize], value)?;
                self.push(value);
            }
            Instruction::SetElement => {
                let value = self.pop();
                let key = self.pop();
                let object = self.pop();
                self.set_element(&object, &key, value)?;
                self.push(value);
            }
            Instruction::DeleteProperty(key) => {
                let object = self.pop();
                let code = self.code;
                self.delete_property(&object, &code.keys[key as usize])?;
                self.push(Value::boolean(true));
            }
            Instruction::DeleteElement => {
                let key = self.pop();
                let object = self.pop();
                let key = self.to_key(&key)?;
                self.delete_property(&object, &key)?;
                self.push(Value::boolean(true));
            }
            Instruction::RequireObject => self.require_object()?,
            _ => {
                let key = self.pop();
                let key = match key {
                    Value::Number(_) | Value::Text(_) => key,
                    other => {
                        let key = self.to_key(&other)?;
                        self.text(key)
                    }
                };
                self.push(key);
            }
        }
        Ok(())
    }

    fn require_object(&mut self) -> Result<(), Trap> {
        if self.top().is_nullish() {
            let value = self.describe(&self.top());
            return Err(self.type_error(format!("cannot take {value} apart: it has no properties")));
        }
        Ok(())
    }

    /// The prototype whose methods a value has; `None` for `undefined`, `null` and host values.
    pub fn prototype_of(&self, value: &Value<'p>) -> Option<Prototype> {
        Some(match value {
            Value::Undefined | Value::Null => return None,
            Value::Boolean(_) => Prototype::Boolean,
            Value::Number(_) => Prototype::Number,
            Value::Text(_) => Prototype::String,
            Value::Frozen(data) => match data {
                Data::Array(_) => Prototype::Array,
                Data::Error(_) => Prototype::Error,
                Data::Date(_) => Prototype::Date,
                Data::RegExp(_) => Prototype::RegExp,
                Data::Map(_) => Prototype::Map,
                Data::Set(_) => Prototype::Set,
                Data::Function(_) => Prototype::Function,
                _ => Prototype::Object,
            },
            Value::Object(id) => prototype_of_kind(&self.heap.object(*id).kind),
            Value::Array(_) => Prototype::Array,
            Value::Closure(_) | Value::Native(_) => Prototype::Function,
            Value::Iterator(_) => Prototype::Iterator,
            Value::Host(_) | Value::Cell(_) | Value::Uninitialised => return None,
        })
    }

    /// Reads a property in full.
    pub(super) fn property_step(&mut self, to: usize, object: usize, key: u32) -> Result<(), Trap> {
        let object = self.stack[object];
        let value = self.property_by_key(&object, key)?;
        self.stack[to] = value;
        Ok(())
    }

    /// A method of a value that has no properties of its own by the names of methods.
    #[inline(always)]
    pub(super) fn built_in_method(&self, receiver: &Value<'p>, key: u32) -> Option<NativeIndex> {
        built_in_method(*receiver, &self.heap, self.code, key)
    }

    /// A property of a property of …, in full.
    pub(super) fn path_step(&mut self, to: usize, object: usize, path: u32) -> Result<(), Trap> {
        let keys = &self.frame.code.paths[path as usize];
        let mut value = self.stack[object];
        for (at, key) in keys.iter().enumerate() {
            self.frame.within = at as u32;
            value = self.property_by_key(&value, *key)?;
        }
        self.frame.within = 0;
        self.stack[to] = value;
        Ok(())
    }

    /// Whether a property is a constant of the code.
    pub(super) fn property_equals(
        &mut self,
        object: usize,
        key: u32,
        constant: u32,
    ) -> Result<bool, Trap> {
        let code = self.code;
        let constant = &code.constants[constant as usize];
        if let Data::Text(text) = constant {
            self.spend_on_units(text.len())?;
        }
        let object = self.stack[object];
        match self.property_by_key(&object, key)? {
            Value::Host(host) => {
                self.frame.within = 1;
                Err(self.equality_misuse(host))
            }
            value => Ok(same(value, constant)),
        }
    }

    /// Reads an element in full.
    pub(super) fn element_step(
        &mut self,
        to: usize,
        object: usize,
        key: usize,
    ) -> Result<(), Trap> {
        let (object, key) = (self.stack[object], self.stack[key]);
        let value = self.element(&object, &key)?;
        self.stack[to] = value;
        Ok(())
    }

    #[inline]
    pub(super) fn property_by_key(
        &mut self,
        object: &Value<'p>,
        key: u32,
    ) -> Result<Value<'p>, Trap> {
        let code = self.code;
        let name = &code.keys[key as usize];
        match object {
            Value::Object(id) => {
                if let Some(value) = code.property(&self.heap.object(*id).properties, key) {
                    return Ok(*value);
                }
            }
            Value::Frozen(Data::Object(object)) => {
                if let Some(value) = code.property(object.properties(), key) {
                    return Ok(Value::of(value));
                }
            }
            _ => {}
        }
        if let Some(native) = self.built_in_method(object, key) {
            return Ok(Value::Native(native));
        }
        self.other_property(object, name, Some(&code.links.methods[key as usize]))
    }

    /// Reads a property.
    pub fn property(&mut self, object: &Value<'p>, key: &Text) -> Result<Value<'p>, Trap> {
        self.other_property(object, key, None)
    }

    fn other_property(
        &mut self,
        object: &Value<'p>,
        key: &Text,
        methods: Option<&Methods>,
    ) -> Result<Value<'p>, Trap> {
        if let Value::Host(host) = object {
            return self.host.property(self, *host, key);
        }
        let Some(prototype) = self.prototype_of(object) else {
            let value = self.describe(object);
            return Err(self.type_error(format!(
                "cannot read properties of {value} (reading '{key}')"
            )));
        };
        if let Some(value) = self.own_property(object, key) {
            return Ok(value);
        }
        let method = match methods {
            Some(methods) => methods.get(prototype),
            None => Methods::of(key).get(prototype),
        };
        if let Some(native) = method {
            return Ok(Value::Native(native));
        }
        if *key == *"constructor" {
            return Ok(self.constructor_of(object, prototype));
        }
        Ok(self.inherited(object, key))
    }

    /// The function that makes values of a kind, as a script names it; `undefined` where there is none.
    fn constructor_of(&self, object: &Value<'p>, prototype: Prototype) -> Value<'p> {
        let error = match object {
            Value::Frozen(Data::Error(error)) => Some(error.kind),
            Value::Object(id) => match self.heap.object(*id).kind {
                ObjectKind::Error(kind) => Some(kind),
                _ => None,
            },
            _ => None,
        };
        let name = error.map_or(prototype.name(), |kind| kind.name());
        let native = builtins::find(name).or_else(|| builtins::find(&format!("new {name}")));
        native.map_or(Value::Undefined, Value::Native)
    }

    /// An own property, built-in ones such as `length` included.
    pub fn own_property(&self, object: &Value<'p>, key: &Text) -> Option<Value<'p>> {
        let ascii = key.as_ascii().unwrap_or("");
        match object {
            Value::Object(id) => match &self.heap.object(*id).kind {
                ObjectKind::RegExp(_, place) if ascii == "lastIndex" => Some(*place),
                _ => self.heap.object(*id).get(key),
            },
            Value::Frozen(Data::RegExp(expression)) if ascii == "lastIndex" => {
                Some(self.frozen_place(expression))
            }
            Value::Frozen(Data::Object(object)) => object.properties().get(key).map(Value::of),
            Value::Frozen(Data::Error(error)) => error.properties().get(key).map(Value::of),
            Value::Array(id) if ascii == "length" => {
                Some(Value::number(self.heap.array(*id).len() as f64))
            }
            Value::Frozen(Data::Array(array)) if ascii == "length" => {
                Some(Value::number(array.items().len() as f64))
            }
            Value::Array(_) | Value::Frozen(Data::Array(_)) => match key.array_index() {
                Some(at) => self.array_item(object, at as usize),
                None => self.named_part(object, key),
            },
            Value::Text(text) if ascii == "length" => Some(Value::number(text.len() as f64)),
            Value::Text(text) => text
                .unit_at(key.array_index()? as usize)
                .map(|unit| self.text(Text::from_unit(unit))),
            Value::Closure(_) | Value::Frozen(Data::Function(_)) | Value::Native(_) => {
                self.function_property(object, ascii)
            }
            _ => None,
        }
    }

    /// What a match holds besides its items.
    fn named_part(&self, array: &Value<'p>, key: &Text) -> Option<Value<'p>> {
        match array {
            Value::Array(id) => self.heap.named(*id)?.get(key).cloned(),
            Value::Frozen(Data::Array(array)) => array.named()?.get(key).map(Value::of),
            _ => None,
        }
    }

    fn function_property(&self, function: &Value<'p>, key: &str) -> Option<Value<'p>> {
        let index = match function {
            Value::Closure(id) => self.heap.closure(*id).function(),
            Value::Frozen(Data::Function(function)) => function.function,
            Value::Native(native) => {
                let native = builtins::native(*native);
                return match key {
                    "name" => Some(
                        self.text(native.name.rsplit(['.', ' ']).next().unwrap_or(native.name)),
                    ),
                    "length" => Some(Value::number(f64::from(native.length))),
                    _ => None,
                };
            }
            _ => return None,
        };
        let function = self.code.functions.get(index.0 as usize)?;
        match key {
            "name" => Some(self.text(function.name.clone())),
            "length" => Some(Value::number(f64::from(function.length))),
            _ => None,
        }
    }

    /// What built-in prototypes hold besides methods.
    fn inherited(&self, object: &Value<'p>, key: &Text) -> Value<'p> {
        let kind = match object {
            Value::Frozen(Data::Error(error)) => Some(error.kind),
            Value::Object(id) => match &self.heap.object(*id).kind {
                ObjectKind::Error(kind) => Some(*kind),
                ObjectKind::RegExp(expression, _) => {
                    return crate::builtins::expression_part(self, expression, key);
                }
                ObjectKind::Map(entries) | ObjectKind::Set(entries) if *key == *"size" => {
                    return Value::number(entries.len() as f64);
                }
                _ => None,
            },
            Value::Frozen(Data::RegExp(expression)) => {
                return crate::builtins::expression_part(self, expression, key);
            }
            Value::Frozen(Data::Map(map)) if *key == *"size" => {
                return Value::number(map.entries().len() as f64);
            }
            Value::Frozen(Data::Set(set)) if *key == *"size" => {
                return Value::number(set.values().len() as f64);
            }
            _ => None,
        };
        match (kind, key.as_ascii()) {
            (Some(kind), Some("name")) => self.text(kind.name()),
            (Some(_), Some("message")) => self.text(Text::empty()),
            _ => Value::Undefined,
        }
    }

    /// Reads an element by a computed key.
    pub fn element(&mut self, object: &Value<'p>, key: &Value<'p>) -> Result<Value<'p>, Trap> {
        if let Some(at) = key.as_index() {
            match object {
                Value::Array(_) | Value::Frozen(Data::Array(_)) => {
                    return Ok(self.array_item(object, at).unwrap_or(Value::Undefined));
                }
                Value::Text(text) => {
                    return Ok(text
                        .unit_at(at)
                        .map_or(Value::Undefined, |unit| self.text(Text::from_unit(unit))));
                }
                _ => {}
            }
        }
        if object.is_nullish() {
            let (object, key) = (self.describe(object), self.describe(key));
            return Err(self.type_error(format!(
                "cannot read properties of {object} (reading {key})"
            )));
        }
        if let (Value::Host(host), Value::Number(_)) = (object, key) {
            return Err(self.host.misuse(self, *host, Misuse::Element));
        }
        let key = self.to_key(key)?;
        self.property(object, &key)
    }

    /// An item of an array of either kind.
    #[inline]
    pub fn array_item(&self, array: &Value<'p>, at: usize) -> Option<Value<'p>> {
        match array {
            Value::Array(id) => self.heap.array(*id).get(at).cloned(),
            Value::Frozen(Data::Array(array)) => array.items().get(at).map(Value::of),
            _ => None,
        }
    }

    /// How many items an array of either kind has.
    pub fn array_length(&self, array: &Value<'p>) -> Option<usize> {
        match array {
            Value::Array(id) => Some(self.heap.array(*id).len()),
            Value::Frozen(Data::Array(array)) => Some(array.items().len()),
            _ => None,
        }
    }

    /// Writes an element by a computed key.
    pub fn set_element(
        &mut self,
        object: &Value<'p>,
        key: &Value<'p>,
        value: Value<'p>,
    ) -> Result<(), Trap> {
        if let (Value::Array(id), Some(at)) = (object, key.as_index())
            && !self.heap.is_locked(object)
            && let Some(item) = self.heap.array_mut(*id).get_mut(at)
        {
            *item = value;
            return Ok(());
        }
        let key = self.to_key(key)?;
        self.set_property(object, &key, value)
    }

    /// Writes a property.
    pub fn set_property(
        &mut self,
        object: &Value<'p>,
        key: &Text,
        value: Value<'p>,
    ) -> Result<(), Trap> {
        match object {
            locked if self.heap.is_locked(locked) => Err(self.frozen_error(
                &format!("set '{key}'"),
                "`{ ...object }` or `[...array]` first and change the copy",
            )),
            Value::Object(id) => {
                if *key == *"lastIndex"
                    && let ObjectKind::RegExp(_, place) = &mut self.heap.object_mut(*id).kind
                {
                    *place = value;
                    return Ok(());
                }
                if self
                    .heap
                    .object_mut(*id)
                    .properties
                    .insert(key.clone(), value)
                {
                    self.charge(48)?;
                }
                Ok(())
            }
            Value::Array(id) => {
                let id = *id;
                if *key == *"length" {
                    return self.set_length(id, &value);
                }
                let Some(index) = key.array_index() else {
                    let message = format!(
                        "cannot set '{key}' of an array: arrays have items only; use an object"
                    );
                    return Err(self.type_error(message));
                };
                self.grow_array(id, index as usize + 1)?;
                self.heap.array_mut(id)[index as usize] = value;
                Ok(())
            }
            Value::Host(host) => Err(self.host.misuse(self, *host, Misuse::Write)),
            Value::Undefined | Value::Null => {
                let object = self.describe(object);
                Err(self.type_error(format!(
                    "cannot set properties of {object} (setting '{key}')"
                )))
            }
            Value::Frozen(Data::Array(_)) => Err(self.frozen_error(
                &format!("set [{key}]"),
                "`[...array]` first, or `array.map(…)`, `array.with(…)`",
            )),
            Value::Frozen(Data::RegExp(expression)) if *key == *"lastIndex" => {
                let expression = expression.clone();
                self.set_frozen_place(&expression, value)
            }
            Value::Frozen(data) if data.shape().depth > 0 => Err(self.frozen_error(
                &format!("set '{key}'"),
                &format!("`{{ ...object, {key}: value }}`"),
            )),
            other => {
                let other = self.describe(other);
                Err(self.type_error(format!("cannot create property '{key}' on {other}")))
            }
        }
    }

    fn set_length(&mut self, id: crate::value::ArrayId, value: &Value<'p>) -> Result<(), Trap> {
        let length = self.to_number(value)?;
        if length < 0.0 || length.fract() != 0.0 || length > f64::from(u32::MAX) {
            return Err(self.range_error("Invalid array length"));
        }
        let length = length as usize;
        self.grow_array(id, length)?;
        self.heap.array_mut(id).truncate(length);
        Ok(())
    }

    /// Makes an array at least this long.
    pub fn grow_array(&mut self, id: crate::value::ArrayId, length: usize) -> Result<(), Trap> {
        let current = self.heap.array(id).len();
        if length > current {
            self.charge((length - current).saturating_mul(16))?;
            self.heap.array_mut(id).resize(length, Value::Undefined);
        }
        Ok(())
    }

    fn delete_property(&mut self, object: &Value<'p>, key: &Text) -> Result<(), Trap> {
        match object {
            // What is not there can be deleted anywhere.
            Value::Object(_) | Value::Array(_) | Value::Frozen(_)
                if !object.is_nullish() && self.own_property(object, key).is_none() =>
            {
                Ok(())
            }
            locked if self.heap.is_locked(locked) => Err(self.frozen_error(
                &format!("delete '{key}'"),
                &format!("`const {{ {key}, ...rest }} = object` and use `rest`"),
            )),
            Value::Object(id) => {
                self.settle_properties(*id)?;
                self.heap.object_mut(*id).properties.remove(key);
                Ok(())
            }
            Value::Array(id) => {
                if let Some(item) = key
                    .array_index()
                    .and_then(|at| self.heap.array_mut(*id).get_mut(at as usize))
                {
                    *item = Value::Undefined;
                }
                Ok(())
            }
            Value::Host(host) => Err(self.host.misuse(self, *host, Misuse::Delete)),
            Value::Frozen(data) if data.shape().depth > 0 => Err(self.frozen_error(
                &format!("delete '{key}'"),
                &format!("`const {{ {key}, ...rest }} = object` and use `rest`"),
            )),
            other if other.is_nullish() => {
                let other = self.describe(other);
                Err(self.type_error(format!("cannot delete a property of {other}")))
            }
            _ => Ok(()),
        }
    }

    /// `key in object`
    pub fn has_property(&mut self, object: &Value<'p>, key: &Text) -> Result<bool, Trap> {
        let is_object = match object {
            value if value.is_primitive() => false,
            Value::Host(host) => return Err(self.host.misuse(self, *host, Misuse::Operator("in"))),
            _ => true,
        };
        if !is_object {
            let object = self.describe(object);
            return Err(
                self.type_error(format!("cannot use 'in' to search for '{key}' in {object}"))
            );
        }
        if let Value::Native(native) = object {
            // Such as `'MAX_VALUE' in Number`.
            let name = format!("{}.{key}", builtins::native(*native).name);
            if builtins::find(&name).is_some() || builtins::constant(&name).is_some() {
                return Ok(true);
            }
        }
        if self.own_property(object, key).is_some() {
            return Ok(true);
        }
        Ok(self
            .prototype_of(object)
            .is_some_and(|prototype| Methods::of(key).get(prototype).is_some()))
    }
}
