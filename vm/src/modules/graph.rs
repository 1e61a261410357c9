//! Follows imports from the entry, and orders the files as they run: what a file imports before itself.
//!
//! Guarantees: the order is that of ECMAScript (depth first, in the order of the imports); without recursion,
//! so that no chain of imports exhausts the stack. An import that leads nowhere is left out, and said.

use std::collections::BTreeMap;

use super::{FileError, Files, Rejected, path, refusals};
use crate::codes;
use crate::compile::{Request, requests};
use crate::diagnostic::Diagnostic;
use crate::limits::{BuildLimit, BuildLimits};
use crate::source::{Source, Sources, Span};

/// All files of a program.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// The files, the entry first, named by their paths from the root.
    pub(crate) sources: Sources,
    /// For each file, the file that each specifier in it leads to.
    pub(crate) imports: Vec<BTreeMap<String, usize>>,
    /// The files in the order in which they run; the entry is the last.
    pub(crate) order: Vec<usize>,
}

/// A file whose imports are being followed.
struct Open {
    file: usize,
    requests: std::vec::IntoIter<Request>,
}

struct Loader<'f> {
    files: &'f dyn Files,
    limits: &'f BuildLimits,
    graph: Graph,
    numbers: BTreeMap<String, usize>,
    bytes: u64,
    open: Vec<Open>,
    diagnostics: Vec<Diagnostic>,
    full: bool,
}

impl Graph {
    /// The files that an entry is made of, and what is wrong with imports.
    pub(crate) fn load(
        entry: &str,
        files: &dyn Files,
        limits: &BuildLimits,
    ) -> Result<(Graph, Vec<Diagnostic>), Box<Rejected>> {
        let text = files.read(entry).map_err(|error| {
            let message = format!("`{entry}` cannot be read: {error}");
            let code = match error {
                FileError::NotText => codes::IMPORT_NOT_TEXT,
                FileError::Outside => codes::IMPORT_OUTSIDE,
                _ => codes::IMPORT_MISSING,
            };
            Box::new(Rejected {
                sources: Source::new(entry, "").into(),
                diagnostics: vec![Diagnostic::error(code, Span::default(), message)],
            })
        })?;
        let mut loader = Loader {
            files,
            limits,
            graph: Graph::default(),
            numbers: BTreeMap::new(),
            bytes: 0,
            open: Vec::new(),
            diagnostics: Vec::new(),
            full: false,
        };
        loader.add(entry.to_owned(), text);
        loader.follow();
        Ok((loader.graph, loader.diagnostics))
    }
}

/// The files with names from the folder that all of them lie in.
pub(crate) fn named(mut sources: Sources) -> Sources {
    let shared = path::shared_folder(sources.iter().map(|source| source.name.as_str()));
    sources.rename(|name| name[shared..].to_owned());
    sources
}

impl Loader<'_> {
    fn add(&mut self, path: String, text: String) -> usize {
        let source = Source::new(path.clone(), text);
        self.bytes += source.text.len() as u64;
        let requests = requests(&source, self.limits);
        let file = self.graph.imports.len();
        let base = self.graph.sources.add(source);
        self.graph.imports.push(BTreeMap::new());
        self.numbers.insert(path, file);
        let requests: Vec<Request> = requests
            .into_iter()
            .map(|request| Request {
                span: request.span.shifted(base),
                ..request
            })
            .collect();
        let requests = requests.into_iter();
        self.open.push(Open { file, requests });
        file
    }

    fn follow(&mut self) {
        while let Some(open) = self.open.last_mut() {
            let from = open.file;
            match open.requests.next() {
                Some(request) => match self.resolve(from, &request) {
                    Ok(target) => {
                        self.graph.imports[from].insert(request.specifier, target);
                    }
                    Err(diagnostic) => self.diagnostics.extend(diagnostic.map(|found| *found)),
                },
                None => {
                    self.graph.order.push(from);
                    self.open.pop();
                }
            }
        }
    }

    /// The file that an import leads to; read where it is new.
    fn resolve(
        &mut self,
        from: usize,
        request: &Request,
    ) -> Result<usize, Option<Box<Diagnostic>>> {
        let some = |diagnostic| Some(Box::new(diagnostic));
        let from = self.path(from).to_owned();
        let specifier = &request.specifier;
        if specifier.starts_with('/') {
            return Err(some(refusals::outside(request)));
        }
        if !specifier.starts_with("./") && !specifier.starts_with("../") {
            return Err(some(refusals::bare(request, &from, self.files)));
        }
        let Some(path) = path::join(&from, specifier) else {
            return Err(some(refusals::outside(request)));
        };
        if let Some(known) = self.known(&path) {
            return self.unless_open(known, request);
        }
        let has_other_ending = path
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'))
            .is_some_and(|(_, ending)| !ending.is_empty());
        let (path, text) = match self.read(&path) {
            Ok(found) => found,
            Err(error) => {
                let found = refusals::unread(request, &error, &from, &path, self.files);
                return Err(some(found));
            }
        };
        let is_script = refusals::ENDINGS.iter().any(|end| path.ends_with(end));
        if has_other_ending && !is_script {
            return Err(some(refusals::no_script(request)));
        }
        if let Some(known) = self.known(&path) {
            return self.unless_open(known, request);
        }
        self.check_room(text.len(), request)?;
        Ok(self.add(path, text))
    }

    fn known(&self, path: &str) -> Option<usize> {
        self.numbers.get(path).copied()
    }

    /// A file, or the file in TypeScript that is imported under the name which it will have in JavaScript.
    fn read(&self, path: &str) -> Result<(String, String), FileError> {
        let error = match self.files.read(path) {
            Ok(text) => return Ok((path.to_owned(), text)),
            Err(error) => error,
        };
        let typed = path.strip_suffix("js").map(|stem| format!("{stem}ts"));
        if let (FileError::Missing, Some(typed)) = (&error, typed)
            && let Ok(text) = self.files.read(&typed)
        {
            return Ok((typed, text));
        }
        Err(error)
    }

    /// A file whose own imports are still being followed leads back to itself.
    fn unless_open(
        &self,
        file: usize,
        request: &Request,
    ) -> Result<usize, Option<Box<Diagnostic>>> {
        let Some(at) = self.open.iter().position(|open| open.file == file) else {
            return Ok(file);
        };
        let circle: Vec<&str> = self.open[at..]
            .iter()
            .map(|open| open.file)
            .chain([file])
            .map(|file| self.path(file))
            .collect();
        Err(Some(Box::new(refusals::cycle(request, &circle))))
    }

    /// Whether one more file fits; that none does is said once.
    fn check_room(
        &mut self,
        bytes: usize,
        request: &Request,
    ) -> Result<(), Option<Box<Diagnostic>>> {
        let count = self.graph.imports.len() as u64;
        let (code, limit) = if count >= u64::from(self.limits.modules) {
            (codes::LIMIT_MODULES, BuildLimit::Modules)
        } else if self.bytes + bytes as u64 > self.limits.all_source_bytes {
            (codes::LIMIT_ALL_SOURCES, BuildLimit::AllSourceBytes)
        } else {
            return Ok(());
        };
        if std::mem::replace(&mut self.full, true) {
            return Err(None);
        }
        let diagnostic = Diagnostic::error(code, request.span, limit.message(self.limits));
        let hint =
            "deploy what belongs together as programs of their own, which send each other messages";
        Err(Some(Box::new(diagnostic.with_hint(hint))))
    }

    fn path(&self, file: usize) -> &str {
        let found = self.graph.sources.file(file);
        found.map_or("", |(source, _)| source.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)], limits: &BuildLimits) -> (Graph, Vec<Diagnostic>) {
        let map: BTreeMap<String, String> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Graph::load(files[0].0, &map, limits).unwrap()
    }

    fn codes_of(diagnostics: &[Diagnostic]) -> Vec<&'static str> {
        diagnostics.iter().map(|found| found.code.code).collect()
    }

    #[test]
    fn files_run_behind_what_they_import() {
        let (graph, wrong) = load(
            &[
                (
                    "flows/a.js",
                    "import './b.js'; import { c } from '../lib/c.js'",
                ),
                ("flows/b.js", "export * from '../lib/c.js'; import './d.js'"),
                ("lib/c.js", "import type { T } from './missing.js'"),
                ("flows/d.ts", "import { type T, x } from '../lib/c.js'"),
            ],
            &BuildLimits::default(),
        );
        assert_eq!(codes_of(&wrong), ["E0101"; 0]);
        let sources = named(graph.sources);
        let names: Vec<&str> = graph
            .order
            .iter()
            .map(|file| sources.file(*file).unwrap().0.name.as_str())
            .collect();
        assert_eq!(
            names,
            ["lib/c.js", "flows/d.ts", "flows/b.js", "flows/a.js"]
        );
        assert_eq!(sources.iter().next().unwrap().name, "flows/a.js");
    }

    #[test]
    fn a_chain_of_imports_needs_no_stack_and_has_a_limit() {
        let limits = BuildLimits {
            modules: 3000,
            ..BuildLimits::default()
        };
        let texts: Vec<(String, String)> = (0..4000)
            .map(|at| (format!("f{at}.js"), format!("import './f{}.js'", at + 1)))
            .collect();
        let files: Vec<(&str, &str)> = texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let (graph, wrong) = load(&files, &limits);
        assert_eq!(graph.order.len(), 3000);
        assert_eq!(codes_of(&wrong), ["E0420"]);
    }

    #[test]
    fn all_source_together_has_a_limit() {
        let limits = BuildLimits {
            all_source_bytes: 60,
            ..BuildLimits::default()
        };
        let long = "// 34567890123456789012345678901234567890";
        let (_, wrong) = load(
            &[
                ("a.js", "import './b.js'; import './c.js'"),
                ("b.js", long),
                ("c.js", long),
            ],
            &limits,
        );
        assert_eq!(codes_of(&wrong), ["E0421"], "said once");
    }

    #[test]
    fn a_file_that_imports_itself_is_a_circle() {
        let (graph, wrong) = load(&[("a.js", "import './a.js'")], &BuildLimits::default());
        assert_eq!(codes_of(&wrong), ["E0122"]);
        assert_eq!(graph.order, [0]);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        struct Broken;
        impl Files for Broken {
            fn read(&self, path: &str) -> Result<String, FileError> {
                match path {
                    "a.js" => Ok(
                        "import './link.js'; import './image.js'; import './locked.js'".to_owned(),
                    ),
                    "link.js" => Err(FileError::Outside),
                    "image.js" => Err(FileError::NotText),
                    _ => Err(FileError::Unreadable("permission denied".to_owned())),
                }
            }

            fn list(&self, _: &str) -> Vec<String> {
                Vec::new()
            }
        }
        let limits = BuildLimits::default();
        let (_, wrong) = Graph::load("a.js", &Broken, &limits).unwrap();
        assert_eq!(codes_of(&wrong), ["E0123", "E0124", "E0120"]);
        let rejected = Graph::load("image.js", &Broken, &limits).unwrap_err();
        assert_eq!(codes_of(&rejected.diagnostics), ["E0124"]);
    }
}
