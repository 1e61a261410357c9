//! An enum as an object, with its numbers as keys too, on its first line.

use oxc_ast::ast::{TSEnumDeclaration, TSEnumMemberName};
use oxc_span::GetSpan;

/// `var Colour = (Colour => { … return Colour; })({});`
///
/// Each member is a constant inside, so that later ones can name it. One without a value is one more than
/// the one before.
pub(super) fn as_object(text: &str, known: &TSEnumDeclaration<'_>) -> String {
    let name = known.id.name.as_str();
    let mut members = String::new();
    let mut before: Option<String> = None;
    for (at, member) in known.body.members.iter().enumerate() {
        let value = match (&member.initializer, &before) {
            (Some(value), _) => {
                let span = value.span();
                text[span.start as usize..span.end as usize].replace('\n', " ")
            }
            (None, Some(before)) => format!("{before} + 1"),
            (None, None) => "0".to_owned(),
        };
        let (variable, key) = match &member.id {
            TSEnumMemberName::Identifier(identifier) => (
                identifier.name.to_string(),
                format!("\"{}\"", identifier.name),
            ),
            other => {
                let span = other.span();
                let written = &text[span.start as usize..span.end as usize];
                (format!("__{at}"), written.to_owned())
            }
        };
        members.push_str(&format!(
            " const {variable} = {value}; {name}[{key}] = {variable}; if (typeof {variable} === \"number\") {name}[{variable}] = {key};"
        ));
        before = Some(variable);
    }
    format!("var {name} = (({name}) => {{{members} return {name}; }})({{}});")
}
