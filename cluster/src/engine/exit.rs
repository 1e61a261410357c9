//! The message that a watcher gets when what it spawned has ended.
//!
//! Before it: the end of a run. After it: the watcher's mailbox.
//! Guarantees: `{ type: "exit", child, status, result?, error? }`, a value of the language.
//! Leaves to others: who watches.

use transport::Address;
use vm::Data;
use vm::data::PropertyTable;
use vm::text::Text;

use crate::message::Body;
use crate::record::{Failure, InstanceStatus};

/// The notice of an end.
pub(crate) fn notice(
    child: &Address,
    status: InstanceStatus,
    result: Option<&Body>,
    error: Option<&Failure>,
) -> Body {
    let mut properties: PropertyTable<Data> = PropertyTable::default();
    let mut put = |key: &str, value: Data| {
        properties.insert(Text::from(key), value);
    };
    put("type", Data::text("exit"));
    let address = vm::Address {
        name: child.name().to_owned(),
        key: child.key().map(str::to_owned),
    };
    put("child", Data::Address(std::sync::Arc::new(address)));
    put("status", Data::text(status.as_str()));
    if let Some(result) = result.and_then(|result| result.data().ok()) {
        put("result", result);
    }
    if let Some(error) = error {
        let fields = [
            ("code", Data::text(error.code.as_str())),
            ("message", Data::text(error.message.as_str())),
        ];
        if let Ok(error) = Data::object_from(fields) {
            put("error", error);
        }
    }
    let without_result = properties.clone();
    let data = Data::object(properties).unwrap_or_else(|_| {
        // A result that nests as deep as a value can has no room in an object around it.
        let mut flat = without_result;
        flat.remove(&Text::from("result"));
        Data::object(flat).expect("an object of texts is flat")
    });
    Body::from_data(data)
}
