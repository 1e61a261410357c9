//! From values of a turn to data that outlives it.
//!
//! Before: what a run-stage function returned. After: state, messages, captures.
//! Guarantees: parts that are frozen already are shared, not copied; cycles, depth and size are
//! errors; what may not be kept is refused with a hint.

mod captures;
mod message;

pub(crate) use captures::KeptCells;

use smallvec::SmallVec;

use crate::codes;
use crate::data::{Data, ObjectData, PropertyTable, is_normal};
use crate::error::Trap;
use crate::heap::{KeyedEntries, ObjectKind};
use crate::host::Misuse;
use crate::limits::Limit;
use crate::machine::Machine;
use crate::value::{ArrayId, ObjectId, Value};

/// What the data is for: it decides what is refused and what is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Kept between turns: every value but functions.
    State,
    /// Sent: normalised as `JSON.parse(JSON.stringify(m))` would.
    Message,
    /// Captured, or waits in a worker until it is used: functions too.
    Capture,
}

/// One freezing while it runs.
struct Freezing {
    purpose: Purpose,
    /// The compounds around the current value, by kind and index: a cycle meets one of them again.
    path: SmallVec<[(u8, u64); 8]>,
    bytes: u64,
}

/// The data of a value that may be kept for any purpose as it is, where that is seen at once.
#[inline]
fn frozen_scalar(value: &Value<'_>) -> Option<Data> {
    match value {
        Value::Text(text) => Some(Data::Text((*text).clone())),
        Value::Number(number) if is_normal(number.get()) => Some(Data::Number(number.get())),
        Value::Boolean(boolean) => Some(Data::Boolean(boolean.get())),
        _ => None,
    }
}

impl<'p> Machine<'p> {
    /// Makes data of a value.
    pub fn freeze(&mut self, value: &Value<'p>, purpose: Purpose) -> Result<Data, Trap> {
        if purpose == Purpose::Message && value.is_undefined() {
            return Err(self.cannot_keep("undefined cannot be sent: send `null`, or an object"));
        }
        let mut freezing = Freezing {
            purpose,
            path: SmallVec::new(),
            bytes: 0,
        };
        let data = self.freeze_part(value, &mut freezing)?;
        if purpose == Purpose::Capture {
            self.freeze_pending_cells()?;
        }
        if purpose == Purpose::Message {
            self.check_reserved_keys(&data)?;
        }
        self.check_shape(&data)?;
        if purpose != Purpose::Capture && data.shape().has_symbolic {
            let what = "an address is used outside the block of its child or message";
            return Err(Trap::fatal(codes::CLOSED_BLOCK, what));
        }
        Ok(data)
    }

    fn check_shape(&mut self, data: &Data) -> Result<(), Trap> {
        let shape = data.shape();
        if shape.depth > self.limits.value_depth {
            return Err(Trap::limit(
                codes::LIMIT_VALUE_DEPTH,
                Limit::ValueDepth,
                self.limits,
            ));
        }
        if shape.byte_count > self.limits.value_bytes {
            return Err(Trap::limit(
                codes::LIMIT_VALUE_SIZE,
                Limit::ValueBytes,
                self.limits,
            ));
        }
        Ok(())
    }

    /// Data of a value inside another, or of the whole.
    fn freeze_part(&mut self, value: &Value<'p>, freezing: &mut Freezing) -> Result<Data, Trap> {
        match value {
            Value::Number(number) if freezing.purpose == Purpose::Message => {
                self.normalise(&Data::Number(number.get()))
            }
            Value::Undefined if freezing.purpose == Purpose::Message => Ok(Data::Null),
            Value::Undefined => Ok(Data::Undefined),
            Value::Null => Ok(Data::Null),
            Value::Boolean(boolean) => Ok(Data::Boolean(boolean.get())),
            Value::Number(number) => Ok(Data::Number(number.get())),
            Value::Text(text) => Ok(Data::Text((*text).clone())),
            Value::Frozen(data) if freezing.purpose == Purpose::Message => self.normalise(data),
            Value::Frozen(Data::Function(_)) if freezing.purpose == Purpose::State => {
                Err(self.no_function())
            }
            Value::Frozen(data) => Ok((*data).clone()),
            Value::Array(id) => self.freeze_array(*id, freezing),
            Value::Object(id) => {
                let object = self.heap.object(*id);
                let shared = object
                    .base
                    .as_ref()
                    .map_or(0, |base| base.properties().len());
                let count = object.properties.len() + shared / 64;
                self.enter_compound((2, id.0), count, freezing)?;
                let data = self.freeze_object(*id, freezing)?;
                freezing.path.pop();
                Ok(data)
            }
            Value::Closure(id) if freezing.purpose == Purpose::Capture => self.freeze_closure(*id),
            Value::Closure(_) => Err(self.no_function()),
            Value::Native(native) => {
                let name = crate::builtins::native(*native).name;
                let what = format!(
                    "the built-in `{name}` cannot be kept as a value: wrap it in a function, `value => {name}(value)`"
                );
                Err(self.cannot_keep(&what))
            }
            Value::Host(host) => match self.host.keep(*host) {
                Some(data) => Ok(data),
                None => Err(self.host.misuse(self, *host, Misuse::Kept)),
            },
            Value::Iterator(_) | Value::Cell(_) | Value::Uninitialised => {
                Err(self
                    .cannot_keep("an iterator cannot be kept: make an array of it, `[...values]`"))
            }
        }
    }

    fn freeze_array(&mut self, id: ArrayId, freezing: &mut Freezing) -> Result<Data, Trap> {
        let count = self.heap.array(id).len();
        self.enter_compound((1, id.0), count, freezing)?;
        // Taken out meanwhile; a part that leads back here is found on the path.
        let items = std::mem::take(self.heap.array_mut(id));
        let mut frozen = Vec::with_capacity(count);
        let mut failed = None;
        for item in &items {
            if let Some(data) = frozen_scalar(item) {
                frozen.push(data);
                continue;
            }
            match self.freeze_item(item, freezing) {
                Ok(data) => frozen.push(data),
                Err(trap) => {
                    failed = Some(trap);
                    break;
                }
            }
        }
        *self.heap.array_mut(id) = items;
        if let Some(trap) = failed {
            return Err(trap);
        }
        let named = match freezing.purpose {
            Purpose::Message => PropertyTable::default(),
            _ => self.freeze_named(id, freezing)?,
        };
        freezing.path.pop();
        Data::array_with(frozen, named).map_err(|_| self.too_deep())
    }

    /// An item of an array: what a message leaves out elsewhere is `null` here.
    fn freeze_item(&mut self, value: &Value<'p>, freezing: &mut Freezing) -> Result<Data, Trap> {
        if freezing.purpose == Purpose::Message && value.is_undefined() {
            return Ok(Data::Null);
        }
        self.freeze_part(value, freezing)
    }

    fn freeze_object(&mut self, id: ObjectId, freezing: &mut Freezing) -> Result<Data, Trap> {
        let message = freezing.purpose == Purpose::Message;
        match &self.heap.object(id).kind {
            ObjectKind::Plain => {}
            ObjectKind::Error(kind) => {
                let kind = *kind;
                let properties = self.freeze_properties(id, freezing, false)?;
                let error = Data::error(kind, properties).map_err(|_| self.too_deep())?;
                return if message {
                    self.normalise(&error)
                } else {
                    Ok(error)
                };
            }
            ObjectKind::Date(time) => {
                let date = Data::Date(*time);
                return if message {
                    self.normalise(&date)
                } else {
                    Ok(date)
                };
            }
            ObjectKind::RegExp(..) if message => return Err(self.no_expression_in_message()),
            ObjectKind::RegExp(expression, _) => {
                freezing.bytes += u64::from(expression.byte_count());
                return Ok(Data::RegExp(expression.clone()));
            }
            ObjectKind::Map(_) | ObjectKind::Set(_) if message => {
                return Err(self.no_map_in_message());
            }
            ObjectKind::Map(_) | ObjectKind::Set(_) => return self.freeze_keyed(id, freezing),
        }
        if let Some(base) = self.heap.object(id).base {
            if !message {
                return self.freeze_changes(id, base, freezing);
            }
            self.settle_properties(id)?;
        }
        let properties = self.freeze_properties(id, freezing, message)?;
        Data::object(properties).map_err(|_| self.too_deep())
    }

    /// A map or set.
    fn freeze_keyed(&mut self, id: ObjectId, freezing: &mut Freezing) -> Result<Data, Trap> {
        // Taken out meanwhile; a part that leads back here is found on the path.
        let mut kind = std::mem::replace(&mut self.heap.object_mut(id).kind, ObjectKind::Plain);
        let frozen = match &mut kind {
            ObjectKind::Map(entries) => {
                let frozen = self.freeze_entries(entries, freezing);
                frozen.map(|frozen| Data::map_with(frozen, entries.freeze_index()))
            }
            ObjectKind::Set(entries) => {
                let frozen = self.freeze_keys(entries, freezing);
                frozen.map(|frozen| Data::set_with(frozen, entries.freeze_index()))
            }
            _ => Ok(Ok(Data::Undefined)),
        };
        self.heap.object_mut(id).kind = kind;
        frozen?.map_err(|_| self.too_deep())
    }

    fn freeze_entries(
        &mut self,
        entries: &KeyedEntries<'p>,
        freezing: &mut Freezing,
    ) -> Result<Vec<(Data, Data)>, Trap> {
        let mut frozen = Vec::with_capacity(entries.len());
        for (key, value) in entries.iter() {
            let key = self.freeze_inner(key, freezing)?;
            frozen.push((key, self.freeze_inner(value, freezing)?));
        }
        Ok(frozen)
    }

    fn freeze_keys(
        &mut self,
        entries: &KeyedEntries<'p>,
        freezing: &mut Freezing,
    ) -> Result<Vec<Data>, Trap> {
        let mut frozen = Vec::with_capacity(entries.len());
        for (key, _) in entries.iter() {
            frozen.push(self.freeze_inner(key, freezing)?);
        }
        Ok(frozen)
    }

    /// Data of a value inside another: most are scalars.
    #[inline]
    fn freeze_inner(&mut self, value: &Value<'p>, freezing: &mut Freezing) -> Result<Data, Trap> {
        match frozen_scalar(value) {
            Some(data) => Ok(data),
            None => self.freeze_part(value, freezing),
        }
    }

    /// What an array holds besides its items.
    fn freeze_named(
        &mut self,
        id: ArrayId,
        freezing: &mut Freezing,
    ) -> Result<PropertyTable<Data>, Trap> {
        match self.heap.named(id).cloned() {
            None => Ok(PropertyTable::default()),
            Some(named) => named.try_map(|value| self.freeze_part(value, freezing)),
        }
    }

    fn freeze_properties(
        &mut self,
        id: ObjectId,
        freezing: &mut Freezing,
        without_undefined: bool,
    ) -> Result<PropertyTable<Data>, Trap> {
        // Taken out meanwhile; a part that leads back here is found on the path.
        let properties = std::mem::take(&mut self.heap.object_mut(id).properties);
        let is_left_out = |value: &Value<'p>| without_undefined && value.is_undefined();
        let frozen = if properties.iter().any(|(_, value)| is_left_out(value)) {
            let kept = properties.iter().filter(|(_, value)| !is_left_out(value));
            let frozen =
                kept.map(|(key, value)| Ok((key.clone(), self.freeze_part(value, freezing)?)));
            frozen.collect()
        } else {
            properties.try_map(|value| self.freeze_inner(value, freezing))
        };
        self.heap.object_mut(id).properties = properties;
        frozen
    }

    /// A plain object that begins as a large frozen one: only what differs is looked at.
    fn freeze_changes(
        &mut self,
        id: ObjectId,
        base: &ObjectData,
        freezing: &mut Freezing,
    ) -> Result<Data, Trap> {
        let changes = self.freeze_properties(id, freezing, false)?;
        let changes = changes.iter();
        let object = base.with(changes.map(|(key, value)| (key.clone(), value.clone())));
        let object = object.map_err(|_| self.too_deep())?;
        Ok(Data::Object(object))
    }

    /// Charges a compound and notices cycles and values that nest too deep.
    fn enter_compound(
        &mut self,
        identity: (u8, u64),
        count: usize,
        freezing: &mut Freezing,
    ) -> Result<(), Trap> {
        self.spend(1 + count as u64)?;
        self.charge(48 + count * 16)?;
        freezing.bytes += 32 + 8 * count as u64;
        if freezing.bytes > u64::from(self.limits.value_bytes) {
            return Err(Trap::limit(
                codes::LIMIT_VALUE_SIZE,
                Limit::ValueBytes,
                self.limits,
            ));
        }
        if freezing.path.contains(&identity) {
            let what = "the value contains itself: keep a key to look the other part up";
            return Err(self.cannot_keep(what));
        }
        if freezing.path.len() >= usize::from(self.limits.value_depth) {
            return Err(self.too_deep());
        }
        freezing.path.push(identity);
        Ok(())
    }

    fn too_deep(&self) -> Trap {
        Trap::limit(codes::LIMIT_VALUE_DEPTH, Limit::ValueDepth, self.limits)
    }

    fn no_function(&mut self) -> Trap {
        self.cannot_keep("a function cannot be kept in state or sent: keep the data that it needs, and the function in the script")
    }

    fn cannot_keep(&mut self, what: &str) -> Trap {
        let mut trap = self.type_error(what);
        trap.0.code = Some(codes::NOT_A_MESSAGE);
        trap
    }
}
