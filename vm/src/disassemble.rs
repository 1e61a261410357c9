//! The instructions of a program as text, as `check --emit ops` prints them.
//!
//! For people: the control level of each worker with its blocks, operands and source lines, then the
//! functions. Nothing reads it back.

use std::fmt::Write;

use crate::control::code::ControlCode;
use crate::control::instruction::{
    BlockIndex, BlockKind, Instruction, Operand, OperandIndex, Retry, Timeout,
};
use crate::data::Data;
use crate::options::Backoff;
use crate::program::{Program, WorkerDefinition};
use crate::source::Span;
use crate::tree::Handle;

impl Program {
    /// Every worker's control instructions and every function's instructions, as text.
    pub fn disassemble(&self) -> String {
        let mut out = String::new();
        for worker in self.workers() {
            self.write_worker(worker, &mut out);
        }
        for (index, function) in self.code().functions.iter().enumerate() {
            let name = if function.name.is_empty() {
                "(anonymous)".to_owned()
            } else {
                function.name.to_string()
            };
            let line = self.line(function.span);
            line_of(&mut out, format_args!("function {index} {name} ({line})"));
            for (at, instruction) in function.instructions.iter().enumerate() {
                line_of(&mut out, format_args!("  {at:04} {instruction:?}"));
            }
        }
        out
    }

    /// The line of a span; of another file than the entry with its name.
    fn line(&self, span: Span) -> String {
        match self.sources().locate(span.start) {
            Some((source, position)) if source.name == self.source().name => {
                format!("line {}", position.line)
            }
            Some((source, position)) => format!("{}:{}", source.name, position.line),
            None => String::new(),
        }
    }

    fn write_worker(&self, worker: &WorkerDefinition, out: &mut String) {
        let kind = if worker.exported {
            "worker"
        } else {
            "worker (not exported)"
        };
        line_of(out, format_args!("{kind} {}", worker.name));
        let mut last_line = String::new();
        for (at, instruction) in worker.code.instructions.iter().enumerate() {
            let depth = worker.code.blocks_around(&worker.layout, at as u32).len();
            let text = Writer {
                code: &worker.code,
                program: self,
            }
            .instruction(instruction);
            let line = worker
                .code
                .spans
                .get(at)
                .map_or_else(String::new, |span| self.line(*span));
            let place = if line == last_line {
                String::new()
            } else {
                format!("  ; {line}")
            };
            last_line = line;
            line_of(
                out,
                format_args!("  {at:04} {:indent$}{text}{place}", "", indent = depth * 2),
            );
        }
    }
}

fn line_of(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

struct Writer<'a> {
    code: &'a ControlCode,
    program: &'a Program,
}

impl Writer<'_> {
    fn instruction(&self, instruction: &Instruction) -> String {
        let operand = |index: &OperandIndex| self.operand(*index);
        match instruction {
            Instruction::Noop => "Noop".to_owned(),
            Instruction::StateUpdate {
                handle,
                updater,
                message,
            } => {
                let message = message.map(|message| format!(" with {}", handle_text(message)));
                let message = message.unwrap_or_default();
                format!(
                    "StateUpdate {} by {}{message}",
                    handle_text(*handle),
                    operand(updater)
                )
            }
            Instruction::ActorSend { target, message } => {
                format!("ActorSend {} {}", operand(target), operand(message))
            }
            Instruction::ActorReply { handle, message } => {
                format!("ActorReply {} {}", handle_text(*handle), operand(message))
            }
            Instruction::ActorKill { target } => format!("ActorKill {}", operand(target)),
            Instruction::Delay { milliseconds } => format!("Delay {}", operand(milliseconds)),
            Instruction::TaskComplete { result } => format!("TaskComplete {}", operand(result)),
            Instruction::TaskFail { error } => format!("TaskFail {}", operand(error)),
            Instruction::React { function } => format!("React {}", operand(function)),
            opening_or_leaving => self.block_instruction(opening_or_leaving),
        }
    }

    fn block_instruction(&self, instruction: &Instruction) -> String {
        let operand = |index: &OperandIndex| self.operand(*index);
        match instruction {
            Instruction::BlockEnter { block } => format!("BlockEnter {}", self.block(*block)),
            Instruction::LoopEnter { block } => format!("LoopEnter {}", self.block(*block)),
            Instruction::BlockEnterState { block, initial } => {
                format!(
                    "BlockEnterState {} = {}",
                    self.block(*block),
                    operand(initial)
                )
            }
            Instruction::BlockEnterAwait {
                block,
                predicate,
                otherwise,
                timeout,
            } => {
                let otherwise = otherwise.map(|other| format!(" else {}", self.block(other)));
                let otherwise = otherwise.unwrap_or_default();
                format!(
                    "BlockEnterAwait {} if {}{otherwise}{}",
                    self.block(*block),
                    operand(predicate),
                    self.timeout(timeout.as_ref())
                )
            }
            Instruction::ActorCall {
                block,
                target,
                message,
                timeout,
                retry,
            } => format!(
                "ActorCall {} {} {}{}{}",
                self.block(*block),
                operand(target),
                operand(message),
                self.timeout(timeout.as_ref()),
                retry.as_ref().map(retry_text).unwrap_or_default()
            ),
            Instruction::ActorSpawn {
                block,
                worker,
                config,
                watch,
            } => {
                let name = self
                    .program
                    .definition(*worker)
                    .map_or("?", |worker| worker.name.as_str());
                let watch = if *watch { " watch" } else { "" };
                format!(
                    "ActorSpawn {} {name} {}{watch}",
                    self.block(*block),
                    operand(config)
                )
            }
            Instruction::BlockEnterValue {
                block,
                source,
                predicate,
                timeout,
            } => format!(
                "BlockEnterValue {} of {} if {}{}",
                self.block(*block),
                operand(source),
                operand(predicate),
                self.timeout(timeout.as_ref())
            ),
            other => self.leaving_instruction(other),
        }
    }

    fn leaving_instruction(&self, instruction: &Instruction) -> String {
        match instruction {
            Instruction::BlockBreak { block } => format!("BlockBreak {}", self.exit(*block)),
            Instruction::LoopExit { block } => format!("LoopExit {}", self.exit(*block)),
            Instruction::BlockBreakIf {
                block,
                condition,
                truth,
            } => {
                let not = if *truth { "" } else { "not " };
                format!(
                    "BlockBreakIf {not}{} {}",
                    self.operand(*condition),
                    self.exit(*block)
                )
            }
            Instruction::LoopContinue { block } => {
                let start = self
                    .code
                    .blocks
                    .get(block.0 as usize)
                    .map_or(0, |block| block.start);
                format!("LoopContinue b{} -> {start:04}", block.0)
            }
            nesting => self.nesting_instruction(nesting),
        }
    }

    fn nesting_instruction(&self, instruction: &Instruction) -> String {
        match instruction {
            Instruction::SagaEnter { block } => format!("SagaEnter b{}", block.0),
            Instruction::UndoRecord { undo } => format!("UndoRecord {}", self.exit(*undo)),
            Instruction::UndoEnd { undo } => format!("UndoEnd b{}", undo.0),
            Instruction::EachEnter { block, items } => {
                format!(
                    "EachEnter {} of {}",
                    self.block(*block),
                    self.operand(*items)
                )
            }
            Instruction::EachNext { block } => format!("EachNext {}", self.exit(*block)),
            Instruction::ParallelEnter { block, branches } => {
                let branches = branches.iter().map(|branch| format!(" b{}", branch.0));
                format!(
                    "ParallelEnter {} of{}",
                    self.block(*block),
                    branches.collect::<String>()
                )
            }
            Instruction::ParallelJoin { block } => format!("ParallelJoin {}", self.exit(*block)),
            Instruction::BranchEnd { block } => format!("BranchEnd b{}", block.0),
            Instruction::AttemptEnter { block } => format!("AttemptEnter {}", self.block(*block)),
            Instruction::AttemptBegin { block } => format!("AttemptBegin b{}", block.0),
            other => format!("{other:?}"),
        }
    }

    fn block(&self, index: BlockIndex) -> String {
        let kind = self
            .code
            .blocks
            .get(index.0 as usize)
            .map(|block| &block.kind);
        let value = match kind {
            Some(BlockKind::State {
                handle,
                name: Some(name),
            }) => format!(" {} as {name:?}", handle_text(*handle)),
            Some(BlockKind::Parallel { race: true }) => " race".to_owned(),
            Some(BlockKind::Attempt {
                retry, otherwise, ..
            }) => {
                let otherwise = otherwise.map(|other| format!(" else {}", self.block(other)));
                let retry = retry.as_ref().map(retry_text).unwrap_or_default();
                format!("{retry}{}", otherwise.unwrap_or_default())
            }
            Some(kind) => kind
                .handle()
                .map(|handle| format!(" {}", handle_text(handle)))
                .unwrap_or_default(),
            None => String::new(),
        };
        format!("b{}{value}", index.0)
    }

    fn timeout(&self, timeout: Option<&Timeout>) -> String {
        let Some(timeout) = timeout else {
            return String::new();
        };
        let otherwise = timeout
            .otherwise
            .map(|other| format!(" {}", self.block(other)));
        format!(
            " until {}{}",
            self.operand(timeout.milliseconds),
            otherwise.unwrap_or_else(|| " fails".to_owned())
        )
    }

    fn exit(&self, index: BlockIndex) -> String {
        let exit = self
            .code
            .blocks
            .get(index.0 as usize)
            .map_or(0, |block| block.exit);
        format!("b{} -> {exit:04}", index.0)
    }

    fn operand(&self, index: OperandIndex) -> String {
        let list = |operands: &[OperandIndex]| {
            operands
                .iter()
                .map(|operand| self.operand(*operand))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self.code.operands.get(index.0 as usize) {
            None => "?".to_owned(),
            Some(Operand::Value(data)) => constant(data),
            Some(Operand::Myself) => "self".to_owned(),
            Some(Operand::Outbox) => "outbox".to_owned(),
            Some(Operand::Config) => "config".to_owned(),
            Some(Operand::Child(handle)) => format!("child({})", handle_text(*handle)),
            Some(Operand::Sender(handle)) => format!("sender({})", handle_text(*handle)),
            Some(Operand::Handle(handle)) => handle_text(*handle),
            Some(Operand::Keyed { name, key }) => format!("{name}/{}", self.operand(*key)),
            Some(Operand::Read { source, selector }) => {
                format!("{}({})", constant(selector), self.operand(*source))
            }
            Some(Operand::Compute { sources, combiner }) => {
                format!("{}({})", constant(combiner), list(sources))
            }
            Some(Operand::Array(items)) => format!("[{}]", list(items)),
            Some(Operand::Object(pairs)) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", self.operand(*value)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn retry_text(retry: &Retry) -> String {
    let Backoff {
        first_ms,
        factor,
        max_ms,
    } = retry.backoff;
    format!(
        " at most {} times, rests {first_ms} * {factor} <= {max_ms}",
        retry.attempts
    )
}

fn handle_text(handle: Handle) -> String {
    format!("h{}", handle.0)
}

fn constant(data: &Data) -> String {
    match data {
        Data::Function(function) => format!("f{}", function.function.0),
        Data::Undefined => "undefined".to_owned(),
        Data::Address(address) => address.to_string(),
        other => other.to_json(),
    }
}
