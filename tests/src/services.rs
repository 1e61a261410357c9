//! Real services for tests: NATS and Jaeger, each a process of the test that started it, on free ports, killed
//! when its value is dropped. The binaries are got by `./test` (or `tests/services/*.sh`); here they are only
//! found. What a test does with a service is the test's own.

mod binary;
mod http_server;
mod jaeger;
mod nats;
mod process;
mod traces;

pub(crate) use binary::allows_missing;
pub use binary::{jaeger_server, nats_server, typescript};
pub use http_server::{HttpAsked, HttpServer};
pub use jaeger::Jaeger;
pub use nats::NatsServer;
pub use process::{Process, free_port};
pub use traces::{Span, Trace};
