//! Objects, and large ones that share their structure with those that they were made from.
//!
//! Before: literals, JSON, the codec, `freeze`. Guarantees: what is known of an object (depth, size, what
//! is inside) is exact, whether it was made at once or from another; what it costs to make one from
//! another does not grow with what both have in common, but for a pointer for each 64 properties.

use std::sync::Arc;

use super::{Data, ObjectData, PropertyTable, Shape, TooDeep, table_shape};
use crate::text::Text;

/// Objects with fewer properties are copied whole.
pub(crate) const SHARED_MIN: usize = 128;

impl ObjectData {
    /// An object; its properties are brought into JavaScript's order.
    pub(super) fn new(mut properties: PropertyTable<Data>) -> Result<Arc<ObjectData>, TooDeep> {
        properties.normalise();
        if properties.len() < SHARED_MIN {
            let shape = table_shape(&properties)?;
            let parts = Box::default();
            return Ok(Arc::new(ObjectData {
                properties,
                shape,
                parts,
            }));
        }
        properties.share();
        let parts = (0..properties.chunks()).map(|at| part(&properties, at));
        let parts = parts.collect();
        ObjectData::of_parts(properties, parts)
    }

    fn of_parts(
        properties: PropertyTable<Data>,
        parts: Box<[Shape]>,
    ) -> Result<Arc<ObjectData>, TooDeep> {
        let mut shape = Shape::container();
        parts.iter().for_each(|part| shape.include_part(*part));
        Ok(Arc::new(ObjectData {
            properties,
            shape: shape.checked()?,
            parts,
        }))
    }

    /// The properties, in JavaScript's order.
    pub fn properties(&self) -> &PropertyTable<Data> {
        &self.properties
    }

    /// Whether objects made from it share its structure.
    pub(crate) fn is_large(&self) -> bool {
        self.properties.len() >= SHARED_MIN
    }

    /// The same object with other values for some keys, and more keys behind its own.
    pub(crate) fn with(
        &self,
        changes: impl Iterator<Item = (Text, Data)>,
    ) -> Result<Arc<ObjectData>, TooDeep> {
        let mut properties = self.properties.clone();
        let mut changed = Vec::new();
        for (key, value) in changes {
            properties.insert(key.clone(), value);
            changed.push(key);
        }
        if !self.is_large() || !properties.is_normal() {
            return ObjectData::new(properties);
        }
        let mut parts = self.parts.to_vec();
        parts.resize(properties.chunks(), Shape::default());
        let mut changed: Vec<usize> = changed
            .iter()
            .filter_map(|key| properties.chunk_of(key))
            .collect();
        changed.sort_unstable();
        changed.dedup();
        for at in changed {
            parts[at] = part(&properties, at);
        }
        ObjectData::of_parts(properties, parts.into_boxed_slice())
    }
}

impl Shape {
    /// Adds the properties of a part of the same object.
    fn include_part(&mut self, part: Shape) {
        self.depth = self.depth.max(part.depth);
        self.byte_count = self.byte_count.saturating_add(part.byte_count);
        self.has_symbolic |= part.has_symbolic;
        self.has_function |= part.has_function;
        self.needs_normalising |= part.needs_normalising;
    }
}

/// The shape of a chunk of properties.
fn part(properties: &PropertyTable<Data>, at: usize) -> Shape {
    let mut shape = Shape::default();
    for (key, value) in properties.chunk(at) {
        shape.include_property(key, value);
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(count: usize) -> Arc<ObjectData> {
        let pairs = (0..count).map(|at| (Text::from(format!("p{at}")), Data::Number(at as f64)));
        ObjectData::new(pairs.collect()).unwrap()
    }

    #[test]
    fn what_is_made_from_another_is_as_if_made_at_once() {
        let nested = Data::array(vec![Data::array(vec![Data::Undefined]).unwrap()]).unwrap();
        for count in [3, SHARED_MIN, 1_000] {
            let first = large(count);
            let changes = [
                ("p1", nested.clone()),
                ("new", Data::Null),
                ("p2", Data::from("text")),
            ];
            let changes = changes.map(|(key, value)| (Text::from(key), value));
            let second = first.with(changes.clone().into_iter()).unwrap();
            let mut table = PropertyTable::default();
            for (key, value) in first.properties().iter() {
                table.insert(key.clone(), value.clone());
            }
            changes.into_iter().for_each(|(key, value)| {
                table.insert(key, value);
            });
            let at_once = ObjectData::new(table).unwrap();
            assert_eq!(second.shape, at_once.shape);
            assert!(second.properties().iter().eq(at_once.properties().iter()));
            // And back: nothing of what was there is remembered.
            let back = [
                ("p1", Data::Number(1.0)),
                ("new", Data::Null),
                ("p2", Data::Number(2.0)),
            ];
            let back = back.map(|(key, value)| (Text::from(key), value));
            let third = second.with(back.into_iter()).unwrap();
            assert_eq!(
                (third.shape.depth, third.shape.needs_normalising),
                (1, false)
            );
            assert_eq!(
                first.properties().get(&Text::from("p1")),
                Some(&Data::Number(1.0))
            );
        }
    }

    #[test]
    fn keys_that_are_indices_still_come_first() {
        let object = large(300)
            .with([(Text::from("7"), Data::Null)].into_iter())
            .unwrap();
        assert_eq!(object.properties().keys().next(), Some(&Text::from("7")));
        assert_eq!(object.properties().len(), 301);
    }
}
