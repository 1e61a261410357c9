//! What to write instead of changing a frozen value: the form that copies.

use super::given::Role;
use crate::parsed::File;
use crate::source::Span;

/// How something is changed.
pub(super) enum Part {
    /// `s.n = 1`; with another operator it says which: `+` for `s.n += 1`.
    Assigned { operator: &'static str, value: Span },
    /// `s.n++`, `s.n--`: the sign.
    Counted(&'static str),
    /// `s.list.push(1)`
    Called {
        object: Span,
        method: String,
        arguments: Vec<Span>,
    },
    /// `Object.assign(s, …)`
    Merged,
}

impl Part {
    /// What a method is called of.
    pub(super) fn object(&self) -> Option<Span> {
        match self {
            Part::Called { object, .. } => Some(*object),
            _ => None,
        }
    }
}

/// Methods that change their receiver, with what to write for `LIST` and `ARGS`.
const METHODS: &[(&str, &str)] = &[
    ("push", "[...LIST, ARGS]"),
    ("pop", "LIST.slice(0, -1)"),
    ("shift", "LIST.slice(1)"),
    ("unshift", "[ARGS, ...LIST]"),
    ("splice", "LIST.toSpliced(ARGS)"),
    ("sort", "LIST.toSorted(ARGS)"),
    ("reverse", "LIST.toReversed()"),
    ("fill", "LIST.map(() => ARGS)"),
    ("copyWithin", "[...LIST].copyWithin(ARGS)"),
    ("set", "new Map([...LIST, [ARGS]])"),
    ("add", "new Set([...LIST, ARGS])"),
    (
        "delete",
        "new Map([...LIST].filter(([key]) => key !== ARGS))",
    ),
    ("clear", "new Map()"),
];

/// Whether a method changes what it is called of.
pub(super) fn changes(method: &str) -> bool {
    METHODS.iter().any(|(name, _)| *name == method) || is_of_date(method)
}

fn is_of_date(method: &str) -> bool {
    let rest = method.strip_prefix("set");
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// The form that copies.
pub(super) fn hint(file: &File<'_, '_>, role: Role, changed: Span, part: &Part) -> String {
    let path = file.text(changed);
    match part {
        Part::Assigned {
            operator: "",
            value,
        } if role == Role::Predicate => {
            format!("to compare, write `{path} === {}`", file.text(*value))
        }
        Part::Assigned {
            operator: "",
            value,
        } => copied(path, file.text(*value)),
        Part::Assigned { operator, value } => {
            copied(path, &format!("{path} {operator} {}", file.text(*value)))
        }
        Part::Counted(sign) => copied(path, &format!("{path} {sign} 1")),
        Part::Merged => format!("copy it: `{{ ...{path}, … }}`"),
        Part::Called {
            object,
            method,
            arguments,
        } => {
            let list = file.text(*object);
            let arguments: Vec<&str> = arguments.iter().map(|span| file.text(*span)).collect();
            let known = METHODS.iter().find(|(name, _)| name == method);
            let form = known.map_or("new Date(LIST)", |(_, form)| form);
            let form = form
                .replace("ARGS", &arguments.join(", "))
                .replace("LIST", list);
            if role == Role::Updater && list.contains('.') && !is_of_date(method) {
                copied(list, &form)
            } else {
                format!("write `{form}`, which copies")
            }
        }
    }
}

/// `s.a.b = 1` as `{ ...s, a: { ...s.a, b: 1 } }`, where the path is made of names.
fn copied(path: &str, value: &str) -> String {
    let names: Vec<&str> = path.split('.').collect();
    let is_name = |name: &&str| {
        let mut signs = name.chars();
        signs.all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '$'))
    };
    if names.last() == Some(&"length") {
        return "copy a part: `list.slice(0, length)`".to_owned();
    }
    if names.len() < 2 || names.len() > 4 || !names.iter().all(is_name) {
        return "copy what changes: `{ ...object, [key]: value }`, `list.with(index, value)`"
            .to_owned();
    }
    let mut copy = value.to_owned();
    for at in (1..names.len()).rev() {
        copy = format!("{{ ...{}, {}: {copy} }}", names[..at].join("."), names[at]);
    }
    format!("return a copy: `({copy})`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_names_are_copied_from_the_inside_out() {
        assert_eq!(copied("s.n", "1"), "return a copy: `({ ...s, n: 1 })`");
        assert_eq!(
            copied("s.a.b", "…"),
            "return a copy: `({ ...s, a: { ...s.a, b: … } })`"
        );
        for other in ["s[0]", "get(x).n", "s", "s.a.b.c.d"] {
            assert!(
                copied(other, "1").starts_with("copy what changes"),
                "{other}"
            );
        }
    }
}
