//! Combiners that ought to return a predicate, updater or initialiser, and surely return something else.
//!
//! Guarantees: what is not one of the known forms is silent.

use oxc_ast::AstKind;
use oxc_ast::ast::Expression;
use oxc_span::GetSpan;

use super::given::Role;
use super::literals::{Body, Literal};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::parsed::File;
use crate::source::Span;

pub(super) fn look(
    file: &File<'_, '_>,
    literal: Literal<'_, '_>,
    role: Role,
) -> Option<Diagnostic> {
    let place = wrong_place(file, literal)?;
    let (what, example) = match role {
        Role::Predicate => ("a predicate", "message => …"),
        Role::Initialiser => ("an initialiser", "() => …"),
        _ => ("an updater", "state => …"),
    };
    let parameters = file.text(literal.parameters.span.into());
    let message = format!("{what} is needed here, and what this function returns is none");
    let hint = format!("return one: `{parameters} => {example}`");
    Some(Diagnostic::error(codes::BAD_ARGUMENT, place, message).with_hint(hint))
}

/// What is returned instead of a function, or the function that returns nothing.
fn wrong_place(file: &File<'_, '_>, literal: Literal<'_, '_>) -> Option<Span> {
    let nodes = file.semantic.nodes();
    let body = match literal.body {
        Body::Value(value) => return is_no_function(value).then(|| value.span().into()),
        Body::Statements(body) => body,
    };
    let mut first = None;
    for node in nodes.iter() {
        let AstKind::ReturnStatement(returned) = node.kind() else {
            continue;
        };
        let mut around = nodes.ancestor_ids(node.id());
        let own = around.find(|id| {
            matches!(
                nodes.kind(*id),
                AstKind::Function(_) | AstKind::ArrowFunctionExpression(_)
            )
        });
        if own != Some(literal.node) {
            continue;
        }
        match &returned.argument {
            Some(value) if !is_no_function(value) => return None,
            _ => first = first.or(Some(Span::from(returned.span))),
        }
    }
    let throws = |span: Span| file.text(span).contains("throw");
    let whole = Span::from(body.span);
    first.or_else(|| (!throws(whole)).then_some(whole))
}

/// Whether an expression has a value that is no function.
fn is_no_function(value: &Expression<'_>) -> bool {
    match value.without_parentheses() {
        Expression::BinaryExpression(_)
        | Expression::UnaryExpression(_)
        | Expression::UpdateExpression(_)
        | Expression::TemplateLiteral(_)
        | Expression::ObjectExpression(_)
        | Expression::ArrayExpression(_)
        | Expression::BooleanLiteral(_)
        | Expression::NullLiteral(_)
        | Expression::NumericLiteral(_)
        | Expression::StringLiteral(_)
        | Expression::RegExpLiteral(_) => true,
        Expression::ConditionalExpression(either) => {
            is_no_function(&either.consequent) && is_no_function(&either.alternate)
        }
        _ => false,
    }
}
