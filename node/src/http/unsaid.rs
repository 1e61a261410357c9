//! What JSON cannot say of a value: `NaN` and the infinities, which become `null`. Comes beside the JSON of a
//! state, so that who reads it is not misled.

use vm::Data;

/// Remarks about one value at most: a long array of them says no more.
const REMARKS_MAX: usize = 8;

/// Adds a remark for each number of a value that JSON has no form for, with its place.
pub(super) fn collect(data: &Data, place: &str, remarks: &mut Vec<String>) {
    // Most values have none, and places cost more than the look.
    if is_unsaid(data) {
        name_each(data, place, remarks);
    }
}

fn is_unsaid(data: &Data) -> bool {
    let mut open = vec![data];
    while let Some(data) = open.pop() {
        match data {
            Data::Number(number) if !number.is_finite() => return true,
            Data::Array(array) => open.extend(array.items()),
            Data::Object(object) => {
                open.extend(object.properties().iter().map(|(_, item)| item));
            }
            Data::Map(map) => open.extend(map.entries().iter().map(|(_, item)| item)),
            _ => {}
        }
    }
    false
}

fn name_each(data: &Data, place: &str, remarks: &mut Vec<String>) {
    // An explicit stack: a value may be deeper than the program's own.
    let mut open = vec![(data, place.to_owned())];
    while let Some((data, place)) = open.pop() {
        if remarks.len() == REMARKS_MAX {
            return;
        }
        let before = open.len();
        match data {
            Data::Number(number) if !number.is_finite() => {
                remarks.push(format!(
                    "{place} is {}, which JSON has no form for",
                    name(*number)
                ));
            }
            Data::Array(array) => {
                let items = array.items().iter().enumerate();
                open.extend(items.map(|(at, item)| (item, format!("{place}[{at}]"))));
            }
            Data::Object(object) => {
                let all = object.properties().iter();
                open.extend(all.map(|(key, item)| (item, format!("{place}.{key}"))));
            }
            Data::Map(map) => {
                let all = map.entries().iter();
                open.extend(
                    all.map(|(key, item)| (item, format!("{place}.get({})", key.to_json()))),
                );
            }
            _ => {}
        }
        open[before..].reverse();
    }
}

fn name(number: f64) -> &'static str {
    match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_form_are_named_with_their_place() {
        let number = |number: f64| Data::Number(number);
        let list = Data::array(vec![number(1.0), number(f64::INFINITY), number(f64::NAN)]);
        let mut remarks = Vec::new();
        collect(&list.unwrap(), "state", &mut remarks);
        assert_eq!(
            remarks,
            [
                "state[1] is Infinity, which JSON has no form for",
                "state[2] is NaN, which JSON has no form for"
            ]
        );
        let many = Data::array(vec![number(f64::NAN); 100]).unwrap();
        collect(&many, "state", &mut remarks);
        assert_eq!(remarks.len(), REMARKS_MAX);
    }
}
