//! Reads the fields of a request to a built-in service. A service comes after it. Guarantees: what is not
//! understood is refused with the field's name, so that a misspelled field is noticed. Left to others:
//! what a field means.

use vm::Data;

use super::Fault;

/// The fields of a request.
pub(super) struct Fields<'d> {
    service: &'static str,
    body: &'d Data,
}

impl<'d> Fields<'d> {
    /// The request, where it is an object with no fields but `known` ones, `type` and `tag`.
    pub(super) fn read(
        service: &'static str,
        body: &'d Data,
        known: &[&str],
    ) -> Result<Self, Fault> {
        let Data::Object(object) = body else {
            return Err(Fault::request(format!(
                "a message to {service} is an object with the fields {}",
                known.join(", ")
            )));
        };
        for key in object.properties().keys() {
            let key = key.to_string_lossy();
            if !known.contains(&key.as_str()) && key != "type" && key != "tag" {
                return Err(Fault::request(format!(
                    "{service} knows no field `{key}`; it knows {}",
                    known.join(", ")
                )));
            }
        }
        Ok(Self { service, body })
    }

    /// A field that may be absent.
    pub(super) fn get(&self, name: &str) -> Option<&'d Data> {
        let value = self.body.property(name)?;
        (!value.is_nullish()).then_some(value)
    }

    /// A text that may be absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Data::Text(text)) => Ok(Some(text.to_string_lossy())),
            Some(_) => Err(self.not(name, "a string")),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<String, Fault> {
        let missing = || Fault::request(format!("a message to {} needs `{name}`", self.service));
        self.text(name)?.ok_or_else(missing)
    }

    /// A number that may be absent.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Data::Number(number)) => Ok(Some(*number)),
            Some(_) => Err(self.not(name, "a number")),
        }
    }

    /// Names in small letters with their values; numbers count as text.
    pub(super) fn headers(&self) -> Result<Vec<(String, String)>, Fault> {
        let object = match self.get("headers") {
            None => return Ok(Vec::new()),
            Some(Data::Object(object)) => object,
            Some(_) => return Err(self.not("headers", "an object")),
        };
        let mut headers = Vec::new();
        for (name, value) in object.properties().iter() {
            let value = match value {
                Data::Text(text) => text.to_string_lossy(),
                Data::Number(_) | Data::Boolean(_) => value.to_json(),
                _ => return Err(self.not("headers", "an object of strings")),
            };
            headers.push((name.to_string_lossy().to_ascii_lowercase(), value));
        }
        Ok(headers)
    }

    /// Says what a field is not.
    pub(super) fn not(&self, name: &str, what: &str) -> Fault {
        Fault::request(format!(
            "`{name}` of a message to {} is {what}",
            self.service
        ))
    }
}
