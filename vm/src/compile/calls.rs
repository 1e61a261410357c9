//! Calls, method calls, optional calls and `new` of built-ins.
//!
//! Before: `expressions`, `members`. After: instructions of calls. Guarantees: a call of a built-in
//! by its name is one instruction; only built-ins see a receiver, since there is no `this`.

use oxc_ast::ast::{Argument, CallExpression, Expression, NewExpression};
use oxc_span::{GetSpan, Span};

use super::compiler::Compiler;
use super::members::{Skips, is_value_global};
use super::refusals::Construct;
use crate::builtins;
use crate::bytecode::Instruction;
use crate::codes;
use crate::diagnostic::Diagnostic;

/// Arguments of one call in the source, all of which are on the stack at once.
const ARGUMENTS_MAX: usize = 10_000;

/// What is below the arguments on the stack.
#[derive(Clone, Copy)]
enum Callee {
    Function,
    ReceiverAndFunction,
    /// The receiver, and the method by its key.
    Method(u32),
    /// Nothing: a built-in by its entry in the table.
    Native(u32),
}

impl<'a> Compiler<'a> {
    pub(super) fn call(&mut self, call: &CallExpression<'a>) {
        self.call_link(call, &mut Skips::default());
    }

    pub(super) fn call_link(&mut self, call: &CallExpression<'a>, skips: &mut Skips) {
        self.refuse_locale(call);
        let callee = self.callee(call, skips);
        if call.optional {
            self.place(call.callee.span());
            match callee {
                Callee::ReceiverAndFunction => self.skip_with_receiver(skips),
                // It is there, and not on the stack.
                Callee::Native(_) => {}
                _ => {
                    let skip = self.jump(Instruction::JumpIfNullish);
                    skips.0.push(skip);
                }
            }
        }
        self.arguments(&call.arguments, callee, call.span);
    }

    /// Refuses an argument that names a locale or its options, which would change nothing.
    fn refuse_locale(&mut self, call: &CallExpression<'a>) {
        let Expression::StaticMemberExpression(member) = &call.callee else {
            return;
        };
        let plain_arguments = match member.property.name.as_str() {
            "localeCompare" => 1,
            "toLocaleString" | "toLocaleDateString" | "toLocaleTimeString"
            | "toLocaleLowerCase" | "toLocaleUpperCase" => 0,
            _ => return,
        };
        if let Some(locale) = call.arguments.get(plain_arguments) {
            self.refuse(Construct::Locale, locale.span());
        }
    }

    /// `receiver function → receiver function`, or drops both and skips the chain.
    fn skip_with_receiver(&mut self, skips: &mut Skips) {
        let go_on = self.jump(Instruction::JumpIfNotNullishKeep);
        self.emit(Instruction::Pop);
        let skip = self.jump(Instruction::Jump);
        skips.0.push(skip);
        self.land(go_on);
    }

    fn callee(&mut self, call: &CallExpression<'a>, skips: &mut Skips) -> Callee {
        let mut callee = &call.callee;
        while let Expression::TSNonNullExpression(inner) = callee {
            callee = &inner.expression;
        }
        if let Some(global) = self
            .global_of(callee)
            .filter(|name| !matches!(*name, "undefined" | "NaN" | "Infinity"))
        {
            let (global, span) = (global.to_owned(), callee.span());
            return self.native_callee(&global, span);
        }
        match callee {
            Expression::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                if let Some(global) = self
                    .global_of(&member.object)
                    .filter(|_| !is_value_global(&member.object))
                {
                    let name = format!("{global}.{name}");
                    return self.native_callee(&name, member.span);
                }
                if let Some(file) = self.namespace_of(&member.object) {
                    self.namespace_member(file, name, member.span.into());
                    return Callee::Function;
                }
                self.object_link(&member.object, member.optional, skips);
                let key = self.key(name);
                // The method is read before the arguments: where one of them does anything, that shows.
                if call.optional || !call.arguments.iter().all(is_idle) {
                    self.place(member.span);
                    self.emit(Instruction::GetMethod(key));
                    return Callee::ReceiverAndFunction;
                }
                Callee::Method(key)
            }
            Expression::ComputedMemberExpression(member) => {
                self.object_link(&member.object, member.optional, skips);
                self.expression(&member.expression);
                self.place(member.span);
                self.emit(Instruction::GetElementMethod);
                Callee::ReceiverAndFunction
            }
            other => {
                self.link(other, skips);
                Callee::Function
            }
        }
    }

    fn native_callee(&mut self, name: &str, span: Span) -> Callee {
        if let Some(number) = builtins::constant(name) {
            self.emit_number(number);
            return Callee::Function;
        }
        match self.built_in(name, span.into()) {
            Some(native) => Callee::Native(native),
            None => {
                self.emit(Instruction::Undefined);
                Callee::Function
            }
        }
    }

    /// `callee → result`
    fn arguments(&mut self, arguments: &[Argument<'a>], callee: Callee, span: Span) {
        if arguments.iter().any(Argument::is_spread) {
            return self.spread_arguments(arguments, callee, span);
        }
        if arguments.len() > ARGUMENTS_MAX {
            self.report(Diagnostic::error(
                codes::LIMIT_PROGRAM,
                span.into(),
                "the call has too many arguments",
            ));
            return;
        }
        let count = arguments.len() as u16;
        for argument in arguments {
            if let Some(expression) = argument.as_expression() {
                self.expression(expression);
            }
        }
        self.place(span);
        self.emit(match callee {
            Callee::Function => Instruction::Call(count),
            Callee::ReceiverAndFunction => Instruction::CallWithReceiver(count),
            Callee::Method(key) => Instruction::CallMethod {
                arguments: count,
                key,
            },
            Callee::Native(native) => Instruction::CallNative {
                arguments: count,
                native,
            },
        });
    }

    fn spread_arguments(&mut self, arguments: &[Argument<'a>], callee: Callee, span: Span) {
        self.place(span);
        let has_receiver = match callee {
            Callee::Function => false,
            Callee::ReceiverAndFunction => true,
            Callee::Method(key) => {
                self.emit(Instruction::GetMethod(key));
                true
            }
            Callee::Native(native) => {
                self.emit(Instruction::Native(native));
                false
            }
        };
        self.emit(Instruction::NewArray(0));
        for argument in arguments {
            match argument {
                Argument::SpreadElement(spread) => {
                    self.expression(&spread.argument);
                    self.place(spread.span);
                    self.emit(Instruction::ArraySpread);
                }
                other => {
                    if let Some(expression) = other.as_expression() {
                        self.expression(expression);
                    }
                    self.emit(Instruction::ArrayPush);
                }
            }
        }
        self.place(span);
        self.emit(if has_receiver {
            Instruction::CallWithReceiverSpread
        } else {
            Instruction::CallSpread
        });
    }

    pub(super) fn new_expression(&mut self, new: &NewExpression<'a>) {
        let Some(global) = self.global_of(&new.callee) else {
            let member = new.callee.as_member_expression();
            let namespace = member.and_then(|member| self.global_of(member.object()));
            if namespace.is_some_and(|name| self.refuse_global(name, new.span.into())) {
                self.emit(Instruction::Undefined);
                return;
            }
            return self.refuse_value(Construct::UserConstructor, new.span);
        };
        let name = format!("new {global}");
        match self.built_in(&name, new.span.into()) {
            Some(native) => self.arguments(&new.arguments, Callee::Native(native), new.span),
            None => {
                self.emit(Instruction::Undefined);
            }
        }
    }
}

/// Whether computing an expression can neither throw nor change anything.
pub(super) fn does_nothing(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::BooleanLiteral(_)
        | Expression::NullLiteral(_)
        | Expression::NumericLiteral(_)
        | Expression::StringLiteral(_)
        | Expression::Identifier(_)
        | Expression::ArrowFunctionExpression(_)
        | Expression::FunctionExpression(_) => true,
        Expression::TemplateLiteral(template) => template.expressions.is_empty(),
        _ => false,
    }
}

fn is_idle(argument: &Argument<'_>) -> bool {
    argument.as_expression().is_some_and(does_nothing)
}
