//! Loops inside of functions that nothing ends: the turn would come to its limit.

use std::collections::BTreeSet;

use oxc_ast::AstKind;
use oxc_ast::ast::Expression;
use oxc_semantic::NodeId;
use oxc_span::GetSpan;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::parsed::File;

/// The loops inside of some functions that go round for ever.
pub(super) fn look(file: &File<'_, '_>, functions: &[NodeId]) -> Vec<Diagnostic> {
    let nodes = file.semantic.nodes();
    let left = left(file);
    let mut found = Vec::new();
    for node in nodes.iter().filter(|node| repeats(node.kind())) {
        let is_caught =
            around(file, node.id()).any(|id| matches!(nodes.kind(id), AstKind::TryStatement(_)));
        let is_own = nodes
            .ancestor_ids(node.id())
            .any(|id| functions.contains(&id));
        if is_own && !is_caught && !left.contains(&node.id()) {
            let what = "this loop goes round for ever, until a limit ends the turn";
            let lint = Diagnostic::lint(codes::ENDLESS_TURN, node.kind().span().into(), what);
            found.push(lint.with_hint(
                "give it a condition, or leave it with `break` or `return`; a worker that waits does so with commands: `whileLoop(() => waitFor(…))`",
            ));
        }
    }
    found
}

/// Whether a node is a loop whose condition is always true.
fn repeats(kind: AstKind<'_>) -> bool {
    let holds = |condition: &Expression<'_>| match condition.without_parentheses() {
        Expression::BooleanLiteral(literal) => literal.value,
        Expression::NumericLiteral(literal) => literal.value != 0.0,
        _ => false,
    };
    match kind {
        AstKind::WhileStatement(repeated) => holds(&repeated.test),
        AstKind::DoWhileStatement(repeated) => holds(&repeated.test),
        AstKind::ForStatement(repeated) => repeated.test.as_ref().is_none_or(holds),
        _ => false,
    }
}

/// What is around a node within its function, the innermost first.
fn around<'f>(file: &'f File<'_, '_>, node: NodeId) -> impl Iterator<Item = NodeId> + 'f {
    let nodes = file.semantic.nodes();
    nodes.ancestor_ids(node).take_while(|id| {
        !matches!(
            nodes.kind(*id),
            AstKind::Function(_) | AstKind::ArrowFunctionExpression(_)
        )
    })
}

/// The loops that something leads out of.
fn left(file: &File<'_, '_>) -> BTreeSet<NodeId> {
    let nodes = file.semantic.nodes();
    let is_loop = |id: &NodeId| nodes.kind(*id).is_iteration_statement();
    let mut left = BTreeSet::new();
    for node in nodes.iter() {
        match node.kind() {
            AstKind::BreakStatement(jump) if jump.label.is_none() => {
                let mut places = around(file, node.id()).filter(|id| {
                    is_loop(id) || matches!(nodes.kind(*id), AstKind::SwitchStatement(_))
                });
                left.extend(places.next());
            }
            AstKind::ContinueStatement(jump) if jump.label.is_none() => {}
            AstKind::BreakStatement(_)
            | AstKind::ContinueStatement(_)
            | AstKind::ReturnStatement(_)
            | AstKind::ThrowStatement(_) => left.extend(around(file, node.id()).filter(is_loop)),
            _ => {}
        }
    }
    left
}
