//! The shorthands `orderHandle` and `message => state => next`: the message gets a name.
//!
//! A wait without a continuation takes the rest of its sequence as one:
//!
//! ```text
//! waitFor(p),                     waitFor(p, order => sequence(() => [
//! send(outbox, orderHandle),  →   send(outbox, order),
//! complete(),                     complete()])),
//! ```

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, ArrayExpression, ArrayExpressionElement, ArrowFunctionBody, BindingPattern,
    CallExpression, Expression,
};
use oxc_span::GetSpan;

use super::Edits;
use crate::parsed::{File, contains, point};
use crate::source::Span;

/// One use of a shorthand.
enum Use {
    /// The name, and whether it is also a key: `{ orderHandle }`.
    Name { span: Span, is_key: bool },
    /// The updater, with the name of its first parameter.
    Updater { span: Span, parameter: String },
}

/// Names the message of a wait, and uses the name where shorthands stood.
pub(super) fn name_message(file: &File<'_, '_>, wait: Span, uses: &[Span]) -> Option<Edits> {
    let mut spans = uses.to_vec();
    spans.sort_unstable();
    spans.dedup();
    let uses: Vec<Use> = spans
        .iter()
        .map(|span| use_at(file, *span))
        .collect::<Option<_>>()?;
    let (node, call) = file.find(wait, |kind| match kind {
        AstKind::CallExpression(call) => Some(call),
        _ => None,
    })?;
    if spans.iter().all(|span| contains(wait, *span)) {
        let name = parameter_around(call, &spans)?;
        return Some(uses.iter().flat_map(|one| one.edits(file, &name)).collect());
    }
    let Some(AstKind::ArrayExpression(list)) = file.around(node).next() else {
        return None;
    };
    let rest = Rest::of(file, list, call)?;
    if !spans.iter().all(|span| contains(rest.span, *span)) {
        return None;
    }
    let name = name_for(file, &uses, rest.span)?;
    let mut edits: Edits = uses.iter().flat_map(|one| one.edits(file, &name)).collect();
    edits.push((rest.opening, format!(", {name} => sequence(() => [")));
    edits.push((rest.comma, String::new()));
    edits.push((point(rest.span.end), "]))".to_owned()));
    Some(edits)
}

fn use_at(file: &File<'_, '_>, span: Span) -> Option<Use> {
    let found = file.find(span, |kind| match kind {
        AstKind::IdentifierReference(_) => Some(None),
        AstKind::CallExpression(call) => Some(Some(call)),
        _ => None,
    });
    let (node, call) = found?;
    let Some(call) = call else {
        let is_key = matches!(
            file.around(node).next(),
            Some(AstKind::ObjectProperty(property)) if property.shorthand
        );
        return Some(Use::Name { span, is_key });
    };
    let Some(Argument::ArrowFunctionExpression(updater)) = call.arguments.get(1) else {
        return None;
    };
    let parameter = match &updater.params.items.first()?.pattern {
        BindingPattern::BindingIdentifier(name) => name.name.to_string(),
        _ => "message".to_owned(),
    };
    let span = updater.span.into();
    Some(Use::Updater { span, parameter })
}

impl Use {
    fn edits(&self, file: &File<'_, '_>, name: &str) -> Edits {
        match self {
            Use::Name { span, is_key: true } => {
                vec![(*span, format!("{}: {name}", file.text(*span)))]
            }
            Use::Name { span, .. } => vec![(*span, name.to_owned())],
            Use::Updater { span, .. } => vec![
                (point(span.start), format!("computeState([{name}], ")),
                (point(span.end), ")".to_owned()),
            ],
        }
    }
}

/// The name that a continuation of the wait, which holds all uses, gives its message.
fn parameter_around(call: &CallExpression<'_>, uses: &[Span]) -> Option<String> {
    let arguments = call.arguments.iter().filter_map(Argument::as_expression);
    let mut around = arguments.filter_map(|argument| match argument {
        Expression::ArrowFunctionExpression(arrow) => Some(arrow),
        _ => None,
    });
    let around = around.find(|arrow| {
        let body = match &arrow.body {
            ArrowFunctionBody::FunctionBody(body) => body.span,
            other => other.span(),
        };
        uses.iter().all(|span| contains(body.into(), *span))
    })?;
    match &around.params.items.first()?.pattern {
        BindingPattern::BindingIdentifier(name) => Some(name.name.to_string()),
        _ => None,
    }
}

/// What stands behind a wait in its sequence.
struct Rest {
    /// From behind the predicate to the end of the wait.
    opening: Span,
    comma: Span,
    /// The elements behind it.
    span: Span,
}

impl Rest {
    fn of(
        file: &File<'_, '_>,
        list: &ArrayExpression<'_>,
        wait: &CallExpression<'_>,
    ) -> Option<Rest> {
        let [predicate] = wait.arguments.as_slice() else {
            return None;
        };
        let span = |element: &ArrayExpressionElement<'_>| Span::from(element.span());
        let own = Span::from(wait.span);
        let at = list
            .elements
            .iter()
            .position(|element| span(element) == own)?;
        let next = span(list.elements.get(at + 1)?);
        let last = span(list.elements.last()?);
        let gap = Span::new(own.end, next.start);
        let comma = file.text(gap).find(',')? as u32;
        if !file
            .text(Span::new(own.end, own.end + comma))
            .trim()
            .is_empty()
        {
            return None;
        }
        Some(Rest {
            opening: Span::new(Span::from(predicate.span()).end, own.end),
            comma: Span::new(own.end + comma, own.end + comma + 1),
            span: Span::new(next.start, last.end),
        })
    }
}

/// A name for the message that means nothing else in the commands behind it.
fn name_for(file: &File<'_, '_>, uses: &[Use], rest: Span) -> Option<String> {
    let handles = uses.iter().filter_map(|one| match one {
        Use::Name { span, .. } => file.text(*span).strip_suffix("Handle"),
        Use::Updater { .. } => None,
    });
    let parameters = uses.iter().filter_map(|one| match one {
        Use::Updater { parameter, .. } => Some(parameter.as_str()),
        Use::Name { .. } => None,
    });
    let wanted = handles.chain(parameters).next()?.to_owned();
    let candidates = [
        wanted.clone(),
        format!("{wanted}Message"),
        "message".to_owned(),
    ];
    candidates
        .into_iter()
        .find(|name| !is_reserved(name) && !means_something(file, name, rest))
}

/// Whether a name is used in a place for something that is declared outside it.
fn means_something(file: &File<'_, '_>, name: &str, place: Span) -> bool {
    let scoping = file.semantic.scoping();
    file.semantic.nodes().iter().any(|node| {
        let AstKind::IdentifierReference(reference) = node.kind() else {
            return false;
        };
        if reference.name != name || !contains(place, reference.span.into()) {
            return false;
        }
        let symbol = reference
            .reference_id
            .get()
            .and_then(|id| scoping.get_reference(id).symbol_id());
        symbol.is_none_or(|symbol| !contains(place, scoping.symbol_span(symbol).into()))
    })
}

fn is_reserved(name: &str) -> bool {
    oxc_syntax::keyword::is_reserved_keyword(name)
}
