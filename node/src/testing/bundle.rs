//! All that a test file needs before it runs: the modules that it imports, without their types, and the
//! scripts of the workers under test, compiled.
//!
//! Before: `discovery`. After: `engine`, which reads no file any more. The scripts are those that the test
//! file imports, itself or by other modules; where it imports none, those in its folder and below.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vm::diagnostic::Diagnostic;
use vm::erase::{Import, Plain, erase};
use vm::source::Span;
use vm::testing::Script;
use vm::{BuildLimits, Source, codes};

use super::discovery::{is_test, modules_below, plain};
use super::modules::language_names;
use crate::commands::sources::Folder;
use crate::output;

/// A test file with all that it needs.
pub(super) struct Bundle {
    /// The name of the test file: its path.
    pub(super) entry: String,
    /// The modules by their paths.
    pub(super) modules: BTreeMap<String, Module>,
    /// The scripts under test.
    pub(super) scripts: Vec<TestScript>,
    /// Whether the scripts were looked for, since the test file imports none.
    pub(super) looked_around: bool,
}

/// A module that a test file imports, or the file itself.
pub(super) struct Module {
    pub(super) source: Source,
    pub(super) plain: Plain,
    /// The path of what each import names.
    pub(super) links: BTreeMap<String, String>,
    /// Its place among the scripts, where it makes workers.
    pub(super) script: Option<usize>,
}

/// A script with workers.
pub(super) struct TestScript {
    /// Its path.
    pub(super) path: String,
    pub(super) script: Script,
    /// The files of its program under their paths, in the program's order.
    pub(super) files: Vec<Source>,
}

/// Why a test file cannot run: diagnostics as text, and the files that were read, which may be mended.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) errors: Vec<String>,
    pub(super) files: BTreeSet<PathBuf>,
}

/// What a module of the language is called where a test imports it.
pub(super) const LANGUAGE: [&str; 2] = ["troupe", "troupe/testing"];

impl Bundle {
    /// Reads a test file and what it imports.
    ///
    /// # Errors
    /// A file cannot be read, parsed or compiled.
    pub(super) fn load(path: &Path) -> Result<Bundle, Broken> {
        let mut loading = Loading {
            bundle: Bundle {
                entry: name_of(path),
                modules: BTreeMap::new(),
                scripts: Vec::new(),
                looked_around: false,
            },
            errors: Vec::new(),
            waiting: VecDeque::from([path.to_path_buf()]),
        };
        while let Some(path) = loading.waiting.pop_front() {
            loading.module(&path);
        }
        loading.check_names();
        if loading.bundle.scripts.is_empty() && loading.errors.is_empty() {
            loading.look_around(path.parent().unwrap_or(Path::new("")));
        }
        if loading.errors.is_empty() {
            return Ok(loading.bundle);
        }
        Err(Broken {
            files: loading.bundle.files(),
            errors: loading.errors,
        })
    }

    /// All files that were read.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        let scripts = self.scripts.iter().flat_map(|script| &script.files);
        let scripts = scripts.map(|source| &source.name);
        self.modules
            .keys()
            .chain(scripts)
            .map(PathBuf::from)
            .collect()
    }

    /// The global names of the workers under test, each with the scripts and workers that it may mean.
    ///
    /// A worker `X` is `X` and `XWorker`; a worker `XWorker` is `XWorker`, `XWorkerWorker` and `X`. A reactive
    /// function has its own name only.
    pub(super) fn globals(&self) -> BTreeMap<String, Vec<(usize, String)>> {
        let mut globals: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
        for (at, script) in self.scripts.iter().enumerate() {
            let workers = script.script.program().workers();
            for worker in workers.filter(|worker| worker.exported) {
                let name = &worker.name;
                if worker.options.reactive {
                    let global = globals.entry(name.clone()).or_default();
                    global.push((at, name.clone()));
                    continue;
                }
                let short = name
                    .strip_suffix("Worker")
                    .filter(|short| !short.is_empty());
                let names = [
                    Some(name.clone()),
                    Some(format!("{name}Worker")),
                    short.map(str::to_owned),
                ];
                for global in names.into_iter().flatten() {
                    globals.entry(global).or_default().push((at, name.clone()));
                }
            }
        }
        globals
    }
}

struct Loading {
    bundle: Bundle,
    errors: Vec<String>,
    waiting: VecDeque<PathBuf>,
}

impl Loading {
    fn module(&mut self, path: &Path) {
        let name = name_of(path);
        if self.bundle.modules.contains_key(&name) {
            return;
        }
        let source = match read(path) {
            Ok(text) => Source::new(name.clone(), text),
            Err(error) => return self.errors.push(error),
        };
        let erased = if name.ends_with(".json") {
            json_module(&source)
        } else {
            erase(&source, &BuildLimits::default())
        };
        let mut module = match erased {
            Ok(plain) => Module {
                source,
                plain,
                links: BTreeMap::new(),
                script: None,
            },
            Err(diagnostics) => return self.refuse(&source, &diagnostics),
        };
        if module.plain.makes_workers {
            if is_test(path) {
                let message = "a test makes no workers of its own";
                let hint = "move `act` into a script, and import that";
                let refused = Diagnostic::error(codes::MISPLACED, Span::default(), message);
                return self.refuse(&module.source, &[refused.with_hint(hint)]);
            }
            module.script = self.script(path);
        }
        for import in &module.plain.imports {
            if LANGUAGE.contains(&import.specifier.as_str()) {
                continue;
            }
            match resolve(path, import) {
                Ok(target) => {
                    let link = (import.specifier.clone(), name_of(&target));
                    module.links.extend([link]);
                    self.waiting.push_back(target);
                }
                // The compiler has said so of a script.
                Err(_) if module.plain.makes_workers => {}
                Err(diagnostic) => self.refuse(&module.source, &[*diagnostic]),
            }
        }
        self.bundle.modules.insert(name, module);
    }

    /// Refuses names that are imported and that nothing exports. The compiler has said so of scripts.
    fn check_names(&mut self) {
        let modules = self.bundle.modules.values();
        let mut refused = Vec::new();
        for module in modules.filter(|module| !module.plain.makes_workers) {
            for import in &module.plain.imports {
                let diagnostics = self.missing_names(module, import);
                let shown = diagnostics.map(|one| one.render(&module.source, output::colours()));
                refused.extend(shown);
            }
        }
        self.errors.extend(refused);
    }

    fn missing_names(
        &self,
        module: &Module,
        import: &Import,
    ) -> impl Iterator<Item = Diagnostic> + use<> {
        let known: Option<(&str, Vec<&str>)> = if LANGUAGE.contains(&import.specifier.as_str()) {
            Some((import.specifier.as_str(), language_names().collect()))
        } else {
            let target = module.links.get(&import.specifier);
            let target = target.and_then(|path| self.bundle.modules.get(path));
            let whole = target.filter(|target| !target.plain.exports_more);
            whole.map(|target| {
                let exports = target.plain.exports.iter().map(String::as_str);
                (target.source.name.as_str(), exports.collect())
            })
        };
        let mut diagnostics = Vec::new();
        for (name, span) in &import.names {
            if let Some((file, exports)) = &known
                && !exports.contains(&name.as_str())
            {
                let message = format!("`{file}` does not export `{name}`");
                let hint = match vm::closest(name, exports.iter().copied()) {
                    Some(guess) => format!("did you mean `{guess}`?"),
                    None if exports.is_empty() => "it exports nothing".to_owned(),
                    None => format!("it exports {}", exports.join(", ")),
                };
                let refused = Diagnostic::error(codes::EXPORT_MISSING, *span, message);
                diagnostics.push(refused.with_hint(hint));
            }
        }
        diagnostics.into_iter()
    }

    /// Compiles a script with what it imports; its place among the scripts.
    fn script(&mut self, path: &Path) -> Option<usize> {
        let read = Folder::of(&[path.to_path_buf()]);
        let (folder, names) = match read {
            Ok(read) => read,
            Err(error) => {
                self.errors.push(format!("error: {error:#}"));
                return None;
            }
        };
        match vm::compile_files(&names[0], &folder, &BuildLimits::default()) {
            Ok(compiled) => {
                let here = std::env::current_dir().unwrap_or_default();
                let shown = |source: &Source| {
                    let place = folder.path(&source.name);
                    let name = name_of(place.strip_prefix(&here).unwrap_or(&place));
                    Source::new(name, source.text.clone())
                };
                self.bundle.scripts.push(TestScript {
                    path: name_of(path),
                    script: Script::of(Arc::new(compiled.program)),
                    files: compiled.sources.iter().map(shown).collect(),
                });
                Some(self.bundle.scripts.len() - 1)
            }
            Err(rejected) => {
                self.errors.extend(rejected.rendered(output::colours()));
                None
            }
        }
    }

    /// Takes the scripts in a folder and below.
    fn look_around(&mut self, folder: &Path) {
        self.bundle.looked_around = true;
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        for path in modules_below(folder) {
            let Ok(text) = read(&path) else { continue };
            let source = Source::new(name_of(&path), text);
            match erase(&source, &BuildLimits::default()) {
                Ok(plain) if plain.makes_workers => {
                    self.script(&path);
                }
                // Something else that lies there; the test does not name it.
                Ok(_) => {}
                Err(_) if !source.text.contains("act(") => {}
                Err(diagnostics) => self.refuse(&source, &diagnostics),
            }
        }
    }

    fn refuse(&mut self, source: &Source, diagnostics: &[Diagnostic]) {
        let shown = diagnostics
            .iter()
            .map(|each| each.render(source, output::colours()));
        self.errors.extend(shown);
    }
}

fn name_of(path: &Path) -> String {
    plain(path).to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let bytes =
        std::fs::read(path).map_err(|error| format!("error: cannot read `{shown}`: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("error: `{shown}` is not UTF-8 text"))
}

/// The file that an import names: as it is written, with the ending that it leaves out, or the TypeScript
/// that its JavaScript would be made from.
fn resolve(from: &Path, import: &Import) -> Result<PathBuf, Box<Diagnostic>> {
    let specifier = &import.specifier;
    let refused = |message: String, hint: &str| {
        Box::new(Diagnostic::error(codes::IMPORT, import.span, message).with_hint(hint))
    };
    if !(specifier.starts_with("./") || specifier.starts_with("../")) {
        let message = format!("`{specifier}` is no local module");
        let hint = "a test imports files by `./` or `../` and the language as `troupe`; packages are not read";
        return Err(refused(message, hint));
    }
    let whole = plain(&from.parent().unwrap_or(Path::new("")).join(specifier));
    let with = |end: &str| PathBuf::from(format!("{}{end}", whole.display()));
    let typescript = whole.extension().is_some_and(|end| end == "js");
    let mut tried = vec![
        whole.clone(),
        with(".js"),
        with(".ts"),
        whole.join("index.js"),
        whole.join("index.ts"),
    ];
    if typescript {
        tried.push(whole.with_extension("ts"));
    }
    let found = tried.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        let message = format!("there is no file `{}`", whole.display());
        refused(
            message,
            "imports are relative to the file in which they stand",
        )
    })
}

/// A file of JSON as a module with a default export.
fn json_module(source: &Source) -> Result<Plain, Vec<Diagnostic>> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&source.text) {
        let message = format!("this is not JSON: {error}");
        return Err(vec![Diagnostic::error(
            codes::SYNTAX,
            Span::default(),
            message,
        )]);
    }
    Ok(Plain {
        text: format!("export default {};", source.text),
        imports: Vec::new(),
        exports: vec!["default".to_owned()],
        exports_more: false,
        makes_workers: false,
    })
}
