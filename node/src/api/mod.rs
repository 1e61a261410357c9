//! The bodies of the HTTP interface, shared by the handlers (`crate::http`) and by the command line
//! (`crate::client`), which is a client of the same interface. What travels between nodes has types of
//! its own in `transport` and `cluster`; nothing here is ever logged or sent on the bus.

mod cluster;
mod instances;
mod messages;
mod problem;
mod programs;
mod reactive;

pub use cluster::{
    BehindView, ClusterView, NodeView, PlaceView, RebalanceRequest, RebalanceView, RecoverRequest,
    RecoveryView, ReplicaView, SemanticsRequest, ShardView, TransferRequest,
};
pub use instances::{
    ErrorView, HistoryEvent, HistoryPage, InstancePage, InstanceSummary, InstanceView,
    OutboxMessage, OutboxPage, StackFrame, StartRequest,
};
pub use messages::{Accepted, MessageView, Outcome, StoryMessage, StoryView};
pub use problem::Problem;
pub use programs::{
    DeployRequest, DeployResponse, LintView, ProgramView, ServedPage, ServedView, SourceFile,
    WorkerView,
};
pub use reactive::{ReactiveEvent, ReactiveView, SourceView};
