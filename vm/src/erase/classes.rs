//! What TypeScript adds to classes: modifiers, abstract members, interfaces that are implemented, and
//! constructors that declare properties.

use oxc_ast::ast::*;
use oxc_span::{GetSpan, Span};

use super::blanks::Finder;

/// Words before a member that say nothing to an engine.
const MODIFIERS: [&str; 7] = [
    "public",
    "private",
    "protected",
    "readonly",
    "declare",
    "override",
    "abstract",
];

/// Makes spaces of the modifiers between two offsets.
pub(super) fn blank_modifiers(finder: &mut Finder<'_>, start: u32, end: u32) {
    let Some(part) = finder.text.get(start as usize..end as usize) else {
        return;
    };
    let mut at = start;
    for word in part.split_inclusive(|c: char| !c.is_ascii_alphabetic()) {
        let letters = word.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
        if MODIFIERS.contains(&letters) {
            finder.edits.blank(at, at + letters.len() as u32);
        }
        at += word.len() as u32;
    }
}

/// `abstract` before a class, and what it implements.
pub(super) fn heading(finder: &mut Finder<'_>, class: &Class<'_>) {
    let body = class.body.span.start;
    if class.r#abstract
        && let Some(at) = finder.find("abstract", class.span.start, body)
    {
        finder.edits.blank(at, at + 8);
    }
    if let (Some(first), Some(last)) = (class.implements.first(), class.implements.last()) {
        let before = [
            class.id.as_ref().map(|id| id.span.end),
            class.type_parameters.as_ref().map(|known| known.span.end),
            class
                .heritage
                .as_ref()
                .map(|heritage| heritage.expression.span().end),
            class.heritage.as_ref().and_then(|heritage| {
                let arguments = heritage.type_arguments.as_ref();
                arguments.map(|known| known.span.end)
            }),
        ];
        let before = before.into_iter().flatten().max();
        let start = finder.find(
            "implements",
            before.unwrap_or(class.span.start),
            first.span.start,
        );
        finder
            .edits
            .blank(start.unwrap_or(first.span.start), last.span.end);
    }
}

/// A member. False where nothing is left of it.
pub(super) fn element(finder: &mut Finder<'_>, element: &ClassElement<'_>) -> bool {
    match element {
        ClassElement::TSIndexSignature(known) => whole(finder, known.span),
        ClassElement::MethodDefinition(method) => {
            let is_abstract = method.r#type == MethodDefinitionType::TSAbstractMethodDefinition;
            if is_abstract || method.value.body.is_none() {
                return whole(finder, method.span);
            }
            modifiers(finder, method.span, &method.decorators, method.key.span());
            if method.optional {
                finder.blank_mark('?', method.key.span().end, method.value.span.start + 1);
            }
            if method.kind == MethodDefinitionKind::Constructor {
                declared_properties(finder, &method.value);
            }
            true
        }
        ClassElement::PropertyDefinition(property) => {
            let is_abstract =
                property.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition;
            if is_abstract || property.declare {
                return whole(finder, property.span);
            }
            let key = property.key.span();
            modifiers(finder, property.span, &property.decorators, key);
            let value = property.value.as_ref().map(|value| value.span().start);
            let end = value.unwrap_or(property.span.end);
            if property.optional {
                finder.blank_mark('?', key.end, end);
            }
            if property.definite {
                finder.blank_mark('!', key.end, end);
            }
            true
        }
        ClassElement::AccessorProperty(_) | ClassElement::StaticBlock(_) => true,
    }
}

fn whole(finder: &mut Finder<'_>, span: Span) -> bool {
    finder.edits.blank_statement(span);
    false
}

fn modifiers(finder: &mut Finder<'_>, span: Span, decorators: &[Decorator<'_>], key: Span) {
    let start = decorators.last().map_or(span.start, |last| last.span.end);
    blank_modifiers(finder, start, key.start);
}

/// `constructor(private x)` sets `this.x`: at the beginning, or behind the call of `super`.
fn declared_properties(finder: &mut Finder<'_>, constructor: &Function<'_>) {
    let mut text = String::new();
    for parameter in &constructor.params.items {
        let declares = parameter.accessibility.is_some() || parameter.readonly;
        let name = parameter.pattern.get_identifier_name();
        if let (true, Some(name)) = (declares, name) {
            text.push_str(&format!(" this.{name} = {name};"));
        }
    }
    let Some(body) = constructor.body.as_ref().filter(|_| !text.is_empty()) else {
        return;
    };
    let calls_super = |statement: &&Statement<'_>| {
        let Statement::ExpressionStatement(expression) = statement else {
            return false;
        };
        matches!(&expression.expression, Expression::CallExpression(call) if call.callee.is_super())
    };
    let after = body.statements.iter().find(calls_super);
    let at = after.map_or(body.span.start + 1, |statement| statement.span().end);
    let text = if after.is_some() {
        format!(";{text}")
    } else {
        text
    };
    finder.edits.replace(at, at, text);
}
