//! What is said of an import that leads to no file.
//!
//! Guarantees: each case has its own code and, where a file nearby could be meant, its path as it would be
//! written in the script.

use super::path::{folder, join, relative};
use super::{FileError, Files};
use crate::codes;
use crate::compile::{Request, closest};
use crate::diagnostic::Diagnostic;

/// The endings of scripts.
pub(super) const ENDINGS: &[&str] = &[".js", ".ts", ".mjs", ".mts"];

/// An import of what is no path.
pub(super) fn bare(request: &Request, from: &str, files: &dyn Files) -> Diagnostic {
    let name = &request.specifier;
    let diagnostic = Diagnostic::error(
        codes::IMPORT,
        request.span,
        format!("`{name}` is not a local file"),
    )
    .with_note("a script may import other scripts by their paths, and \"troupe\"; packages are not installed");
    let written = format!("./{name}");
    match join(from, &written).and_then(|path| guess(&path, files)) {
        Some(path) => diagnostic.with_hint(format!("write `{}`", relative(from, &path))),
        None => diagnostic.with_hint("copy what you need into a file beside this one"),
    }
}

/// An import that leaves the root.
pub(super) fn outside(request: &Request) -> Diagnostic {
    let message = format!(
        "`{}` leads out of the folder of the scripts",
        request.specifier
    );
    Diagnostic::error(codes::IMPORT_OUTSIDE, request.span, message)
        .with_hint("move the file into the folder, or run the command in a folder that holds both")
}

/// A file that is not there, or cannot be read.
pub(super) fn unread(
    request: &Request,
    error: &FileError,
    from: &str,
    path: &str,
    files: &dyn Files,
) -> Diagnostic {
    let specifier = &request.specifier;
    match error {
        FileError::Outside => outside(request),
        FileError::NotText => Diagnostic::error(
            codes::IMPORT_NOT_TEXT,
            request.span,
            format!("`{specifier}` is not UTF-8 text"),
        )
        .with_hint("save the file as UTF-8; what is no script cannot be imported"),
        FileError::Unreadable(why) => Diagnostic::error(
            codes::IMPORT_MISSING,
            request.span,
            format!("`{specifier}` cannot be read: {why}"),
        ),
        FileError::Missing => {
            let message = format!("the file `{specifier}` is not there");
            let diagnostic = Diagnostic::error(codes::IMPORT_MISSING, request.span, message);
            match guess(path, files) {
                Some(found) => {
                    diagnostic.with_hint(format!("did you mean `{}`?", relative(from, &found)))
                }
                None => diagnostic.with_hint("paths begin at the file that imports: `./name.js`"),
            }
        }
    }
}

/// A file that is no script.
pub(super) fn no_script(request: &Request) -> Diagnostic {
    let message = format!("`{}` is not a script", request.specifier);
    let hint = if request.specifier.ends_with(".json") {
        "make it a script: `export default { … }` in a file that ends in `.js`"
    } else {
        "scripts end in `.js`, `.mjs`, `.ts` or `.mts`"
    };
    Diagnostic::error(codes::IMPORT, request.span, message).with_hint(hint)
}

/// Imports that lead in a circle, each file with its path.
pub(super) fn cycle(request: &Request, circle: &[&str]) -> Diagnostic {
    let message = format!("these files import each other: {}", circle.join(" → "));
    Diagnostic::error(codes::IMPORT_CYCLE, request.span, message).with_hint(
        "move what both need into a file of its own; for types alone write `import type`",
    )
}

/// The file that was most likely meant by a path that leads nowhere.
fn guess(path: &str, files: &dyn Files) -> Option<String> {
    let nearby = files.list(folder(path));
    let scripts: Vec<&str> = nearby
        .iter()
        .map(String::as_str)
        .filter(|file| ENDINGS.iter().any(|ending| file.ends_with(ending)))
        .collect();
    let stem = |path: &str| {
        let ending = ENDINGS.iter().find(|ending| path.ends_with(*ending));
        ending.map_or(path.len(), |ending| path.len() - ending.len())
    };
    let wanted = &path[..stem(path)];
    let same = scripts.iter().find(|file| &file[..stem(file)] == wanted);
    let near = || closest(path, scripts.iter().copied());
    same.copied().or_else(near).map(str::to_owned)
}
