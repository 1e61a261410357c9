//! A small lexer of Rust text, enough to find functions and string literals: it tells code from comments,
//! strings and character literals. It comes before the checks of sizes and error pages, never fails, and
//! leaves everything about grammar to the compiler.

/// Rust text, taken apart.
pub(crate) struct Scanned {
    /// The text with the inside of comments and literals blanked; line breaks stand where they stood.
    pub(crate) code: String,
    /// Each string literal with the number of the line on which it begins, from 1.
    pub(crate) strings: Vec<(usize, String)>,
}

/// Takes Rust text apart.
pub(crate) fn scan(source: &str) -> Scanned {
    let mut scanner = Scanner {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
        out: Scanned {
            code: String::with_capacity(source.len()),
            strings: Vec::new(),
        },
    };
    while scanner.at < scanner.chars.len() {
        scanner.step();
    }
    scanner.out
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    line: usize,
    out: Scanned,
}

impl Scanner {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn step(&mut self) {
        let after_word =
            self.at > 0 && matches!(self.chars[self.at - 1], c if c.is_alphanumeric() || c == '_');
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.line_comment(),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('r', '"' | '#') if !after_word => self.raw_string(1),
            ('b' | 'c', 'r') if !after_word && matches!(self.peek(2), '"' | '#') => {
                self.raw_string(2);
            }
            ('\'', '\\') => self.escaped_char(),
            ('\'', _) if self.peek(2) == '\'' => self.blank(3),
            _ => self.keep(),
        }
    }

    fn keep(&mut self) {
        let c = self.peek(0);
        self.line += usize::from(c == '\n');
        self.out.code.push(c);
        self.at += 1;
    }

    fn blank(&mut self, count: usize) {
        for _ in 0..count.min(self.chars.len() - self.at) {
            let newline = self.peek(0) == '\n';
            self.line += usize::from(newline);
            self.out.code.push(if newline { '\n' } else { ' ' });
            self.at += 1;
        }
    }

    fn line_comment(&mut self) {
        while self.at < self.chars.len() && self.peek(0) != '\n' {
            self.blank(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.blank(1);
                    continue;
                }
            }
            self.blank(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let (line, start) = (self.line, self.at + 1);
        self.blank(1);
        while self.at < self.chars.len() && self.peek(0) != '"' {
            self.blank(if self.peek(0) == '\\' { 2 } else { 1 });
        }
        self.out
            .strings
            .push((line, self.chars[start..self.at].iter().collect()));
        self.blank(1);
    }

    fn raw_string(&mut self, prefix: usize) {
        let hashes = (0..).take_while(|i| self.peek(prefix + i) == '#').count();
        if self.peek(prefix + hashes) != '"' {
            self.keep(); // A raw identifier such as `r#type`.
            return;
        }
        let line = self.line;
        self.blank(prefix + hashes + 1);
        let start = self.at;
        while self.at < self.chars.len() && !self.closes_raw(hashes) {
            self.blank(1);
        }
        self.out
            .strings
            .push((line, self.chars[start..self.at].iter().collect()));
        self.blank(1 + hashes);
    }

    fn closes_raw(&self, hashes: usize) -> bool {
        self.peek(0) == '"' && (1..=hashes).all(|i| self.peek(i) == '#')
    }

    fn escaped_char(&mut self) {
        self.blank(3);
        while self.at < self.chars.len() && self.peek(0) != '\'' {
            self.blank(1);
        }
        self.blank(1);
    }
}

#[test]
fn literals_and_comments_are_blanked_and_strings_are_listed() {
    let source = r###"let a = "x{\"}"; // } "no"
/* { /* { */ } */ let b = r#"y"}"#; let c = '{'; let d = '\''; let e: &'static str = "";
let r#type = b"E0001"; fn f() {}"###;
    let scanned = scan(source);
    assert_eq!(scanned.code.matches(['{', '}']).collect::<String>(), "{}");
    assert_eq!(scanned.code.lines().count(), source.lines().count());
    let strings: Vec<(usize, &str)> = scanned
        .strings
        .iter()
        .map(|(line, text)| (*line, text.as_str()))
        .collect();
    assert_eq!(
        strings,
        [(1, r#"x{\"}"#), (2, "y\"}"), (2, ""), (3, "E0001")]
    );
}
