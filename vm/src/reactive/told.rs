//! What a source tells its subscribers: a value or an error, and the functions that it came through.
//!
//! A worker's state is told as it is; a reactive function adds its chain, by which cycles are found. It
//! travels as data, so that history shows it. What cannot be read is an error as a value.

use serde::{Deserialize, Serialize};

use crate::codes::ErrorCode;
use crate::data::{Data, ErrorKind, PropertyTable};
use crate::error::ScriptError;

/// A value, or the error that `get` throws instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Said {
    Value(Data),
    Error(Data),
}

/// What a source tells.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Told {
    /// Nothing while a reactive function waits for its first sources.
    pub(crate) said: Option<Said>,
    /// The longest chain of reactive functions below what is said, beginning with the one that says it.
    pub(crate) chain: Vec<String>,
}

impl Told {
    /// A value of a worker.
    pub(crate) fn value(value: Data) -> Told {
        Told {
            said: Some(Said::Value(value)),
            chain: Vec::new(),
        }
    }

    /// As it travels.
    pub(crate) fn to_data(&self) -> Data {
        let mut properties = Vec::with_capacity(2);
        match &self.said {
            Some(Said::Value(value)) => properties.push(("value", value.clone())),
            Some(Said::Error(error)) => properties.push(("error", error.clone())),
            None => {}
        }
        if !self.chain.is_empty() {
            let chain = self.chain.iter().map(|name| Data::from(name.as_str()));
            let chain = Data::array(chain.collect()).unwrap_or_default();
            properties.push(("chain", chain));
        }
        let properties = properties.into_iter();
        let told = Data::object(properties.map(|(key, value)| (key.into(), value)).collect());
        // A value at the limit of depth stands one level deeper here.
        told.unwrap_or_else(|_| {
            let code = crate::codes::LIMIT_VALUE_DEPTH;
            told_error(code.code, "the value nests too deep to be told")
        })
    }

    /// Reads what was told.
    pub(crate) fn from_data(data: &Data) -> Told {
        let said = match (data.property("error"), data.property("value")) {
            (Some(error), _) => Some(Said::Error(error.clone())),
            (None, Some(value)) => Some(Said::Value(value.clone())),
            (None, None) => None,
        };
        let chain = match data.property("chain") {
            Some(Data::Array(names)) => {
                let names = names.items().iter().filter_map(Data::as_text);
                names.map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        };
        Told { said, chain }
    }
}

/// What is told of a state that is not there: `undefined`.
pub fn told_nothing() -> Data {
    Told::value(Data::Undefined).to_data()
}

/// What is told where something cannot be read.
pub fn told_error(code: &str, message: &str) -> Data {
    let error = error_object(code, message);
    Data::object_from([("error", error)]).unwrap_or_default()
}

/// The error value of a code.
pub(crate) fn error_of(code: ErrorCode, message: &str) -> Data {
    error_object(code.code, message)
}

fn error_object(code: &str, message: &str) -> Data {
    let mut properties = PropertyTable::with_capacity(2);
    properties.insert("message".into(), Data::from(message));
    properties.insert("code".into(), Data::from(code));
    Data::error(ErrorKind::Error, properties).unwrap_or_default()
}

/// What `get` throws for an error: the value that was thrown, where it can be kept.
pub(crate) fn error_data(error: &ScriptError) -> Data {
    match &error.value {
        Some(value)
            if !matches!(value, Data::Undefined)
                && !value.shape().has_function
                && !value.shape().has_symbolic =>
        {
            value.clone()
        }
        _ => error_object(&error.code, &error.message),
    }
}
