//! Normalising what is sent, as `JSON.parse(JSON.stringify(message))` would.
//!
//! Undefined properties are dropped, NaN and infinities become null, -0 becomes 0, dates become ISO
//! text, errors `{ name, message }`. Addresses stay. What JSON would lose without a word (maps, sets,
//! regular expressions, functions) is refused with a hint.

use crate::data::{Data, PropertyTable};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;

impl Machine<'_> {
    /// The normalised form of data; shared where it is normal already.
    pub(super) fn normalise(&mut self, data: &Data) -> Result<Data, Trap> {
        if !data.shape().needs_normalising {
            return Ok(data.clone());
        }
        match data {
            // Adding 0 turns -0 into 0.
            Data::Number(number) if number.is_finite() => Ok(Data::Number(number + 0.0)),
            Data::Number(_) | Data::Undefined => Ok(Data::Null),
            Data::Date(time) => Ok(crate::number::iso_time(*time)
                .map_or(Data::Null, |iso| Data::from(Text::from(iso)))),
            Data::Array(array) => {
                self.spend(array.items().len() as u64)?;
                self.charge(48 + array.items().len() * 16)?;
                let items = array.items().iter().map(|item| self.normalise(item));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                Data::array(items).map_err(|_| self.too_deep())
            }
            Data::Object(object) => {
                self.spend(object.properties().len() as u64)?;
                self.charge(64 + object.properties().len() * 40)?;
                let mut table = PropertyTable::with_capacity(object.properties().len());
                for (key, value) in object
                    .properties()
                    .iter()
                    .filter(|(_, value)| !matches!(value, Data::Undefined))
                {
                    table.insert(key.clone(), self.normalise(value)?);
                }
                Data::object(table).map_err(|_| self.too_deep())
            }
            Data::Error(error) => {
                let message = error
                    .properties()
                    .get(&Text::from("message"))
                    .cloned()
                    .unwrap_or_else(|| Data::from(""));
                let message = self.normalise(&message)?;
                let pairs = [
                    ("name", Data::from(error.kind.name())),
                    ("message", message),
                ];
                Data::object_from(pairs).map_err(|_| self.too_deep())
            }
            Data::RegExp(_) => Err(self.no_expression_in_message()),
            Data::Map(_) | Data::Set(_) => Err(self.no_map_in_message()),
            Data::Function(_) => Err(self.no_function()),
            _ => Ok(data.clone()),
        }
    }

    pub(super) fn no_map_in_message(&mut self) -> Trap {
        self.cannot_keep("a Map or Set cannot be sent: send an array, `[...values]`, or an object, `Object.fromEntries(map)`")
    }

    pub(super) fn no_expression_in_message(&mut self) -> Trap {
        self.cannot_keep("a regular expression cannot be sent: send `re.source` and `re.flags`, and write `RegExp(source, flags)` where they arrive")
    }

    /// Keys of the top level that begin with `$` are kept for the language.
    pub(super) fn check_reserved_keys(&mut self, data: &Data) -> Result<(), Trap> {
        let Data::Object(object) = data else {
            return Ok(());
        };
        let reserved = object
            .properties()
            .keys()
            .find(|key| key.unit_at(0) == Some(u16::from(b'$')));
        match reserved.cloned() {
            Some(key) => {
                let what = format!(
                    "the key `{key}` cannot be sent: keys of a message that begin with `$` are reserved"
                );
                Err(self.cannot_keep(&what))
            }
            None => Ok(()),
        }
    }
}
