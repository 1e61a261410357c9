//! Functions that change what they are given: a state, a message, a value. All of it is frozen, so they can only fail.
//!
//! Guarantees: what a function made itself, what has another value by then, and what stands in a `try` is not named.

use std::collections::BTreeSet;

use oxc_ast::AstKind;
use oxc_ast::ast::{Argument, BindingPattern, CallExpression, Expression, ForStatementLeft};
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;

use super::copies::{self, Part};
use super::given::Role;
use super::literals::Literal;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::parsed::File;
use crate::source::Span;

/// Methods that call a function with each item.
const EACH: &[&str] = &[
    "every",
    "filter",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flatMap",
    "forEach",
    "map",
    "some",
];

/// What a function changes of what it is given; `frozen` says which arguments are.
pub(super) fn look(
    file: &File<'_, '_>,
    literal: Literal<'_, '_>,
    role: Role,
    frozen: &[bool],
) -> Vec<Diagnostic> {
    let mut search = Search {
        file,
        function: literal.node,
        role,
        open: Vec::new(),
        seen: BTreeSet::new(),
        found: Vec::new(),
    };
    for (at, parameter) in literal.parameters.items.iter().enumerate() {
        let is_frozen = frozen.get(at).copied().unwrap_or(role == Role::Reactive);
        if is_frozen && parameter.initializer.is_none() {
            search.bind(&parameter.pattern);
        } else if role == Role::Reactive && at == 0 {
            search.reads(&parameter.pattern);
        }
    }
    while let Some(symbol) = search.open.pop() {
        search.uses(symbol);
    }
    search.found
}

struct Search<'s, 'f, 'a> {
    file: &'s File<'f, 'a>,
    function: NodeId,
    role: Role,
    /// Variables whose value is frozen, and that have not been looked at.
    open: Vec<SymbolId>,
    seen: BTreeSet<SymbolId>,
    found: Vec<Diagnostic>,
}

impl<'a> Search<'_, '_, 'a> {
    /// Takes up the variables of a pattern that is given something frozen.
    fn bind(&mut self, pattern: &BindingPattern<'_>) {
        match pattern {
            BindingPattern::BindingIdentifier(name) => {
                let symbol = name.symbol_id.get();
                self.open
                    .extend(symbol.filter(|symbol| self.seen.insert(*symbol)));
            }
            // What the rest gathers is new; what has a default may be.
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    self.bind(&property.value);
                }
            }
            BindingPattern::ArrayPattern(array) => {
                for element in array.elements.iter().flatten() {
                    self.bind(element);
                }
            }
            BindingPattern::AssignmentPattern(_) => {}
        }
    }

    /// What `get` of a reactive function gives is frozen.
    fn reads(&mut self, pattern: &BindingPattern<'_>) {
        let BindingPattern::BindingIdentifier(name) = pattern else {
            return;
        };
        let (nodes, scoping) = (self.file.semantic.nodes(), self.file.semantic.scoping());
        let Some(get) = name.symbol_id.get() else {
            return;
        };
        for reference in scoping.get_resolved_references(get) {
            let call = nodes.parent_id(reference.node_id());
            if matches!(nodes.kind(call), AstKind::CallExpression(_)) {
                self.climb(call, true);
            }
        }
    }

    /// Looks at all uses of a variable that keeps its value.
    fn uses(&mut self, symbol: SymbolId) {
        let scoping = self.file.semantic.scoping();
        // A `var` of the name of a parameter gives it another value.
        if !scoping.symbol_redeclarations(symbol).is_empty() {
            return;
        }
        let mut places = Vec::new();
        for reference in scoping.get_resolved_references(symbol) {
            if reference.is_write() {
                return;
            }
            places.push(reference.node_id());
        }
        for place in places {
            self.climb(place, false);
        }
    }

    /// Goes from a frozen value to what becomes of it and of its parts. `is_part`: whether the value itself counts.
    fn climb(&mut self, from: NodeId, is_part: bool) {
        let nodes = self.file.semantic.nodes();
        let (mut at, mut depth) = (from, u32::from(is_part));
        loop {
            let (here, parent) = (nodes.kind(at).span(), nodes.parent_id(at));
            if parent == at {
                return;
            }
            match nodes.kind(parent) {
                AstKind::StaticMemberExpression(member) if member.object.span() == here => {
                    depth += 1;
                }
                AstKind::ComputedMemberExpression(member) if member.object.span() == here => {
                    depth += 1;
                }
                AstKind::AssignmentExpression(assignment) if assignment.left.span() == here => {
                    if depth > u32::from(is_part) {
                        let operator = assignment.operator.as_str().trim_end_matches('=');
                        let value = Span::from(assignment.right.span());
                        self.add(at, parent, &Part::Assigned { operator, value });
                    }
                    return;
                }
                AstKind::UpdateExpression(count) => {
                    if depth > u32::from(is_part) {
                        let sign = &count.operator.as_str()[..1];
                        self.add(at, parent, &Part::Counted(sign));
                    }
                    return;
                }
                AstKind::CallExpression(call) => return self.call(at, parent, call),
                AstKind::VariableDeclarator(declared) => {
                    if declared
                        .init
                        .as_ref()
                        .is_some_and(|init| init.span() == here)
                    {
                        self.bind(&declared.id);
                    }
                    return;
                }
                AstKind::ForOfStatement(each) if each.right.span() == here => {
                    if let ForStatementLeft::VariableDeclaration(declared) = &each.left {
                        for declarator in &declared.declarations {
                            self.bind(&declarator.id);
                        }
                    }
                    return;
                }
                other if other.span() == here => {}
                AstKind::ParenthesizedExpression(_) | AstKind::TSNonNullExpression(_) => {}
                _ => return,
            }
            at = parent;
        }
    }

    /// A call of a method of a frozen value, or with one.
    fn call(&mut self, at: NodeId, parent: NodeId, call: &CallExpression<'_>) {
        let nodes = self.file.semantic.nodes();
        let here = nodes.kind(at).span();
        if call.callee.span() == here {
            let AstKind::StaticMemberExpression(member) = nodes.kind(at) else {
                return;
            };
            let method = member.property.name.as_str();
            if copies::changes(method) {
                let arguments = call
                    .arguments
                    .iter()
                    .map(|argument| Span::from(argument.span()));
                let part = Part::Called {
                    object: member.object.span().into(),
                    method: method.to_owned(),
                    arguments: arguments.collect(),
                };
                self.add(at, parent, &part);
            } else if EACH.contains(&method) {
                self.items(call);
            }
            return;
        }
        let is_assign = self.file.text(call.callee.span().into()) == "Object.assign";
        let is_first = call
            .arguments
            .first()
            .is_some_and(|first| first.span() == here);
        if is_assign && is_first {
            self.add(at, parent, &Part::Merged);
        }
    }

    /// The items of a frozen array are frozen.
    fn items(&mut self, call: &CallExpression<'_>) {
        let parameters = match call.arguments.first().and_then(Argument::as_expression) {
            Some(Expression::ArrowFunctionExpression(arrow)) => &arrow.params,
            Some(Expression::FunctionExpression(function)) => &function.params,
            _ => return,
        };
        if let Some(item) = parameters
            .items
            .first()
            .filter(|item| item.initializer.is_none())
        {
            self.bind(&item.pattern);
        }
    }

    /// Names a change, unless a `try` expects it.
    fn add(&mut self, at: NodeId, whole: NodeId, part: &Part) {
        let nodes = self.file.semantic.nodes();
        let mut around = nodes
            .ancestor_ids(whole)
            .take_while(|id| *id != self.function);
        if around.any(|id| matches!(nodes.kind(id), AstKind::TryStatement(_))) {
            return;
        }
        let (changed, whole) = (
            nodes.kind(at).span().into(),
            nodes.kind(whole).span().into(),
        );
        let (who, what) = match self.role {
            Role::Predicate => ("predicate", "what it looks at is frozen"),
            Role::Updater => ("updater", "a state is frozen"),
            _ => ("function", "what it reads is frozen"),
        };
        let text = self.file.text(part.object().unwrap_or(changed));
        let message = format!("the {who} changes `{text}`, and {what}");
        let hint = copies::hint(self.file, self.role, changed, part);
        let error = Diagnostic::error(codes::CHANGES_GIVEN, whole, message);
        self.found.push(error.with_hint(hint));
    }
}
