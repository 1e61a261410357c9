//! Data as values of `serde_json`, without a way over text: each number keeps its last bit.

use serde_json::{Map, Number, Value};

use crate::data::{Data, PropertyTable};

/// The largest whole number below which every whole number is a double.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// The value, as [`Data::to_json`] would write it.
pub(super) fn value_of(data: &Data) -> Value {
    match data {
        Data::Boolean(boolean) => Value::Bool(*boolean),
        Data::Number(number) => number_of(*number),
        Data::Text(text) => Value::String(text.to_string()),
        Data::Array(array) => Value::Array(array.items().iter().map(value_of).collect()),
        Data::Object(object) => Value::Object(properties_of(object.properties())),
        // The others are rare, and have no numbers that JSON would not show whole.
        _ => serde_json::from_str(&data.to_json()).unwrap_or_default(),
    }
}

/// Whole numbers as integers, so that they equal those that a test writes.
fn number_of(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        return Value::Number(Number::from(number as i64));
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn properties_of(properties: &PropertyTable<Data>) -> Map<String, Value> {
    let kept = properties
        .iter()
        .filter(|(_, value)| !matches!(value, Data::Undefined | Data::Function(_)));
    kept.map(|(key, value)| (key.to_string(), value_of(value)))
        .collect()
}
