//! Replacing symbolic addresses by the ones that a running instance knows.
//!
//! Before: a captured value or constant that holds `self`, `outbox` or a child. After: the machine,
//! which must never see a symbolic address at the run stage. Shares every part that holds none.

use super::{Data, PropertyTable, Symbolic, TooDeep};

impl Data {
    /// The same value with each symbolic address replaced by what `resolve` gives for it.
    pub fn resolve_symbolic(&self, resolve: &dyn Fn(Symbolic) -> Data) -> Result<Data, TooDeep> {
        if !self.shape().has_symbolic {
            return Ok(self.clone());
        }
        let each = |values: &[Data]| {
            values
                .iter()
                .map(|value| value.resolve_symbolic(resolve))
                .collect::<Result<Vec<_>, _>>()
        };
        let table = |properties: &PropertyTable<Data>| {
            let pairs = properties
                .iter()
                .map(|(key, value)| Ok((key.clone(), value.resolve_symbolic(resolve)?)));
            pairs.collect::<Result<PropertyTable<Data>, TooDeep>>()
        };
        match self {
            Data::Symbolic(symbolic) => Ok(resolve(*symbolic)),
            Data::Array(array) => Data::array(each(array.items())?),
            Data::Object(object) => Data::object(table(object.properties())?),
            Data::Error(error) => Data::error(error.kind, table(error.properties())?),
            Data::Set(set) => Data::set(each(set.values())?),
            Data::Map(map) => {
                let pairs = map.entries().iter();
                let pairs = pairs.map(|(key, value)| {
                    Ok((
                        key.resolve_symbolic(resolve)?,
                        value.resolve_symbolic(resolve)?,
                    ))
                });
                Data::map(pairs.collect::<Result<Vec<_>, TooDeep>>()?)
            }
            // A function resolves its captures when it reads them.
            _ => Ok(self.clone()),
        }
    }
}
