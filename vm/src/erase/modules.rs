//! Imports and exports: which modules are read, what is left without types.

use oxc_ast::ast::*;
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, Span};

use super::Import;
use super::blanks::Finder;

/// The modules that are imported or exported from. In TypeScript an import that is only a type has no name.
pub(super) fn imports(
    program: &Program<'_>,
    scoping: &Scoping,
    is_typescript: bool,
) -> Vec<Import> {
    let import = |source: &StringLiteral<'_>, names: Vec<(String, crate::source::Span)>| Import {
        specifier: source.value.to_string(),
        span: source.span.into(),
        names,
    };
    let statements = program.body.iter();
    let imports = statements.filter_map(|statement| match statement {
        Statement::ImportDeclaration(found) if !found.import_kind.is_type() => {
            let named = found.specifiers.iter().flatten();
            let used = named.filter(|one| !is_typescript || is_value(scoping, one.local()));
            Some(import(
                &found.source,
                used.filter_map(named_import).collect(),
            ))
        }
        Statement::ExportFromDeclaration(found) if !found.export_kind.is_type() => {
            let named = found.specifiers.iter();
            let values = named.filter(|one| !one.export_kind.is_type());
            let names = values.map(|one| (one.local.name().to_string(), one.local.span().into()));
            Some(import(&found.source, names.collect()))
        }
        Statement::ExportAllDeclaration(found) if !found.export_kind.is_type() => {
            Some(import(&found.source, Vec::new()))
        }
        _ => None,
    });
    imports.collect()
}

/// The export that is imported, where it is one by name and no type.
fn named_import(
    specifier: &ImportDeclarationSpecifier<'_>,
) -> Option<(String, crate::source::Span)> {
    match specifier {
        ImportDeclarationSpecifier::ImportSpecifier(one) if one.import_kind.is_type() => None,
        ImportDeclarationSpecifier::ImportSpecifier(one) => {
            Some((one.imported.name().to_string(), one.imported.span().into()))
        }
        ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
            Some(("default".to_owned(), one.span.into()))
        }
        ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => None,
    }
}

/// Whether a name is used as a value.
fn is_value(scoping: &Scoping, binding: &BindingIdentifier<'_>) -> bool {
    let symbol = binding.symbol_id.get();
    symbol.is_some_and(|symbol| {
        let mut references = scoping.get_resolved_references(symbol);
        references.any(|reference| reference.is_value())
    })
}

/// Whether all of another module is exported, too.
pub(super) fn exports_more(program: &Program<'_>) -> bool {
    let mut statements = program.body.iter();
    statements.any(|statement| {
        matches!(statement, Statement::ExportAllDeclaration(found) if !found.export_kind.is_type())
    })
}

/// Whether `act` is imported from the language.
pub(super) fn imports_act(program: &Program<'_>) -> bool {
    program.body.iter().any(|statement| {
        let Statement::ImportDeclaration(import) = statement else {
            return false;
        };
        let named = import.specifiers.iter().flatten().any(|specifier| {
            matches!(specifier, ImportDeclarationSpecifier::ImportSpecifier(named) if named.imported.name() == "act")
        });
        import.source.value == "troupe" && named
    })
}

/// The names that are exported.
pub(super) fn exports(program: &Program<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for statement in &program.body {
        match statement {
            Statement::ExportDeclaration(export) => declared(&export.declaration, &mut names),
            Statement::ExportDefaultDeclaration(export)
                if !is_default_type(&export.declaration) =>
            {
                names.push("default".to_owned());
            }
            Statement::ExportNamedDeclaration(export) if !export.export_kind.is_type() => {
                listed(&export.specifiers, &mut names);
            }
            Statement::ExportFromDeclaration(export) if !export.export_kind.is_type() => {
                listed(&export.specifiers, &mut names);
            }
            _ => {}
        }
    }
    names
}

fn declared(declaration: &Declaration<'_>, names: &mut Vec<String>) {
    match declaration {
        Declaration::VariableDeclaration(variables) if !variables.declare => {
            for declarator in &variables.declarations {
                let bound = declarator.id.get_binding_identifiers();
                names.extend(bound.iter().map(|identifier| identifier.name.to_string()));
            }
        }
        Declaration::FunctionDeclaration(function) if function.body.is_some() => {
            names.extend(function.id.iter().map(|id| id.name.to_string()));
        }
        Declaration::ClassDeclaration(class) if !class.declare => {
            names.extend(class.id.iter().map(|id| id.name.to_string()));
        }
        Declaration::TSEnumDeclaration(known) if !known.declare => {
            names.push(known.id.name.to_string());
        }
        _ => {}
    }
}

fn listed(specifiers: &[ExportSpecifier<'_>], names: &mut Vec<String>) {
    let values = specifiers
        .iter()
        .filter(|specifier| !specifier.export_kind.is_type());
    names.extend(values.map(|specifier| specifier.exported.name().to_string()));
}

/// Whether a default export is a type.
pub(super) fn is_default_type(declaration: &ExportDefaultDeclarationKind<'_>) -> bool {
    match declaration {
        ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
        ExportDefaultDeclarationKind::FunctionDeclaration(function) => function.body.is_none(),
        _ => false,
    }
}

/// Leaves of an import what is used as a value, as TypeScript does; of one without names, all.
pub(super) fn import(finder: &mut Finder<'_>, import: &ImportDeclaration<'_>) {
    let Some(specifiers) = &import.specifiers else {
        return;
    };
    let (mut whole, mut named) = (Vec::new(), Vec::new());
    for specifier in specifiers {
        if !is_value(finder.scoping, specifier.local()) {
            continue;
        }
        match specifier {
            ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => {
                whole.push(default.local.name.to_string());
            }
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(namespace) => {
                whole.push(format!("* as {}", namespace.local.name));
            }
            ImportDeclarationSpecifier::ImportSpecifier(one) if !one.import_kind.is_type() => {
                named.push(slice(finder.text, one.span).to_owned());
            }
            ImportDeclarationSpecifier::ImportSpecifier(_) => {}
        }
    }
    let is_type = import.import_kind.is_type();
    let kept = whole.len() + named.len();
    if is_type || (kept == 0 && !specifiers.is_empty()) {
        finder.edits.blank_statement(import.span);
    } else if kept < specifiers.len() {
        if !named.is_empty() {
            whole.push(format!("{{ {} }}", named.join(", ")));
        }
        let start = import.span.start;
        let text = format!("import {} from ", whole.join(", "));
        finder.edits.replace(start, import.source.span.start, text);
    }
}

/// Leaves of `export { … }` what is no type.
pub(super) fn export_list(
    finder: &mut Finder<'_>,
    span: Span,
    kind: ImportOrExportKind,
    specifiers: &[ExportSpecifier<'_>],
    from: Option<&StringLiteral<'_>>,
) {
    let values: Vec<&str> = specifiers
        .iter()
        .filter(|specifier| !specifier.export_kind.is_type())
        .map(|specifier| slice(finder.text, specifier.span))
        .collect();
    if kind.is_type() || (values.is_empty() && !specifiers.is_empty()) {
        finder.edits.blank_statement(span);
    } else if values.len() < specifiers.len() {
        let list = format!("export {{ {} }}", values.join(", "));
        match from {
            Some(source) => {
                let text = format!("{list} from ");
                finder.edits.replace(span.start, source.span().start, text);
            }
            None => finder
                .edits
                .replace(span.start, span.end, format!("{list};")),
        }
    }
}

fn slice(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.end as usize)
        .unwrap_or_default()
}
