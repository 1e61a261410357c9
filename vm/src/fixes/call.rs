//! `complete` in a sequence, `loop => loop.break`: a function where a command is wanted.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, ArrayExpression, ArrayExpressionElement, ArrowFunctionBody, Expression, Statement,
};
use oxc_span::GetSpan;

use super::Edits;
use crate::parsed::{File, point};
use crate::source::Span;

/// Adds `()` to an element of the list that a call takes; gives the place of the element, too.
pub(super) fn add_call(file: &File<'_, '_>, call: Span, index: usize) -> Option<(Span, Edits)> {
    let (_, call) = file.find(call, |kind| match kind {
        AstKind::CallExpression(call) => Some(call),
        _ => None,
    })?;
    let list = list_of(call.arguments.first()?)?;
    let is_spread = |element: &ArrayExpressionElement<'_>| element.is_spread();
    if list.elements.iter().take(index + 1).any(is_spread) {
        return None;
    }
    called(list.elements.get(index)?.as_expression()?)
}

/// Adds `()` to what a function literal returns: `loop => loop.break`.
pub(super) fn add_call_to_body(file: &File<'_, '_>, function: Span) -> Option<(Span, Edits)> {
    let (_, arrow) = file.find(function, |kind| match kind {
        AstKind::ArrowFunctionExpression(arrow) => Some(arrow),
        _ => None,
    })?;
    called(arrow.body.as_expression()?)
}

fn called(expression: &Expression<'_>) -> Option<(Span, Edits)> {
    let is_name = matches!(
        expression,
        Expression::Identifier(_) | Expression::StaticMemberExpression(_)
    );
    let span = Span::from(expression.span());
    is_name.then(|| (span, vec![(point(span.end), "()".to_owned())]))
}

/// The array literal of `sequence([…])` or `sequence(() => […])`.
fn list_of<'l, 'a>(argument: &'l Argument<'a>) -> Option<&'l ArrayExpression<'a>> {
    let array = |expression: &'l Expression<'a>| match expression {
        Expression::ArrayExpression(array) => Some(&**array),
        _ => None,
    };
    match argument.as_expression()? {
        Expression::ArrowFunctionExpression(arrow) => match &arrow.body {
            ArrowFunctionBody::FunctionBody(body) => match body.statements.last()? {
                Statement::ReturnStatement(last) => array(last.argument.as_ref()?),
                _ => None,
            },
            other => array(other.as_expression()?),
        },
        other => array(other),
    }
}
