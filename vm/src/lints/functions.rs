//! Reads what simple functions of scripts do from their text: which messages a predicate takes, what an updater
//! does to a state.
//!
//! Guarantees: what is not one of the known forms is unknown.

use std::collections::BTreeSet;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, ArrayExpressionElement, ArrowFunctionBody, BindingPattern, Expression,
    FormalParameters, ObjectPropertyKind, PropertyKey, Statement,
};
use oxc_parser::Parser;
use oxc_span::SourceType;
use oxc_syntax::operator::{BinaryOperator, LogicalOperator};

/// Types of messages.
pub(super) type Types = BTreeSet<String>;

/// The types of all messages that a predicate can take; nothing where it cannot be known.
pub(super) fn types_taken(text: &str) -> Option<Types> {
    with_function(text, |parameters, body| {
        let message = Message::of(parameters)?;
        message.types(body)
    })?
}

/// How a predicate names its message.
enum Message {
    /// `m => m.type`
    Whole(String),
    /// `({ type }) => type`
    Type(String),
}

impl Message {
    fn of(parameters: &FormalParameters<'_>) -> Option<Message> {
        match &parameters.items.first()?.pattern {
            BindingPattern::BindingIdentifier(name) => Some(Message::Whole(name.name.to_string())),
            BindingPattern::ObjectPattern(pattern) => {
                let property = pattern
                    .properties
                    .iter()
                    .find(|property| key(&property.key) == Some("type"))?;
                match &property.value {
                    BindingPattern::BindingIdentifier(name) => {
                        Some(Message::Type(name.name.to_string()))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn types(&self, expression: &Expression<'_>) -> Option<Types> {
        match expression {
            Expression::BinaryExpression(binary)
                if matches!(
                    binary.operator,
                    BinaryOperator::StrictEquality | BinaryOperator::Equality
                ) =>
            {
                let pairs = [(&binary.left, &binary.right), (&binary.right, &binary.left)];
                let (_, literal) = pairs.into_iter().find(|(side, _)| self.is_type(side))?;
                Some(Types::from([text_of(literal)?.to_owned()]))
            }
            Expression::LogicalExpression(logical) => {
                let (left, right) = (self.types(&logical.left), self.types(&logical.right));
                match logical.operator {
                    LogicalOperator::Or => {
                        let (mut left, right) = (left?, right?);
                        left.extend(right);
                        Some(left)
                    }
                    LogicalOperator::And => match (left, right) {
                        (Some(left), Some(right)) => Some(&left & &right),
                        (left, right) => left.or(right),
                    },
                    LogicalOperator::Coalesce => None,
                }
            }
            Expression::CallExpression(call) => self.listed(&call.callee, &call.arguments),
            _ => None,
        }
    }

    /// `["A", "B"].includes(m.type)`
    fn listed(&self, callee: &Expression<'_>, arguments: &[Argument<'_>]) -> Option<Types> {
        let Expression::StaticMemberExpression(member) = callee else {
            return None;
        };
        let Expression::ArrayExpression(array) = &member.object else {
            return None;
        };
        let asked = arguments.first().and_then(Argument::as_expression)?;
        if member.property.name != "includes" || !self.is_type(asked) {
            return None;
        }
        let elements = array.elements.iter();
        elements
            .map(|element| element.as_expression().and_then(text_of).map(str::to_owned))
            .collect()
    }

    fn is_type(&self, expression: &Expression<'_>) -> bool {
        match (self, expression) {
            (Message::Type(name), Expression::Identifier(identifier)) => {
                identifier.name == name.as_str()
            }
            (Message::Whole(name), Expression::StaticMemberExpression(member)) => {
                member.property.name == "type" && is_name(&member.object, name)
            }
            (Message::Whole(_), Expression::ChainExpression(chain)) => chain
                .expression
                .as_member_expression()
                .is_some_and(|member| {
                    member.static_property_name() == Some("type")
                        && matches!(self, Message::Whole(name) if is_name(member.object(), name))
                }),
            _ => false,
        }
    }
}

/// What an updater does to one part of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It puts more at the end of a list.
    Adds,
    /// It sets a key that is computed.
    AddsKey,
    /// It makes it anew.
    Sets,
}

/// What an updater does to the parts of a state, by their names; the empty name is the state itself. What is not
/// named stays. Nothing where it cannot be known. `steps`: how many functions are called before the updater is there.
pub(super) fn changes(text: &str, steps: usize) -> Option<Vec<(String, Change)>> {
    with_nested_function(text, steps, |parameters, body| {
        let BindingPattern::BindingIdentifier(state) = &parameters.items.first()?.pattern else {
            return None;
        };
        changes_of(body, state.name.as_str())
    })?
}

fn changes_of(body: &Expression<'_>, state: &str) -> Option<Vec<(String, Change)>> {
    if let Some(change) = growth(body, &|expression| is_name(expression, state)) {
        return Some(vec![(String::new(), change)]);
    }
    let Expression::ObjectExpression(object) = body else {
        return None;
    };
    let mut changes = Vec::new();
    for property in &object.properties {
        match property {
            ObjectPropertyKind::SpreadProperty(spread) if is_name(&spread.argument, state) => {}
            ObjectPropertyKind::SpreadProperty(_) => return None,
            ObjectPropertyKind::ObjectProperty(property) => {
                let name = key(&property.key).filter(|_| !property.computed)?;
                let same = |expression: &Expression<'_>| match expression {
                    Expression::StaticMemberExpression(member) => {
                        member.property.name == name && is_name(&member.object, state)
                    }
                    _ => false,
                };
                let change = growth(&property.value, &same).unwrap_or(Change::Sets);
                changes.push((name.to_owned(), change));
            }
        }
    }
    Some(changes)
}

/// How an expression is a part of the state and more.
fn growth(
    expression: &Expression<'_>,
    is_part: &dyn Fn(&Expression<'_>) -> bool,
) -> Option<Change> {
    match expression {
        Expression::ArrayExpression(array) => {
            let mut spreads = array.elements.iter().filter_map(|element| match element {
                ArrayExpressionElement::SpreadElement(spread) => Some(&spread.argument),
                _ => None,
            });
            let adds = array
                .elements
                .iter()
                .any(ArrayExpressionElement::is_expression);
            let first = spreads.next()?;
            (is_part(first) && adds && spreads.next().is_none()).then_some(Change::Adds)
        }
        Expression::CallExpression(call) => {
            let Expression::StaticMemberExpression(member) = &call.callee else {
                return None;
            };
            let grows = member.property.name == "concat" && is_part(&member.object);
            (grows && !call.arguments.is_empty()).then_some(Change::Adds)
        }
        Expression::ObjectExpression(object) => {
            let (first, rest) = object.properties.split_first()?;
            let ObjectPropertyKind::SpreadProperty(spread) = first else {
                return None;
            };
            let computed = rest.iter().any(|property| {
                matches!(property, ObjectPropertyKind::ObjectProperty(property) if property.computed)
            });
            let plain = rest
                .iter()
                .all(|property| matches!(property, ObjectPropertyKind::ObjectProperty(_)));
            (is_part(&spread.argument) && computed && plain).then_some(Change::AddsKey)
        }
        _ => None,
    }
}

fn is_name(expression: &Expression<'_>, name: &str) -> bool {
    matches!(expression, Expression::Identifier(identifier) if identifier.name == name)
}

fn text_of<'e>(expression: &'e Expression<'_>) -> Option<&'e str> {
    match expression {
        Expression::StringLiteral(literal) => Some(literal.value.as_str()),
        _ => None,
    }
}

fn key<'k>(key: &'k PropertyKey<'_>) -> Option<&'k str> {
    match key {
        PropertyKey::StaticIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::StringLiteral(literal) => Some(literal.value.as_str()),
        _ => None,
    }
}

fn with_function<T>(
    text: &str,
    read: impl FnOnce(&FormalParameters<'_>, &Expression<'_>) -> T,
) -> Option<T> {
    with_nested_function(text, 0, read)
}

/// Reads the function literal of a text, or the one that it returns after so many calls, where its body is one expression.
fn with_nested_function<T>(
    text: &str,
    steps: usize,
    read: impl FnOnce(&FormalParameters<'_>, &Expression<'_>) -> T,
) -> Option<T> {
    let allocator = Allocator::default();
    let text = format!("({text})");
    // The text was accepted as a part of its file, so its nesting is bounded.
    let parsed = Parser::new(&allocator, &text, SourceType::ts())
        .with_options(oxc_parser::ParseOptions {
            preserve_parens: false,
            ..oxc_parser::ParseOptions::default()
        })
        .parse();
    if parsed.panicked || parsed.diagnostics.has_errors() {
        return None;
    }
    let Some(Statement::ExpressionStatement(statement)) = parsed.program.body.first() else {
        return None;
    };
    let mut function = literal(&statement.expression)?;
    for _ in 0..steps {
        function = literal(function.1)?;
    }
    Some(read(function.0, function.1))
}

/// The parameters of a function literal and the one expression that it returns.
fn literal<'f, 'a>(
    expression: &'f Expression<'a>,
) -> Option<(&'f FormalParameters<'a>, &'f Expression<'a>)> {
    let returned = |statements: &'f [Statement<'a>]| match statements {
        [Statement::ReturnStatement(only)] => only.argument.as_ref(),
        _ => None,
    };
    match expression {
        Expression::ArrowFunctionExpression(arrow) => {
            let body = match &arrow.body {
                ArrowFunctionBody::FunctionBody(body) => returned(&body.statements)?,
                other => other.as_expression()?,
            };
            Some((&arrow.params, body))
        }
        Expression::FunctionExpression(function) => {
            let body = function.body.as_ref()?;
            Some((&function.params, returned(&body.statements)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_that_compare_the_type_are_known() {
        let taken = |text: &str| {
            types_taken(text).map(|types| types.into_iter().collect::<Vec<_>>().join(" "))
        };
        let known =
            |text: &str, types: &str| assert_eq!(taken(text).as_deref(), Some(types), "{text}");
        known("m => m.type === 'A'", "A");
        known("m => 'A' == m?.type && m.n > 1", "A");
        known(
            "(m: Message): m is A => m.type === 'A' || (m.type === 'B')",
            "A B",
        );
        known("({ type, n }) => type === 'A' && n", "A");
        known("function (m) { return ['A', 'B'].includes(m.type) }", "A B");
        known("m => m.type === 'A' && m.type === 'B'", "");
        for unknown in [
            "m => true",
            "m => m.type !== 'A'",
            "m => m.type === other",
            "m => m.type === 'A' || m.n",
            "m => { if (m) return m.type === 'A' }",
            "is",
        ] {
            assert_eq!(taken(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn updaters_that_add_are_known() {
        let only = |text: &str, steps| {
            let changes = changes(text, steps)?;
            Some(
                changes
                    .into_iter()
                    .map(|(name, change)| format!("{name}:{change:?}"))
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        assert_eq!(only("s => [...s, 1]", 0).as_deref(), Some(":Adds"));
        assert_eq!(only("s => s.concat(1)", 0).as_deref(), Some(":Adds"));
        assert_eq!(
            only("m => s => ({ ...s, [m.id]: m })", 1).as_deref(),
            Some(":AddsKey")
        );
        assert_eq!(
            only(
                "s => ({ ...s, n: s.n + 1, seen: [...s.seen, 1], by: { ...s.by, [s.n]: 1 } })",
                0
            )
            .as_deref(),
            Some("n:Sets seen:Adds by:AddsKey")
        );
        assert_eq!(
            only("s => ({ seen: [...s.seen, 1].slice(-10) })", 0).as_deref(),
            Some("seen:Sets")
        );
        assert_eq!(only("s => s.filter(x => x)", 0), None);
        assert_eq!(only("s => ({ ...s, ...other })", 0), None);
        assert_eq!(only("s => [...s]", 0), None);
        assert_eq!(only("({ n }) => n", 0), None);
    }
}
