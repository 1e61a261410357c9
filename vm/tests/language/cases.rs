//! Reads Markdown pages of cases, and writes them back with other expectations.
//!
//! A case begins with a heading; a heading without a script is only a section. Fenced blocks are found by
//! their three backticks at the beginning of a line; everything else is prose and stays as it is.

use std::collections::BTreeMap;

use super::is_expectation;

/// A fenced block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The word behind the backticks.
    pub(crate) language: String,
    /// The path behind it, where the block is a file beside the script.
    pub(crate) path: Option<String>,
    /// The text inside, each line ended.
    pub(crate) body: String,
}

/// One page.
pub(crate) struct Document {
    /// All fenced blocks in order.
    pub(crate) blocks: Vec<Block>,
    /// All cases in order.
    pub(crate) cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    /// Its heading.
    pub(crate) title: String,
    /// The script.
    pub(crate) script: Option<Block>,
    /// Files beside it, by their paths: their blocks have the path behind the language.
    pub(crate) files: BTreeMap<String, String>,
    /// The rules of `docs/language.md` that it shows: its line `Rules: L1.2, L3.4`.
    pub(crate) rules: Vec<String>,
    /// The lines of the message file.
    pub(crate) messages: String,
    run: String,
    /// Expectations, with their place among the blocks of the page.
    pub(crate) expectations: Vec<(usize, Block)>,
}

impl Document {
    /// Reads a page.
    pub(crate) fn parse(text: &str) -> Document {
        let mut document = Document {
            blocks: Vec::new(),
            cases: Vec::new(),
        };
        let mut open: Option<Block> = None;
        for line in text.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(language)) => {
                    let mut words = language.split_whitespace().map(str::to_owned);
                    open = Some(Block {
                        language: words.next().unwrap_or_default(),
                        path: words.next(),
                        body: String::new(),
                    });
                }
                (Some(_), Some("")) => document.blocks.extend(open.take()),
                (Some(block), _) => {
                    block.body.push_str(line);
                    block.body.push('\n');
                    continue;
                }
                (None, None) if line.starts_with('#') => {
                    let title = line.trim_start_matches('#').trim().to_owned();
                    document.cases.push(Case {
                        title,
                        ..Case::default()
                    });
                    continue;
                }
                (None, None) => {
                    document.add_rules(line);
                    continue;
                }
            }
            if open.is_none() {
                document.add_last_block();
            }
        }
        document.cases.retain(|case| case.script.is_some());
        document
    }

    fn add_rules(&mut self, line: &str) {
        if let (Some(case), Some(rules)) = (self.cases.last_mut(), line.strip_prefix("Rules: ")) {
            case.rules.extend(rules.split(", ").map(str::to_owned));
        }
    }

    fn add_last_block(&mut self) {
        let at = self.blocks.len() - 1;
        let block = self.blocks[at].clone();
        let Some(case) = self.cases.last_mut() else {
            return;
        };
        if let Some(path) = block.path {
            case.files.insert(path, block.body);
            return;
        }
        match block.language.as_str() {
            "js" | "ts" => case.script = Some(block),
            "messages" => case.messages = block.body,
            "run" => case.run = block.body,
            _ if is_expectation(&block) => case.expectations.push((at, block)),
            _ => {}
        }
    }
}

impl Case {
    /// The file name of the script, from the title: its first word that can be a name.
    pub(crate) fn file_name(&self) -> String {
        let word = self
            .title
            .split(|character: char| !character.is_ascii_alphanumeric())
            .find(|word| !word.is_empty());
        word.unwrap_or("case").to_lowercase()
    }

    /// The flags of the run: `--name value`, one a line.
    pub(crate) fn flags(&self) -> Vec<(String, String)> {
        let split = |line: &str| {
            let (flag, value) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            (flag.to_owned(), value.trim().to_owned())
        };
        self.run
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(split)
            .collect()
    }
}
