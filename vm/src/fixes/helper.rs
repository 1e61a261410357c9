//! `complete()` without having taken `complete` from the second parameter of `act`.

use oxc_ast::AstKind;
use oxc_ast::ast::{BindingPattern, CallExpression, Expression, FormalParameters};
use oxc_span::GetSpan;

use super::Edits;
use crate::build::HELPERS;
use crate::parsed::{File, contains, point};
use crate::source::Span;

/// Takes a name from the second parameter of the `act` around it.
pub(super) fn take_helper(file: &File<'_, '_>, span: Span) -> Option<Edits> {
    let name = file.text(span);
    if !HELPERS.contains(&name) {
        return None;
    }
    let (node, ()) = file.find(span, |kind| {
        matches!(kind, AstKind::IdentifierReference(_)).then_some(())
    })?;
    let parameters = file.around(node).find_map(|kind| match kind {
        AstKind::CallExpression(call) => factory_of(call, span),
        _ => None,
    })?;
    edits(file, parameters, name, span)
}

/// The parameters of the factory of `act`, where the place is inside it.
fn factory_of<'p, 'a>(
    call: &'p CallExpression<'a>,
    span: Span,
) -> Option<&'p FormalParameters<'a>> {
    let is_act = matches!(&call.callee, Expression::Identifier(name) if name.name == "act");
    let factory = call.arguments.first()?.as_expression()?;
    if !is_act || !contains(factory.span().into(), span) {
        return None;
    }
    match factory {
        Expression::ArrowFunctionExpression(arrow) => Some(&arrow.params),
        Expression::FunctionExpression(function) => Some(&function.params),
        _ => None,
    }
}

fn edits(
    file: &File<'_, '_>,
    parameters: &FormalParameters<'_>,
    name: &str,
    span: Span,
) -> Option<Edits> {
    if parameters.rest.is_some() {
        return None;
    }
    let all = Span::from(parameters.span);
    let has_brackets = file.text(all).starts_with('(');
    match parameters.items.as_slice() {
        [] if has_brackets => Some(vec![(all, format!("(self, {{ {name} }})"))]),
        [only] => {
            let end = Span::from(only.span).end;
            let taken = format!(", {{ {name} }}");
            Some(if has_brackets {
                vec![(point(end), taken)]
            } else {
                let start = Span::from(only.span).start;
                vec![
                    (point(start), "(".to_owned()),
                    (point(end), format!("{taken})")),
                ]
            })
        }
        [_, second, ..] => match &second.pattern {
            BindingPattern::ObjectPattern(pattern) if pattern.rest.is_none() => {
                let place = match pattern.properties.last() {
                    Some(last) => (point(Span::from(last.span).end), format!(", {name}")),
                    None => (Span::from(pattern.span), format!("{{ {name} }}")),
                };
                Some(vec![place])
            }
            BindingPattern::BindingIdentifier(helpers) => {
                Some(vec![(point(span.start), format!("{}.", helpers.name))])
            }
            _ => None,
        },
        [] => None,
    }
}
