//! `call` and `reply`: a question that waits for its answer.
//!
//! A call sends a message that carries its id and waits for the reply that carries the same; other
//! messages stay in the mailbox. All attempts of a call have one id, so an answer to an earlier attempt
//! is an answer. A reply that nobody waits for any more is dropped with a note, which history shows.

use super::instruction::{Instruction, OperandIndex, Retry, Timeout};
use super::{End, Flow, Run};
use crate::codes;
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::tree::Handle;
use crate::turn::{CallId, Effect, Intent, Note, Target};
use crate::worker::{PendingCall, Question, Slot, Wait};

impl Run<'_> {
    /// Sends a question and waits for the reply.
    pub(super) fn ask(
        &mut self,
        target: OperandIndex,
        message: OperandIndex,
        timeout: Option<Timeout>,
        retry: Option<Retry>,
    ) -> Result<Flow, ScriptError> {
        let target = self.evaluate(target)?;
        let to = self.target(&target, "call")?;
        let value = self.evaluate(message)?;
        let message = self.normalise(&value)?;
        let rest_ms = self.time_of(timeout)?;
        let number = self.next.calls;
        self.send_question(to.clone(), message.clone(), number)?;
        self.next.calls += 1;
        let timer = rest_ms.map(|rest_ms| self.set_timer(rest_ms));
        let call = PendingCall {
            number,
            attempts: 1,
            rests: false,
            question: retry.map(|_| Box::new(Question { to, message })),
        };
        Ok(self.wait(Wait::Reply { call, timer }))
    }

    fn send_question(&mut self, to: Target, message: Data, number: u64) -> Result<(), ScriptError> {
        self.count_send()?;
        let intent = Intent::Ask(CallId {
            run: self.identity.run,
            number,
        });
        self.effects.push(Effect::Send {
            to,
            message,
            intent,
        });
        Ok(())
    }

    /// Answers the sender of a message: its call, where it was one, else with a message.
    pub(super) fn reply(
        &mut self,
        handle: Handle,
        message: OperandIndex,
    ) -> Result<Flow, ScriptError> {
        let value = self.evaluate(message)?;
        let message = self.normalise(&value)?;
        let (to, intent) = match self.slot(self.slot_of(handle)?)? {
            Some(Slot::Message {
                sender: Data::Address(sender),
                call,
                ..
            }) => (
                Target::Address(Address::clone(sender)),
                call.map_or(Intent::Tell, Intent::Answer),
            ),
            _ => {
                let what = "the message came from outside and has no sender that can be answered";
                return Err(self.at_command(ScriptError::new(codes::NO_SENDER, what)));
            }
        };
        self.count_send()?;
        self.effects.push(Effect::Send {
            to,
            message,
            intent,
        });
        self.advance()
    }

    /// Gives a reply to the call that waits for it.
    pub(super) fn take_reply(
        &mut self,
        id: CallId,
        body: Data,
        sender: Option<Address>,
    ) -> Result<Option<End>, ScriptError> {
        let waits = |wait: &Wait| match wait {
            Wait::Reply { call, .. } => call.number == id.number,
            Wait::Sources(knowledge) => {
                let mut asked = knowledge.sources.iter();
                asked.any(|known| known.watch == id.number)
            }
            _ => false,
        };
        let mut branches = self.next.branches.iter();
        let found = branches.position(|branch| waits(&branch.wait));
        let Some(at) = found.filter(|_| id.run == self.identity.run) else {
            self.notes.push(Note::Late);
            return Ok(None);
        };
        self.switch(at)?;
        if matches!(self.branch().wait, Wait::Sources(_)) {
            return self.take_effect(id.number, body);
        }
        self.end_wait();
        let definition = self.definition;
        let instruction = self.branch().instruction as usize;
        let Some(Instruction::ActorCall { block, .. }) =
            definition.code.instructions.get(instruction)
        else {
            return Err(ScriptError::corrupt("it calls where there is no call"));
        };
        let sender = sender.map_or(Data::Undefined, Data::from);
        let call = None;
        self.enter(*block, Some(Slot::Message { body, sender, call }))?;
        Ok(None)
    }

    /// A call's time is over: it rests and asks again, asks again after its rest, or gives up.
    pub(super) fn call_timed_out(
        &mut self,
        mut call: PendingCall,
        timeout: &Timeout,
        retry: Option<Retry>,
    ) -> Result<Option<End>, ScriptError> {
        let rest_ms = match retry {
            Some(_) if call.rests => {
                if let Some(Question { to, message }) = call.question.as_deref().cloned() {
                    self.send_question(to, message, call.number)?;
                }
                call.attempts += 1;
                self.milliseconds(timeout.milliseconds, "a timeout")?
            }
            Some(retry) if call.attempts < retry.attempts => retry.backoff.rest_ms(call.attempts),
            _ => return self.time_is_over(timeout, "no reply came in time"),
        };
        call.rests = !call.rests;
        let timer = Some(self.set_timer(rest_ms));
        self.wait(Wait::Reply { call, timer });
        Ok(None)
    }

    /// How long a wait lasts at most.
    pub(super) fn time_of(&mut self, timeout: Option<Timeout>) -> Result<Option<u64>, ScriptError> {
        let time = timeout.map(|timeout| self.milliseconds(timeout.milliseconds, "a timeout"));
        time.transpose()
    }
}
