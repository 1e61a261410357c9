//! `config.ms` where a value is wanted that only a running worker has.

use oxc_ast::AstKind;
use oxc_ast::ast::{Expression, StaticMemberExpression};
use oxc_span::GetSpan;

use super::Edits;
use crate::build::parameter_for;
use crate::parsed::File;
use crate::source::Span;

/// Reads a property of a ref with a selector, where a ref may stand: as an argument, or in a literal.
pub(super) fn read_property(file: &File<'_, '_>, span: Span) -> Option<Edits> {
    let (node, member) = file.find(span, |kind| match kind {
        AstKind::StaticMemberExpression(member) => Some(member),
        _ => None,
    })?;
    let name = object_of(member)?;
    let mut whole = span;
    for around in file.around(node) {
        match around {
            AstKind::StaticMemberExpression(outer) if Span::from(outer.object.span()) == whole => {
                whole = outer.span.into();
            }
            AstKind::CallExpression(call) if Span::from(call.callee.span()) == whole => {
                return None;
            }
            AstKind::CallExpression(_)
            | AstKind::ArrayExpression(_)
            | AstKind::ObjectProperty(_) => break,
            AstKind::ArrowFunctionExpression(_) | AstKind::ParenthesizedExpression(_) => {
                return None;
            }
            _ => return None,
        }
    }
    let parameter = parameter_for(name);
    let rest = file.text(Span::new(span.start + name.len() as u32, whole.end));
    let text = format!("readState({name}, {parameter} => {parameter}{rest})");
    Some(vec![(whole, text)])
}

fn object_of<'m>(member: &'m StaticMemberExpression<'_>) -> Option<&'m str> {
    match &member.object {
        Expression::Identifier(identifier) if !member.optional => Some(identifier.name.as_str()),
        _ => None,
    }
}
