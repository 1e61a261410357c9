//! Bounds the nesting of a source before the parser sees it.
//!
//! Before: `parse`. After: the parser, the scope analysis and this compiler, which all recurse over
//! nested source on the node's own stack. Guarantees: whatever the text, their recursion is at most
//! about twice the limit; correct programs of ordinary shape are far below it.
//! How: a scanner that knows texts, templates, comments and regular expressions counts brackets, and
//! inside each pair the operators and statement heads since the last point where a parser is back at
//! the level of the bracket. It need not know the grammar, only never count too little.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::limits::{BuildLimit, BuildLimits};
use crate::source::Span;

/// A bracket costs the parser about as much stack as this many operators.
const BRACKET_WEIGHT: u32 = 5;

/// What stands before the current token: it decides what `/` means and where a statement ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// The end of an operand.
    Operand,
    /// The end of a block, or of an object literal.
    Block,
    /// Anything behind which an operand follows.
    Operator,
    /// A dot: a name follows, whatever it is.
    Dot,
    /// A word that is an operator or a name: what follows, nobody knows.
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bracket {
    Round { is_header: bool },
    Other,
    Template,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    bracket: Bracket,
    /// Statement heads since the last end of a statement.
    heads: u32,
    /// Operators since the last end of a statement or comma.
    operators: u32,
    /// Behind a semicolon: an `else` goes on, anything else begins anew.
    ended: bool,
    /// Behind `case` or `default`: the next colon is no label.
    in_case: bool,
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    before: Before,
    newline: bool,
    /// The last word was `if`, `while`, `for` or `with`.
    header: bool,
    levels: Vec<Level>,
    total: u32,
    max: u32,
}

/// Refuses a text that nests too deep, with the place where it does.
pub(super) fn check(text: &str, limits: &BuildLimits) -> Result<(), Box<Diagnostic>> {
    let base = Level {
        bracket: Bracket::Other,
        heads: 0,
        operators: 0,
        ended: false,
        in_case: false,
    };
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
        before: Before::Operator,
        newline: false,
        header: false,
        levels: vec![base],
        total: 0,
        max: limits.nesting_depth.saturating_mul(BRACKET_WEIGHT),
    };
    if text.starts_with("#!") {
        scanner.skip_line();
    }
    while scanner.at < scanner.bytes.len() {
        let start = scanner.at;
        if !scanner.token() {
            return Err(Box::new(ambiguous_slash(start)));
        }
        if scanner.total > scanner.max {
            let span = Span::new(start as u32, start as u32 + 1);
            let diagnostic = Diagnostic::error(
                codes::LIMIT_NESTING,
                span,
                BuildLimit::NestingDepth.message(limits),
            );
            return Err(Box::new(
                diagnostic.with_hint("give parts of it names: `const part = …`"),
            ));
        }
    }
    Ok(())
}

fn ambiguous_slash(at: usize) -> Diagnostic {
    let span = Span::new(at as u32, at as u32 + 1);
    let message = "a `/` behind this could be a division or a regular expression";
    Diagnostic::error(codes::SYNTAX, span, message)
        .with_hint("put what stands before it in parentheses, or `;` before a regular expression that begins a statement")
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn level(&mut self) -> &mut Level {
        self.levels
            .last_mut()
            .expect("the outermost level is never closed")
    }

    fn count_operator(&mut self) {
        self.level().operators += 1;
        self.total += 1;
    }

    fn count_head(&mut self) {
        self.level().heads += 1;
        self.total += 1;
    }

    fn end_expression(&mut self) {
        let operators = std::mem::take(&mut self.level().operators);
        self.total -= operators;
    }

    fn end_statement(&mut self) {
        self.end_expression();
        let heads = std::mem::take(&mut self.level().heads);
        self.total -= heads;
        self.level().ended = false;
        self.level().in_case = false;
    }

    fn open(&mut self, bracket: Bracket) {
        self.levels.push(Level {
            bracket,
            heads: 0,
            operators: 0,
            ended: false,
            in_case: false,
        });
        self.total += BRACKET_WEIGHT;
    }

    /// Closes the innermost bracket; one too many is the parser's business.
    fn close(&mut self) -> Option<Bracket> {
        if self.levels.len() == 1 {
            return None;
        }
        let level = self.levels.pop()?;
        self.total -= BRACKET_WEIGHT + level.heads + level.operators;
        Some(level.bracket)
    }

    fn skip_line(&mut self) {
        while self.at < self.bytes.len() && !matches!(self.bytes[self.at], b'\n' | b'\r') {
            // U+2028 and U+2029 end a line too.
            if self.bytes[self.at..].starts_with(&[0xe2, 0x80])
                && matches!(self.peek(2), 0xa8 | 0xa9)
            {
                break;
            }
            self.at += 1;
        }
    }

    /// Takes one token; false where the meaning of a slash cannot be told.
    fn token(&mut self) -> bool {
        match self.peek(0) {
            b'\n' | b'\r' => {
                self.newline = true;
                self.at += 1;
                return true;
            }
            b' ' | b'\t' | 0x0b | 0x0c => {
                self.at += 1;
                return true;
            }
            b'/' if self.peek(1) == b'/' => {
                self.skip_line();
                return true;
            }
            b'/' if self.peek(1) == b'*' => {
                self.block_comment();
                return true;
            }
            _ if self.unicode_space() => return true,
            b'/' => return self.slash(),
            byte @ (b'\'' | b'"') => self.text(byte),
            b'`' => self.template_start(),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            byte if is_name(byte) => self.word(),
            _ => self.punctuation(),
        }
        self.newline = false;
        true
    }

    fn unicode_space(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        let spaces: [&[u8]; 4] = [
            &[0xc2, 0xa0],
            &[0xef, 0xbb, 0xbf],
            &[0xe2, 0x80, 0xa8],
            &[0xe2, 0x80, 0xa9],
        ];
        let Some(found) = spaces.iter().find(|space| rest.starts_with(space)) else {
            return false;
        };
        self.newline |= found.len() == 3 && found[0] == 0xe2;
        self.at += found.len();
        true
    }

    fn block_comment(&mut self) {
        self.at += 2;
        while self.at < self.bytes.len() && !(self.peek(0) == b'*' && self.peek(1) == b'/') {
            self.newline |= matches!(self.peek(0), b'\n' | b'\r');
            self.at += 1;
        }
        self.at = (self.at + 2).min(self.bytes.len());
    }

    /// Called before a token that begins an operand or a statement.
    fn begin_operand(&mut self, goes_on: bool) {
        let ended = self.level().ended;
        let boundary =
            self.before == Before::Block || (self.before == Before::Operand && self.newline);
        if (ended || boundary) && !goes_on {
            self.end_statement();
        }
        self.level().ended = false;
    }

    fn text(&mut self, quote: u8) {
        self.begin_operand(false);
        self.at += 1;
        while self.at < self.bytes.len() && !matches!(self.bytes[self.at], b'\n' | b'\r') {
            let byte = self.bytes[self.at];
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                break;
            }
        }
        self.before = Before::Operand;
    }

    fn template_start(&mut self) {
        if self.before == Before::Operand {
            self.count_operator();
        }
        self.begin_operand(false);
        self.at += 1;
        self.template_text();
    }

    fn template_text(&mut self) {
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                b'`' => {
                    self.at += 1;
                    self.before = Before::Operand;
                    return;
                }
                b'\\' => self.at += 2,
                b'$' if self.peek(1) == b'{' => {
                    self.at += 2;
                    self.open(Bracket::Template);
                    self.before = Before::Operator;
                    return;
                }
                _ => self.at += 1,
            }
        }
    }

    fn number(&mut self) {
        self.begin_operand(false);
        while matches!(self.peek(0), b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.') {
            self.at += 1;
        }
        self.before = Before::Operand;
    }

    fn word(&mut self) {
        let start = self.at;
        while is_name(self.peek(0)) && self.at < self.bytes.len() {
            if self.peek(0) == b'\\' && self.peek(2) == b'{' {
                self.at += 2;
                while self.at < self.bytes.len() && self.peek(0) != b'}' {
                    self.at += 1;
                }
            }
            self.at += 1;
        }
        let word = self.bytes[start..self.at.min(self.bytes.len())].to_vec();
        if self.before == Before::Dot {
            self.before = Before::Operand;
            return;
        }
        let goes_on = matches!(
            &word[..],
            b"else"
                | b"catch"
                | b"finally"
                | b"in"
                | b"of"
                | b"instanceof"
                | b"as"
                | b"satisfies"
                | b"extends"
        );
        let of = self.of();
        self.begin_operand(goes_on);
        self.header = matches!(&word[..], b"if" | b"while" | b"for" | b"with");
        match &word[..] {
            b"if" | b"else" | b"while" | b"for" | b"do" | b"with" => {
                self.count_head();
                self.before = Before::Operator;
            }
            b"case" | b"default" => {
                self.level().in_case = true;
                self.before = Before::Operator;
            }
            b"typeof" | b"void" | b"delete" | b"new" | b"in" | b"instanceof" | b"await"
            | b"yield" | b"extends" => {
                self.count_operator();
                self.before = Before::Operator;
            }
            b"return" | b"throw" => self.before = Before::Operator,
            b"of" => {
                self.count_operator();
                self.before = of;
            }
            b"as" | b"satisfies" | b"keyof" | b"infer" | b"readonly" | b"unique" | b"is"
            | b"asserts" => {
                self.count_operator();
                self.before = Before::Operand;
            }
            _ => self.before = Before::Operand,
        }
    }

    /// What `of` is here: the operator of a loop behind its variable, else a name.
    fn of(&self) -> Before {
        match self.before {
            Before::Operand | Before::Block if self.newline => Before::Either,
            Before::Operand | Before::Block => Before::Operator,
            _ => Before::Operand,
        }
    }

    fn slash(&mut self) -> bool {
        match self.before {
            Before::Block | Before::Either => return false,
            Before::Operand | Before::Dot => {
                self.at += 1;
                self.operator();
            }
            Before::Operator => {
                self.begin_operand(false);
                self.regular_expression();
            }
        }
        self.newline = false;
        true
    }

    fn regular_expression(&mut self) {
        self.at += 1;
        let mut in_class = false;
        while self.at < self.bytes.len() && !matches!(self.bytes[self.at], b'\n' | b'\r') {
            let byte = self.bytes[self.at];
            self.at += if byte == b'\\' { 2 } else { 1 };
            match byte {
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                _ => {}
            }
        }
        while is_name(self.peek(0)) && self.at < self.bytes.len() {
            self.at += 1;
        }
        self.before = Before::Operand;
    }

    fn operator(&mut self) {
        self.level().ended = false;
        self.count_operator();
        self.before = Before::Operator;
    }

    fn punctuation(&mut self) {
        let byte = self.peek(0);
        self.at += 1;
        match byte {
            b'(' | b'[' => self.opening(byte),
            b'{' => {
                self.begin_operand(false);
                self.open(Bracket::Other);
                self.before = Before::Operator;
            }
            b')' | b']' => {
                let closed = self.close();
                let is_header = closed == Some(Bracket::Round { is_header: true });
                self.before = if is_header {
                    Before::Operator
                } else {
                    Before::Operand
                };
            }
            b'}' => match self.close() {
                Some(Bracket::Template) => self.template_text(),
                _ => self.before = Before::Block,
            },
            b',' => {
                self.end_expression();
                self.before = Before::Operator;
            }
            b';' => {
                self.level().ended = true;
                self.before = Before::Operator;
            }
            b':' => {
                if !std::mem::take(&mut self.level().in_case) {
                    self.count_operator();
                }
                self.before = Before::Operator;
            }
            b'+' | b'-' => self.plus_or_minus(byte),
            b'!' => self.exclamation(),
            b'.' => self.dot(),
            _ => {
                while matches!(
                    self.peek(0),
                    b'=' | b'&' | b'|' | b'*' | b'<' | b'>' | b'?' | b'^' | b'%'
                ) && byte != b'~'
                {
                    self.at += 1;
                }
                self.operator();
            }
        }
    }

    fn opening(&mut self, byte: u8) {
        let is_header = std::mem::take(&mut self.header) && byte == b'(';
        if matches!(self.before, Before::Operand | Before::Block) {
            self.count_operator();
        } else {
            self.begin_operand(false);
        }
        self.open(if byte == b'(' {
            Bracket::Round { is_header }
        } else {
            Bracket::Other
        });
        self.before = Before::Operator;
    }

    fn plus_or_minus(&mut self, byte: u8) {
        let is_step = self.peek(0) == byte;
        self.at += usize::from(is_step);
        let is_postfix = is_step && self.before == Before::Operand && !self.newline;
        self.operator();
        if is_postfix {
            self.before = Before::Operand;
        }
    }

    fn exclamation(&mut self) {
        let is_postfix = self.before == Before::Operand && !self.newline && self.peek(0) != b'=';
        while self.peek(0) == b'=' {
            self.at += 1;
        }
        self.operator();
        if is_postfix {
            self.before = Before::Operand;
        }
    }

    fn dot(&mut self) {
        if self.peek(0) == b'.' && self.peek(1) == b'.' {
            self.at += 2;
            self.before = Before::Operator;
            return;
        }
        self.operator();
        self.before = Before::Dot;
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'$' | b'\\' | b'#' | b'@')
        || byte >= 0x80
}
