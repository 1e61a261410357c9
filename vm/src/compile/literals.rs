//! Literals: texts, templates, arrays, objects.
//!
//! Before: `expressions`. Guarantees: lone surrogates of the source survive; an object literal with
//! plain keys is one instruction; methods are functions without `this`.

use oxc_ast::ast::{
    ArrayExpression, ArrayExpressionElement, ObjectExpression, ObjectProperty, ObjectPropertyKind,
    PropertyKey, PropertyKind, RegExpLiteral, StringLiteral, TemplateLiteral,
};
use oxc_span::GetSpan;

use super::calls::does_nothing;
use super::compiler::Compiler;
use super::refusals::Construct;
use crate::bytecode::Instruction;
use crate::codes;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::regex::Flags;
use crate::source::Span;
use crate::text::Text;

/// A key of an object literal or pattern.
pub(super) enum Key<'e, 'a> {
    /// Known at compile time.
    Plain(Text),
    /// To be computed.
    Computed(&'e oxc_ast::ast::Expression<'a>),
}

/// How many parts of a literal are on the stack at once, at most.
const AT_ONCE: u16 = 1000;

impl<'a> Compiler<'a> {
    pub(super) fn string(&mut self, literal: &StringLiteral<'a>) {
        self.emit_text(source_text(literal.value.as_str(), literal.lone_surrogates));
    }

    pub(super) fn template(&mut self, template: &TemplateLiteral<'a>) {
        let texts = template.quasis.iter().map(|quasi| {
            let cooked = quasi
                .value
                .cooked
                .as_ref()
                .map_or("", |cooked| cooked.as_str());
            source_text(cooked, quasi.lone_surrogates)
        });
        let texts: Vec<Text> = texts.collect();
        if template.expressions.is_empty() {
            return self.emit_text(texts.into_iter().next().unwrap_or_default());
        }
        let last_that_acts = template
            .expressions
            .iter()
            .rposition(|part| !does_nothing(part));
        let mut parts = 0;
        for (at, text) in texts.into_iter().enumerate() {
            if !text.is_empty() {
                self.emit_text(text);
                parts += 1;
            }
            if let Some(expression) = template.expressions.get(at) {
                self.expression(expression);
                parts += 1;
                // What a part is as a text shows where a later one does anything.
                if last_that_acts.is_some_and(|last| at < last) {
                    self.place(template.span);
                    self.emit(Instruction::Template(1));
                }
                if parts == AT_ONCE {
                    self.place(template.span);
                    self.emit(Instruction::Template(parts));
                    parts = 1;
                }
            }
        }
        self.place(template.span);
        self.emit(Instruction::Template(parts));
    }

    /// A new regular expression each time; its pattern is checked here.
    pub(super) fn regular_expression(&mut self, literal: &RegExpLiteral<'a>) {
        let pattern = Text::from(literal.regex.pattern.text.as_str());
        // The parser of the script has refused flags that are none, or exclude each other.
        let flags = Flags::parse(&literal.regex.flags.to_inline_string()).unwrap_or_default();
        let data = Data::regular_expression(pattern, flags);
        if let Data::RegExp(expression) = &data
            && let Err(error) = expression.program()
        {
            let inside = literal.span.start + 1;
            let (first, behind) = error.range;
            let text = &self.file.source.text;
            let span = Span::of_characters(text, inside + first, inside + behind);
            let message = format!("invalid regular expression: {error}");
            let diagnostic = Diagnostic::error(codes::SYNTAX, span, message);
            self.report(match &error.hint {
                Some(hint) => diagnostic.with_hint(hint),
                None => diagnostic,
            });
        }
        let constant = self.constant(data);
        self.emit(Instruction::Constant(constant));
        self.place(literal.span);
        let native = self.native("new RegExp");
        self.emit(Instruction::CallNative {
            arguments: 1,
            native,
        });
    }

    pub(super) fn array(&mut self, array: &ArrayExpression<'a>) {
        let has_spread = array.elements.iter().any(ArrayExpressionElement::is_spread);
        let at_once = match has_spread {
            true => 0,
            false => array.elements.len().min(usize::from(AT_ONCE)),
        };
        let (first, others) = array.elements.split_at(at_once);
        first.iter().for_each(|element| self.element(element));
        self.place(array.span);
        self.emit(Instruction::NewArray(at_once as u32));
        for element in others {
            if let ArrayExpressionElement::SpreadElement(spread) = element {
                self.expression(&spread.argument);
                self.place(spread.span);
                self.emit(Instruction::ArraySpread);
            } else {
                self.element(element);
                self.emit(Instruction::ArrayPush);
            }
        }
    }

    fn element(&mut self, element: &ArrayExpressionElement<'a>) {
        match element.as_expression() {
            Some(expression) => self.expression(expression),
            None => {
                self.emit(Instruction::Undefined);
            }
        }
    }

    pub(super) fn object(&mut self, object: &ObjectExpression<'a>) {
        let plain: Option<Vec<Text>> = object.properties.iter().map(plain_key).collect();
        // Keys of a template differ, so that its values and its properties are the same in number.
        let is_template = |keys: &Vec<Text>| {
            let mut sorted = keys.clone();
            sorted.sort();
            sorted.windows(2).all(|pair| pair[0] != pair[1]) && keys.len() <= 1000
        };
        if let Some(keys) = plain.filter(is_template) {
            for (property, key) in object.properties.iter().zip(&keys) {
                if let ObjectPropertyKind::ObjectProperty(property) = property {
                    self.property_value(property, &key.to_string_lossy());
                }
            }
            let keys: Vec<u32> = keys.into_iter().map(|key| self.key_of(key)).collect();
            self.place(object.span);
            if keys.is_empty() {
                self.emit(Instruction::NewObject);
                return;
            }
            self.linked.code.templates.push(keys);
            let template = self.linked.code.templates.len() as u32 - 1;
            self.emit(Instruction::ObjectLiteral(template));
            return;
        }
        self.emit(Instruction::NewObject);
        for property in &object.properties {
            match property {
                ObjectPropertyKind::SpreadProperty(spread) => {
                    self.expression(&spread.argument);
                    self.place(spread.span);
                    self.emit(Instruction::SpreadObject);
                }
                ObjectPropertyKind::ObjectProperty(property) => self.define_property(property),
            }
        }
    }

    fn define_property(&mut self, property: &ObjectProperty<'a>) {
        match self.property_key(&property.key, property.computed) {
            Key::Plain(key) => {
                self.property_value(property, &key.to_string_lossy());
                let key = self.key_of(key);
                self.place(property.span);
                self.emit(Instruction::DefineProperty(key));
            }
            Key::Computed(expression) => {
                self.expression(expression);
                self.emit(Instruction::ToPropertyKey);
                self.property_value(property, "");
                self.place(property.span);
                self.emit(Instruction::DefineElement);
            }
        }
    }

    fn property_value(&mut self, property: &ObjectProperty<'a>, name: &str) {
        if property.kind != PropertyKind::Init {
            return self.refuse_value(Construct::Accessor, property.span);
        }
        if name == "__proto__" && !property.shorthand && !property.method && !property.computed {
            return self.refuse_value(Construct::PrototypeKey, property.key.span());
        }
        self.named_expression(&property.value, name);
    }

    /// The key of a property, refused where the language has no such keys.
    pub(super) fn property_key<'e>(
        &mut self,
        key: &'e PropertyKey<'a>,
        computed: bool,
    ) -> Key<'e, 'a> {
        if let Some(plain) = static_key(key, computed) {
            return Key::Plain(plain);
        }
        match key.as_expression() {
            Some(expression) => Key::Computed(expression),
            None => {
                self.refuse(Construct::PrivateName, key.span());
                Key::Plain(Text::empty())
            }
        }
    }
}

fn plain_key(property: &ObjectPropertyKind<'_>) -> Option<Text> {
    match property {
        ObjectPropertyKind::ObjectProperty(property) => {
            static_key(&property.key, property.computed)
        }
        ObjectPropertyKind::SpreadProperty(_) => None,
    }
}

/// A key that is known at compile time.
pub(super) fn static_key(key: &PropertyKey<'_>, computed: bool) -> Option<Text> {
    match key {
        PropertyKey::StaticIdentifier(name) if !computed => Some(Text::from(name.name.as_str())),
        PropertyKey::StringLiteral(literal) => {
            Some(source_text(literal.value.as_str(), literal.lone_surrogates))
        }
        PropertyKey::NumericLiteral(literal) => Some(crate::number::number_to_text(literal.value)),
        _ => None,
    }
}

/// The text that the parser found. It writes a lone surrogate as U+FFFD and four hexadecimal
/// digits, and U+FFFD itself as U+FFFD and `fffd`, where it says that there are lone surrogates.
pub(super) fn source_text(found: &str, lone_surrogates: bool) -> Text {
    if !lone_surrogates {
        return Text::from(found);
    }
    let mut units: Vec<u16> = Vec::with_capacity(found.len());
    let mut rest = found;
    while let Some(at) = rest.find('\u{fffd}') {
        units.extend(rest[..at].encode_utf16());
        rest = &rest[at + '\u{fffd}'.len_utf8()..];
        match rest
            .get(..4)
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        {
            Some(unit) => {
                units.push(unit);
                rest = &rest[4..];
            }
            None => units.push(0xfffd),
        }
    }
    units.extend(rest.encode_utf16());
    Text::from_units(&units)
}
