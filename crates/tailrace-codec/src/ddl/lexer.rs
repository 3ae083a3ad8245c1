//! Words, names, text and signs of a statement; comments and white space are left out.

use std::borrow::Cow;

use super::dialect::Dialect;

/// One token. Text and names are still as written; see [`unquote_name`] and [`unescape_text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or an unquoted name.
    Word(&'a str),
    /// A quoted name without its quotes, and the quote.
    Name(&'a str, char),
    /// Text without its quotes, and the quote.
    Text(&'a str, char),
    /// Decimal digits.
    Number(&'a str),
    /// `0x1F`, `X'1F'`, `0b1`, `B'1'`.
    Bits,
    /// Any other sign.
    Sign(char),
    /// The end of the statement.
    End,
    /// A quote or a comment that does not end.
    Broken,
}

/// Reads tokens one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
    /// Inside a version comment whose content counts.
    in_version_comment: bool,
}

impl<'a> Lexer<'a> {
    /// Begins at the start of `text`.
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { text, at: 0, dialect, in_version_comment: false }
    }

    /// What this statement is read as.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The next token and the byte offset where it begins.
    pub(super) fn next(&mut self) -> (usize, Token<'a>) {
        if !self.skip_space_and_comments() {
            self.at = self.text.len();
            return (self.at, Token::Broken);
        }
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return (start, Token::End) };
        let token = match first {
            '`' => self.quoted('`'),
            '\'' => self.quoted('\''),
            '"' => self.quoted('"'),
            _ if is_word_char(first) => self.word(),
            _ => {
                self.forward(first.len_utf8());
                Token::Sign(first)
            }
        };
        (start, token)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn forward(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    /// Returns false at a comment that does not end.
    fn skip_space_and_comments(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let space = rest.len().saturating_sub(rest.trim_start_matches(is_space).len());
            self.forward(space);
            let rest = self.rest();
            if rest.starts_with('#') || is_dash_comment(rest) {
                self.forward(rest.find('\n').unwrap_or(rest.len()));
            } else if let Some(inside) = rest.strip_prefix("/*") {
                if !self.comment(inside) {
                    return false;
                }
            } else if self.in_version_comment && rest.starts_with("*/") {
                self.in_version_comment = false;
                self.forward(2);
            } else if rest.starts_with('\0') {
                // Some clients send the closing zero of their string.
                self.forward(1);
            } else {
                return true;
            }
        }
    }

    /// Steps over a comment, or into a version comment that counts.
    fn comment(&mut self, inside: &str) -> bool {
        let mark = if inside.starts_with('!') {
            Some(1)
        } else if self.dialect.mariadb && inside.starts_with("M!") {
            Some(2)
        } else {
            None
        };
        if let Some(mark) = mark {
            let (version, digits) = leading_version(inside.get(mark..).unwrap_or_default());
            if self.counts(version, mark) {
                self.in_version_comment = true;
                self.forward(mark.saturating_add(digits).saturating_add(2));
                return true;
            }
        }
        match inside.find("*/") {
            Some(end) => {
                self.forward(end.saturating_add(4));
                true
            }
            None => false,
        }
    }

    /// Whether the content of a version comment is part of the statement. MariaDB takes MySQL's
    /// 5.7 to 9.x for another product's.
    fn counts(&self, version: Option<u32>, mark: usize) -> bool {
        let Some(version) = version else { return true };
        let foreign = self.dialect.mariadb && mark == 1 && (50_700..=99_999).contains(&version);
        version <= self.dialect.version && !foreign
    }

    fn quoted(&mut self, quote: char) -> Token<'a> {
        let is_name = quote == '`' || (quote == '"' && self.dialect.ansi_quotes);
        let escapes = !is_name && !self.dialect.no_backslash_escapes;
        self.forward(1);
        let start = self.at;
        let mut signs = self.rest().char_indices().peekable();
        while let Some((offset, sign)) = signs.next() {
            if escapes && sign == '\\' {
                signs.next();
            } else if sign == quote && signs.next_if(|(_, next)| *next == quote).is_none() {
                let inside = self.rest().get(..offset).unwrap_or_default();
                self.at = start.saturating_add(offset).saturating_add(1);
                return if is_name {
                    Token::Name(inside, quote)
                } else {
                    Token::Text(inside, quote)
                };
            }
        }
        self.at = self.text.len();
        Token::Broken
    }

    fn word(&mut self) -> Token<'a> {
        let rest = self.rest();
        let end = rest.find(|sign| !is_word_char(sign)).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        self.forward(end);
        if self.rest().starts_with('\'') {
            match word {
                "x" | "X" | "b" | "B" => {
                    let text = self.quoted('\'');
                    return if text == Token::Broken { text } else { Token::Bits };
                }
                "n" | "N" => return self.quoted('\''),
                _ => {}
            }
        }
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Token::Number(word);
        }
        let digits = |prefix: &str, radix: u32| {
            word.strip_prefix(prefix).is_some_and(|digits| {
                !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
            })
        };
        if digits("0x", 16) || digits("0b", 2) { Token::Bits } else { Token::Word(word) }
    }
}

/// The characters of unquoted names: ASCII letters and digits, `$`, `_` and all beyond ASCII.
fn is_word_char(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_' || sign == '$' || !sign.is_ascii()
}

/// White space beyond ASCII may stand in names.
fn is_space(sign: char) -> bool {
    sign.is_ascii_whitespace() || sign == '\u{B}'
}

/// `--` begins a comment only before white space, a control character or the end.
fn is_dash_comment(rest: &str) -> bool {
    let behind = rest.strip_prefix("--").map(|behind| behind.chars().next());
    behind.is_some_and(|next| next.is_none_or(|next| next.is_whitespace() || next.is_control()))
}

/// Five or six digits, and how many they are; fewer are no version.
fn leading_version(text: &str) -> (Option<u32>, usize) {
    let digits = text.bytes().take(6).take_while(u8::is_ascii_digit).count();
    if digits < 5 {
        return (None, 0);
    }
    (text.get(..digits).and_then(|version| version.parse().ok()), digits)
}

/// A quoted name with doubled quotes made single.
pub(super) fn unquote_name(inside: &str, quote: char) -> Cow<'_, str> {
    if inside.contains(quote) {
        return Cow::Owned(inside.replace(&format!("{quote}{quote}"), &quote.to_string()));
    }
    Cow::Borrowed(inside)
}

/// Text with its escapes resolved.
pub(super) fn unescape_text(inside: &str, quote: char, dialect: Dialect) -> String {
    let mut out = String::with_capacity(inside.len());
    let mut signs = inside.chars();
    while let Some(sign) = signs.next() {
        if sign == quote {
            // Doubled: the first stands for both.
            signs.next();
            out.push(quote);
        } else if sign == '\\' && !dialect.no_backslash_escapes {
            match signs.next() {
                Some('0') => out.push('\0'),
                Some('b') => out.push('\u{8}'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('Z') => out.push('\u{1A}'),
                // For LIKE: the backslash stays.
                Some(wildcard @ ('%' | '_')) => out.extend(['\\', wildcard]),
                Some(other) => out.push(other),
                None => out.push('\\'),
            }
        } else {
            out.push(sign);
        }
    }
    out
}
