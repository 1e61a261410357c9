//! Where an option of a call stands in the text.
//!
//! Asked only for errors: the build stage knows the places of calls alone, so the file is parsed again. An option
//! that comes from a variable has the place of its call.

use oxc_ast::AstKind;
use oxc_ast::ast::{Argument, Expression, ObjectExpression, ObjectPropertyKind};
use oxc_span::GetSpan;

use crate::parsed;
use crate::source::{Lookup, Sources, Span};

/// The places of an option: of its name, and of its value.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) name: Span,
    pub(super) value: Span,
}

/// Where a call has an option, at any depth of the objects that it is given.
pub(super) fn option(sources: &Sources, call: Span, option: &str) -> Option<Place> {
    let (source, base) = sources.around(call.start)?;
    let mut found = None;
    parsed::with_file(source, |file| {
        let here = Span::new(call.start - base, call.end.saturating_sub(base));
        let whole = file.find(here, |kind| match kind {
            AstKind::CallExpression(call) => Some(call),
            _ => None,
        });
        let Some((_, call)) = whole else {
            return;
        };
        let objects = call.arguments.iter().filter_map(Argument::as_expression);
        let mut objects: Vec<&ObjectExpression<'_>> = objects.filter_map(object).collect();
        let mut at = 0;
        while let Some(next) = objects.get(at).copied() {
            at += 1;
            for property in &next.properties {
                let ObjectPropertyKind::ObjectProperty(property) = property else {
                    continue;
                };
                if property.key.static_name().as_deref() == Some(option) {
                    let name = Span::from(property.key.span()).shifted(base);
                    let value = Span::from(property.value.span()).shifted(base);
                    found = Some(Place { name, value });
                    return;
                }
                objects.extend(object(&property.value));
            }
        }
    });
    found
}

fn object<'e>(value: &'e Expression<'e>) -> Option<&'e ObjectExpression<'e>> {
    match value.without_parentheses() {
        Expression::ObjectExpression(object) => Some(object),
        _ => None,
    }
}
