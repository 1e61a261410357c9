//! The services that every cluster has: `Http`, `Bus` and `Log`, through which all input and output
//! of workers passes.
//!
//! Before it: a message to one of these names. After it: the queue of the name in the sender's own
//! shard, and the leader's driver, which performs it. Guarantees: a worker that is deployed under
//! such a name takes its place, in its namespace. Leaves to others: what each of them does.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuiltIn {
    /// Makes an HTTP request; the response or an error comes back as a message.
    Http,
    /// Publishes on the bus.
    Bus,
    /// Writes a record into the node's log.
    Log,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [BuiltIn; 3] = [BuiltIn::Http, BuiltIn::Bus, BuiltIn::Log];

    /// Its name, by which scripts address it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            BuiltIn::Http => "Http",
            BuiltIn::Bus => "Bus",
            BuiltIn::Log => "Log",
        }
    }

    /// The built-in service of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<BuiltIn> {
        BuiltIn::ALL.into_iter().find(|one| one.name() == name)
    }
}
