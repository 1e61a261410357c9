//! The functions of the run stage as their files show them.
//!
//! Before: `given`, which knows what each is for. After: `changing`, `circling`, `returning`, which look at one each.
//! Guarantees: each file is parsed once.

use std::collections::BTreeMap;

use oxc_ast::AstKind;
use oxc_ast::ast::{ArrowFunctionBody, Expression, FormalParameters, FunctionBody, Statement};
use oxc_semantic::NodeId;
use oxc_span::GetSpan;

use super::given::{self, Given};
use super::{Trees, changing, circling, returning};
use crate::diagnostic::Diagnostic;
use crate::parsed::{self, File};
use crate::source::Span;

/// A function literal.
#[derive(Clone, Copy)]
pub(super) struct Literal<'f, 'a> {
    pub(super) node: NodeId,
    pub(super) parameters: &'f FormalParameters<'a>,
    pub(super) body: Body<'f, 'a>,
}

/// What it does.
#[derive(Clone, Copy)]
pub(super) enum Body<'f, 'a> {
    /// `() => value`
    Value(&'f Expression<'a>),
    Statements(&'f FunctionBody<'a>),
}

impl<'a> Literal<'a, 'a> {
    fn of(node: NodeId, kind: AstKind<'a>) -> Option<Literal<'a, 'a>> {
        let (parameters, body) = match kind {
            AstKind::ArrowFunctionExpression(arrow) => {
                let body = match &arrow.body {
                    ArrowFunctionBody::FunctionBody(body) => Body::Statements(body),
                    other => Body::Value(other.as_expression()?),
                };
                (&*arrow.params, body)
            }
            AstKind::Function(function) => {
                (&*function.params, Body::Statements(function.body.as_ref()?))
            }
            _ => return None,
        };
        Some(Literal {
            node,
            parameters,
            body,
        })
    }

    /// The function literal that is all that this one returns.
    fn inner(&self, literals: &BTreeMap<Span, Literal<'a, 'a>>) -> Option<Literal<'a, 'a>> {
        let value = match self.body {
            Body::Value(value) => value,
            Body::Statements(body) => match body.statements.last()? {
                Statement::ReturnStatement(last) => last.argument.as_ref()?,
                _ => return None,
            },
        };
        let place = Span::from(value.without_parentheses().span());
        literals.get(&place).copied()
    }
}

/// What can be said of the functions of some trees.
pub(super) fn check(trees: &Trees<'_>) -> Vec<Diagnostic> {
    let functions = given::functions(trees);
    let mut found = Vec::new();
    for at in 0..trees.sources.len() {
        let Some((source, base)) = trees.sources.file(at) else {
            continue;
        };
        let end = base + source.text.len() as u32;
        let here = |given: &&Given| (base..=end).contains(&given.text.start);
        let here: Vec<&Given> = functions.iter().filter(here).collect();
        if here.is_empty() {
            continue;
        }
        parsed::with_file(source, |file| {
            for mut diagnostic in look(file, &here, base) {
                diagnostic.span = diagnostic.span.shifted(base);
                found.push(diagnostic);
            }
        });
    }
    found
}

fn look<'a>(file: &File<'_, 'a>, here: &[&Given], base: u32) -> Vec<Diagnostic> {
    let mut literals: BTreeMap<Span, Literal<'a, 'a>> = BTreeMap::new();
    for node in file.semantic.nodes().iter() {
        let place = Span::from(node.kind().span());
        literals.extend(Literal::of(node.id(), node.kind()).map(|literal| (place, literal)));
    }
    let mut found = Vec::new();
    let mut own = Vec::new();
    for given in here {
        let place = Span::new(given.text.start - base, given.text.end.saturating_sub(base));
        let Some(literal) = literals.get(&place).copied() else {
            continue;
        };
        own.push(literal.node);
        found.extend(changing::look(file, literal, given.role, &given.frozen));
        if given.returned {
            match literal.inner(&literals) {
                Some(inner) => found.extend(changing::look(file, inner, given.role, &[true])),
                None => found.extend(returning::look(file, literal, given.role)),
            }
        }
    }
    found.extend(circling::look(file, &own));
    found
}
