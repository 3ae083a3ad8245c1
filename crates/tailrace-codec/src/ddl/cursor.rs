//! Looking at tokens one by one, and the small rules that all statements share.

use std::borrow::Cow;

use super::dialect::Dialect;
use super::lexer::{Lexer, Token, unescape_text, unquote_name};
use super::statement::{NotUnderstood, TableName};

/// What the parsing functions return.
pub(super) type Parsed<T> = Result<T, NotUnderstood>;

/// The place in a statement. Copy it to look ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    default_database: &'a str,
    lexer: Lexer<'a>,
    token: Token<'a>,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at the first token.
    pub(super) fn new(text: &'a str, default_database: &'a str, dialect: Dialect) -> Self {
        let mut lexer = Lexer::new(text, dialect);
        let (at, token) = lexer.next();
        Self { text, default_database, lexer, token, at }
    }

    /// What this statement is read as.
    pub(super) fn dialect(&self) -> Dialect {
        self.lexer.dialect()
    }

    /// The database of names without one.
    pub(super) fn default_database(&self) -> &'a str {
        self.default_database
    }

    /// The token here.
    pub(super) fn peek(&self) -> Token<'a> {
        self.token
    }

    /// Steps over the token here.
    pub(super) fn advance(&mut self) -> Token<'a> {
        let token = self.token;
        (self.at, self.token) = self.lexer.next();
        token
    }

    /// The token behind the one here.
    pub(super) fn peek_second(&self) -> Token<'a> {
        let mut ahead = *self;
        ahead.advance();
        ahead.peek()
    }

    /// The statement's text from here to its end.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether the keyword `word` (upper case) is here.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(here) if here.eq_ignore_ascii_case(word))
    }

    /// Whether one of the keywords is here.
    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Steps over the keyword, if it is here.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        if found {
            self.advance();
        }
        found
    }

    /// Steps over one of the keywords, if one is here.
    pub(super) fn eat_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.eat(word))
    }

    /// Steps over all the keywords, if they stand here one after the other; else over none.
    pub(super) fn eat_all(&mut self, words: &[&str]) -> bool {
        let mut ahead = *self;
        let found = words.iter().all(|word| ahead.eat(word));
        if found {
            *self = ahead;
        }
        found
    }

    /// Steps over the sign, if it is here.
    pub(super) fn eat_sign(&mut self, sign: char) -> bool {
        let found = self.token == Token::Sign(sign);
        if found {
            self.advance();
        }
        found
    }

    /// The keyword must be here.
    pub(super) fn expect(&mut self, word: &str) -> Parsed<()> {
        if self.eat(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    /// The sign must be here.
    pub(super) fn expect_sign(&mut self, sign: char) -> Parsed<()> {
        if self.eat_sign(sign) { Ok(()) } else { Err(self.expected(&format!("`{sign}`"))) }
    }

    /// What was expected here, and what is.
    pub(super) fn expected(&self, wanted: &str) -> NotUnderstood {
        NotUnderstood::at(self.rest(), self.at, wanted)
    }

    /// What stands here is known and beyond this module.
    pub(super) fn beyond(&self, what: &str) -> NotUnderstood {
        NotUnderstood::because(format!("{what} at byte {} is beyond what is tracked", self.at))
    }

    /// A name: a word or a quoted name.
    pub(super) fn name(&mut self) -> Parsed<Cow<'a, str>> {
        match self.token {
            Token::Word(word) => {
                self.advance();
                Ok(Cow::Borrowed(word))
            }
            Token::Name(inside, quote) => {
                self.advance();
                Ok(unquote_name(inside, quote))
            }
            _ => Err(self.expected("a name")),
        }
    }

    /// A name that may consist of digits, as behind a point.
    fn name_behind_point(&mut self) -> Parsed<Cow<'a, str>> {
        match self.token {
            Token::Number(digits) => {
                self.advance();
                Ok(Cow::Borrowed(digits))
            }
            _ => self.name(),
        }
    }

    /// `table`, `database.table` or `.table`.
    pub(super) fn table_name(&mut self) -> Parsed<TableName> {
        if self.eat_sign('.') {
            let table = self.name_behind_point()?;
            return Ok(TableName::new(self.default_database, table));
        }
        let first = self.name()?;
        if !self.eat_sign('.') {
            return Ok(TableName::new(self.default_database, first));
        }
        let table = self.name_behind_point()?;
        Ok(TableName::new(first, table))
    }

    /// A column's name, maybe behind those of its table and database, which are dropped.
    pub(super) fn column_name(&mut self) -> Parsed<String> {
        let mut name = self.name()?;
        while self.eat_sign('.') {
            name = self.name_behind_point()?;
        }
        Ok(name.into_owned())
    }

    /// Text, several literals side by side being one.
    pub(super) fn text(&mut self) -> Parsed<String> {
        let mut out = None::<String>;
        while let Token::Text(inside, quote) = self.token {
            self.advance();
            let piece = unescape_text(inside, quote, self.dialect());
            out.get_or_insert_default().push_str(&piece);
        }
        out.ok_or_else(|| self.expected("text"))
    }

    /// A character set or collation: a name or text.
    pub(super) fn name_or_text(&mut self) -> Parsed<String> {
        match self.token {
            Token::Text(..) => self.text(),
            _ => self.name().map(Cow::into_owned),
        }
    }

    /// A decimal number.
    pub(super) fn number(&mut self) -> Parsed<u64> {
        let number = match self.token {
            Token::Number(digits) => digits.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.expected("a number"))?;
        self.advance();
        Ok(number)
    }

    /// Steps over `( … )`, brackets inside being balanced.
    pub(super) fn skip_brackets(&mut self) -> Parsed<()> {
        self.expect_sign('(')?;
        let mut depth = 1_usize;
        while depth > 0 {
            match self.advance() {
                Token::Sign('(') => depth = depth.saturating_add(1),
                Token::Sign(')') => depth = depth.saturating_sub(1),
                Token::End | Token::Broken => return Err(self.expected("`)`")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Steps over one token, or over brackets with their content.
    pub(super) fn skip_item(&mut self) -> Parsed<()> {
        match self.token {
            Token::Sign('(') => self.skip_brackets(),
            Token::Broken => Err(self.expected("the end of a quote or comment")),
            // Nothing may follow; stepping over would also make long runs of them slow.
            Token::Sign(';') => Err(self.expected("the end")),
            _ => {
                self.advance();
                Ok(())
            }
        }
    }

    /// Whether the part of a list ends here: at a comma, a closing bracket or the end.
    pub(super) fn at_part_end(&self) -> bool {
        matches!(self.token, Token::Sign(',' | ')' | ';') | Token::End)
    }

    /// Steps to the end of a part of a list.
    pub(super) fn skip_part(&mut self) -> Parsed<()> {
        while !self.at_part_end() {
            self.skip_item()?;
        }
        Ok(())
    }

    /// Whether the statement ends here, but for semicolons.
    pub(super) fn at_end(&self) -> bool {
        let mut ahead = *self;
        while ahead.eat_sign(';') {}
        ahead.peek() == Token::End
    }

    /// The statement must end here.
    pub(super) fn expect_end(&self) -> Parsed<()> {
        if self.at_end() { Ok(()) } else { Err(self.expected("the end")) }
    }

    /// `IF EXISTS`
    pub(super) fn if_exists(&mut self) -> bool {
        self.eat_all(&["IF", "EXISTS"])
    }

    /// `IF NOT EXISTS`
    pub(super) fn if_not_exists(&mut self) -> bool {
        self.eat_all(&["IF", "NOT", "EXISTS"])
    }

    /// MariaDB's `WAIT n` or `NOWAIT`.
    pub(super) fn skip_wait(&mut self) {
        if !self.eat("NOWAIT") && self.is("WAIT") && matches!(self.peek_second(), Token::Number(_))
        {
            self.advance();
            self.advance();
        }
    }
}
