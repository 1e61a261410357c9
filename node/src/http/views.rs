//! From records of the log to bodies of the HTTP interface. Comes after a read; before the JSON.

use cluster::query::InstanceView as Instance;
use cluster::record::{
    Failure, HistoryRecord, InstanceStatus, MessageFate, OutputRecord, TurnInput, TurnOutcome,
};
use serde_json::Value;
use transport::{Incarnation, ShardId};

use crate::api::{
    ErrorView, HistoryEvent, InstanceSummary, InstanceView, OutboxMessage, Outcome, ReactiveView,
    StackFrame, StoryMessage,
};
use crate::door::{DoorError, Known, Shown};

/// A logged value as JSON.
pub fn value(body: &cluster::message::Body) -> Result<Value, DoorError> {
    let data = body
        .data()
        .map_err(|error| unreadable(&error.to_string()))?;
    serde_json::from_str(&data.to_json()).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> DoorError {
    DoorError::Unavailable {
        detail: format!("a logged value cannot be read: {why}"),
        unknown: false,
    }
}

/// The key of an instance; a view always has one.
fn key(address: &transport::Address) -> String {
    address.key().unwrap_or("default").to_owned()
}

/// All that `status` may say.
pub const STATUSES: [&str; 6] = [
    "waiting",
    "paused",
    "backing-off",
    "completed",
    "failed",
    "killed",
];

/// What `status` says: a running instance waits, was told to hold still, or rests after a failure.
pub fn status(instance: &Instance) -> &'static str {
    match (instance.status, instance.rests_until_ms) {
        (InstanceStatus::Running, _) if instance.is_paused => "paused",
        (InstanceStatus::Running, Some(_)) => "backing-off",
        (InstanceStatus::Running, None) => "waiting",
        (ended, _) => ended.as_str(),
    }
}

/// One instance, whole.
pub fn instance(
    shown: &Shown,
    shard: ShardId,
    node: Option<String>,
) -> Result<InstanceView, DoorError> {
    let (instance, state) = (&shown.view, &shown.state);
    let computed = shown.computed.as_ref();
    let computed = computed.map(|shown| reactive(&instance.address, value(shown)?));
    Ok(InstanceView {
        name: instance.address.name().to_owned(),
        key: key(&instance.address),
        run: instance.run.to_string(),
        status: status(instance).to_owned(),
        step: instance.step,
        state: state.iter().map(value).collect::<Result<_, _>>()?,
        mailbox: instance.mailbox,
        program: instance.program.to_string(),
        shard: shard.0,
        node,
        result: instance.result.as_ref().map(value).transpose()?,
        error: instance.error.as_ref().map(failure),
        computed: computed.transpose()?,
        remarks: remarks(shown)?,
    })
}

/// What a reactive function came to.
pub fn reactive(source: &transport::Address, shown: Value) -> Result<ReactiveView, DoorError> {
    let mut shown = match shown {
        Value::Object(shown) => shown,
        _ => serde_json::Map::new(),
    };
    let sources = shown
        .remove("sources")
        .unwrap_or_else(|| Value::Array(Vec::new()));
    let sources = serde_json::from_value(sources).map_err(|error| DoorError::Unavailable {
        detail: format!("the sources of {source} cannot be read: {error}"),
        unknown: false,
    })?;
    Ok(ReactiveView {
        name: source.name().to_owned(),
        key: key(source),
        value: shown.remove("value"),
        error: shown.remove("error"),
        sources,
    })
}

/// What JSON cannot say of the state and the result.
fn remarks(shown: &Shown) -> Result<Vec<String>, DoorError> {
    let mut remarks = Vec::new();
    let states = shown.state.iter().map(|body| ("state", body));
    let result = shown.view.result.iter().map(|body| ("result", body));
    for (name, body) in states.chain(result) {
        let data = body
            .data()
            .map_err(|error| unreadable(&error.to_string()))?;
        super::unsaid::collect(&data, name, &mut remarks);
    }
    Ok(remarks)
}

/// One line of a list.
pub fn summary(instance: &Instance, shard: ShardId) -> InstanceSummary {
    InstanceSummary {
        name: instance.address.name().to_owned(),
        key: key(&instance.address),
        status: status(instance).to_owned(),
        step: instance.step,
        shard: shard.0,
    }
}

/// A script's error.
pub fn failure(failure: &Failure) -> ErrorView {
    let frame = |line: &cluster::record::StackLine| StackFrame {
        function: line.function.clone(),
        file: line.file.clone(),
        line: line.line,
        column: line.column,
    };
    ErrorView {
        code: failure.code.clone(),
        message: failure.message.clone(),
        stack: failure.stack.iter().map(frame).collect(),
    }
}

/// One step of history.
pub fn event(step: u64, record: &HistoryRecord) -> Result<HistoryEvent, DoorError> {
    let (input, from, message) = match &record.input {
        TurnInput::Start { config, .. } => ("start", None, Some(value(config)?)),
        TurnInput::Message { from, body, .. } => ("message", from.as_ref(), Some(value(body)?)),
        TurnInput::Reply { from, body, .. } => ("reply", from.as_ref(), Some(value(body)?)),
        TurnInput::Timer { timer } => ("timer", None, Some(Value::from(*timer))),
        TurnInput::Idle => ("idle", None, None),
        TurnInput::Kill { from } => ("kill", from.as_ref(), None),
        TurnInput::Told { from, body, .. } => ("value", from.as_ref(), Some(value(body)?)),
    };
    let (outcome, error) = turn_outcome(&record.outcome);
    let mut notes = record.console.clone();
    notes.extend(error.map(|error| {
        let place = error.stack.first();
        let place = place.map(|at| format!(" at {}:{}:{}", at.file, at.line, at.column));
        let place = place.unwrap_or_default();
        format!("[{}] {}{place}", error.code, error.message)
    }));
    Ok(HistoryEvent {
        step,
        run: record.run.to_string(),
        at_ms: record.time_ms,
        input: input.to_owned(),
        id: Some(record.stamp.id.to_string()),
        from: from.map(ToString::to_string),
        message: message.filter(|message| !message.is_null()),
        outcome: outcome.to_owned(),
        notes,
        effects_hash: hex(&record.effects_hash),
    })
}

/// The name of a turn's outcome, and its error.
pub fn turn_outcome(outcome: &TurnOutcome) -> (&'static str, Option<&Failure>) {
    match outcome {
        TurnOutcome::Waiting => ("taken", None),
        TurnOutcome::Dropped => ("dropped", None),
        TurnOutcome::Late => ("late", None),
        TurnOutcome::Completed => ("completed", None),
        TurnOutcome::Failed(failure) => ("failed", Some(failure)),
        TurnOutcome::Trapped(failure) => ("undone", Some(failure)),
        TurnOutcome::Killed => ("killed", None),
    }
}

/// One message that an instance put out.
pub fn output(
    number: u64,
    record: &OutputRecord,
    incarnation: Incarnation,
) -> Result<OutboxMessage, DoorError> {
    Ok(OutboxMessage {
        id: format!("{}-{number}", incarnation.0),
        at_ms: record.time_ms,
        message_id: record.stamp.id.to_string(),
        message: value(&record.body)?,
    })
}

/// One message of a story.
pub fn story_message(known: &Known, node: Option<String>) -> StoryMessage {
    let record = &known.record;
    let (step, outcome) = fate(&record.fate);
    StoryMessage {
        id: record.stamp.id.to_string(),
        cause: record.stamp.cause.map(|cause| cause.to_string()),
        from: record.from.as_ref().map(ToString::to_string),
        to: record.to.to_string(),
        kind: known.kind.clone(),
        step,
        at_ms: record.time_ms,
        shard: known.shard.0,
        node,
        outcome: outcome.to_owned(),
    }
}

fn fate(fate: &MessageFate) -> (Option<u64>, &'static str) {
    match fate {
        MessageFate::Applied { step, outcome, .. } => (Some(*step), turn_outcome(outcome).0),
        MessageFate::Waiting => (None, "waiting"),
        MessageFate::Late => (None, "late"),
        MessageFate::Routed { .. } => (None, "routed"),
        MessageFate::Emitted { .. } => (None, "emitted"),
        MessageFate::Service { .. } => (None, "waiting for a service"),
        MessageFate::Acknowledged { .. } => (None, "taken by a service"),
        MessageFate::DeadLetter { .. } => (None, "dead-letter"),
        MessageFate::Killed { found: true } => (None, "killed"),
        MessageFate::Killed { found: false } => (None, "not found"),
        MessageFate::Started { step } => (*step, "taken"),
        MessageFate::Subscribed => (None, "subscribed"),
        MessageFate::Unsubscribed => (None, "unsubscribed"),
    }
}

/// What became of a message, for `?wait=turn`; none while that is not known.
pub fn outcome_of(fate: &MessageFate) -> Option<Outcome> {
    let plain = |status: &str| Outcome {
        status: status.to_owned(),
        result: None,
        error: None,
        dead_letter: None,
    };
    Some(match fate {
        MessageFate::Applied { outcome, .. } => {
            let (_, error) = turn_outcome(outcome);
            let status = match outcome {
                TurnOutcome::Waiting => "waiting",
                TurnOutcome::Dropped => "dropped",
                TurnOutcome::Late => "late",
                TurnOutcome::Completed => "completed",
                TurnOutcome::Failed(_) | TurnOutcome::Trapped(_) => "failed",
                TurnOutcome::Killed => "killed",
            };
            Outcome {
                error: error.map(failure),
                ..plain(status)
            }
        }
        MessageFate::Late => plain("late"),
        MessageFate::Subscribed => plain("subscribed"),
        MessageFate::Unsubscribed => plain("unsubscribed"),
        MessageFate::Started { .. } => plain("waiting"),
        MessageFate::Acknowledged { .. } => plain("acknowledged"),
        MessageFate::Killed { .. } => plain("killed"),
        MessageFate::DeadLetter { code, .. } => Outcome {
            error: Some(ErrorView {
                code: code.clone(),
                message: "the message became a dead letter".to_owned(),
                stack: Vec::new(),
            }),
            ..plain("dead-letter")
        },
        MessageFate::Waiting
        | MessageFate::Routed { .. }
        | MessageFate::Emitted { .. }
        | MessageFate::Service { .. } => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
