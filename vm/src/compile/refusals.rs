//! What is not part of the language, refused by name with what to write instead.
//!
//! Before: any place of the compiler that meets such a construct. After: `check` and `deploy`.

use oxc_span::Span;

use super::compiler::Compiler;
use crate::bytecode::Instruction;
use crate::codes;
use crate::diagnostic::Diagnostic;

/// A construct that is not part of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Construct {
    Async,
    Await,
    Generator,
    Class,
    This,
    Super,
    NewTarget,
    Arguments,
    TaggedTemplate,
    BigInt,
    With,
    Accessor,
    PrivateName,
    DynamicImport,
    ImportMeta,
    Namespace,
    Decorator,
    Jsx,
    Using,
    UserConstructor,
    UserInstanceOf,
    PrototypeKey,
    ImportEquals,
    ForAwait,
    Intrinsic,
    DeleteName,
    NamespaceValue,
    EnumValue,
    Locale,
}

/// For each construct what it is called, and what to write instead.
const TEXTS: &[(Construct, &str, &str)] = &[
    (
        Construct::Async,
        "`async`",
        "a worker waits with commands: instead of `const m = await f()` write `call(F, msg, m => …)`",
    ),
    (
        Construct::Await,
        "`await`",
        "instead of `const m = await f()` write `call(F, msg, m => …)`",
    ),
    (
        Construct::Generator,
        "generators",
        "return an array: `return items.map(item => …)`; steps of a worker are `sequence(() => [ … ])`",
    ),
    (
        Construct::Class,
        "classes",
        "write functions that take and return plain objects: `const make = (a, b) => ({ a, b })`",
    ),
    (
        Construct::This,
        "`this`",
        "take the object as a parameter: `const total = order => order.price * order.count`",
    ),
    (Construct::Super, "`super`", "call the function by its name"),
    (
        Construct::NewTarget,
        "`new.target`",
        "write a plain function",
    ),
    (
        Construct::Arguments,
        "`arguments`",
        "take the rest of the arguments by name: `(...values) => …`",
    ),
    (
        Construct::TaggedTemplate,
        "tagged templates",
        "call the function: instead of tag`a${b}` write `tag('a', b)`",
    ),
    (
        Construct::BigInt,
        "BigInt",
        "write a number (whole numbers are exact up to 2 ** 53), or keep the digits as a text",
    ),
    (
        Construct::With,
        "`with`",
        "take the object apart: `const { a, b } = object`",
    ),
    (
        Construct::Accessor,
        "getters and setters",
        "write a plain property, or a function that computes the value",
    ),
    (
        Construct::PrivateName,
        "private names",
        "write a plain property",
    ),
    (
        Construct::DynamicImport,
        "`import(…)`",
        "import at the top of the file: `import { f } from './f.js'`",
    ),
    (
        Construct::ImportMeta,
        "`import.meta`",
        "a script has no place of its own; write the value",
    ),
    (
        Construct::Namespace,
        "`namespace`",
        "export the values from a module of their own",
    ),
    (
        Construct::Decorator,
        "decorators",
        "call the function: `const f = decorate(g)`",
    ),
    (Construct::Jsx, "JSX", "make plain objects"),
    (
        Construct::Using,
        "`using`",
        "write `const`; there is nothing to dispose of",
    ),
    (
        Construct::UserConstructor,
        "`new` of anything but a built-in",
        "write a function that returns an object and call it without `new`; to start a worker write `spawn(Worker, config)`",
    ),
    (
        Construct::UserInstanceOf,
        "`instanceof` of anything but a built-in",
        "compare a property: `value.type === 'order'`",
    ),
    (
        Construct::PrototypeKey,
        "`__proto__`",
        "copy the properties: `{ ...base, more }`",
    ),
    (
        Construct::ImportEquals,
        "`import … = …`",
        "write `import { f } from './f.js'`",
    ),
    (
        Construct::ForAwait,
        "`for await`",
        "wait for messages: `whileLoop(() => waitFor(…, h => …))`",
    ),
    (
        Construct::Intrinsic,
        "`%` names",
        "write a function of your own",
    ),
    (
        Construct::DeleteName,
        "`delete` of a variable",
        "assign `undefined`, or delete a property: `delete object.key`",
    ),
    (
        Construct::NamespaceValue,
        "a built-in namespace as a value",
        "name its function: `Math.max`",
    ),
    (
        Construct::EnumValue,
        "an enum member that is not constant",
        "give it a number or a text",
    ),
    (
        Construct::Locale,
        "locale arguments",
        "leave the locale out: the plain form is the same everywhere; for another write a function of your own",
    ),
];

/// What the parser says of a construct that it knows to be misplaced, where we refuse it everywhere.
const MISPLACED: &[(&str, Construct)] = &[
    ("'with' statements", Construct::With),
    ("`await`", Construct::Await),
    ("'await'", Construct::Await),
    ("'yield' expression", Construct::Generator),
    ("Decorators are not valid", Construct::Decorator),
    ("Delete of an unqualified identifier", Construct::DeleteName),
    ("An export assignment", Construct::ImportEquals),
];

impl Construct {
    /// What it is called, and what to write instead.
    fn texts(self) -> (&'static str, &'static str) {
        let found = TEXTS.iter().find(|(construct, ..)| *construct == self);
        found.map_or(
            ("this", "write it with functions and plain objects"),
            |(_, what, hint)| (what, hint),
        )
    }

    /// The construct that a message of the parser is about, where we refuse it wherever it stands: the parser's
    /// advice would be to put it where it belongs.
    pub(super) fn of_message(message: &str) -> Option<Construct> {
        let mut about = MISPLACED
            .iter()
            .filter(|(words, _)| message.contains(words));
        about.next().map(|(_, construct)| *construct)
    }

    pub(super) fn diagnostic(self, span: crate::source::Span) -> Diagnostic {
        let (what, hint) = self.texts();
        let verb = if what.starts_with('`') || self.is_one() {
            "is"
        } else {
            "are"
        };
        let message = format!("{what} {verb} not part of the language");
        Diagnostic::error(codes::REFUSED, span, message).with_hint(hint)
    }
}

impl Compiler<'_> {
    /// Refuses a construct by name.
    pub(super) fn refuse(&mut self, construct: Construct, span: Span) {
        self.report(construct.diagnostic(span.into()));
    }

    /// Refuses a class, and what decorates it.
    pub(super) fn refuse_class(&mut self, class: &oxc_ast::ast::Class<'_>) {
        for decorator in &class.decorators {
            self.refuse(Construct::Decorator, decorator.span);
        }
        self.refuse(Construct::Class, class.span);
    }

    /// Refuses an expression by name; something stands for its value, so that compiling goes on.
    pub(super) fn refuse_value(&mut self, construct: Construct, span: Span) {
        self.refuse(construct, span);
        self.emit(Instruction::Undefined);
    }
}

impl Construct {
    fn is_one(self) -> bool {
        matches!(
            self,
            Construct::BigInt | Construct::Jsx | Construct::NamespaceValue | Construct::EnumValue
        ) || self == Construct::Using
    }
}
