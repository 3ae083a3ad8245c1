//! ALTER TABLE and TRUNCATE TABLE.

use super::column_type::column_type;
use super::lexer::{Lexeme, Token, lexemes};
use crate::error::{DecodeError, Result};
use crate::oracle::OracleColumn;

/// A column that is modified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChange {
    /// Its name.
    pub name: String,
    /// Its new type; `None` if it keeps the one it has.
    pub column: Option<OracleColumn>,
    /// Whether it may be NULL from now on, if that is said.
    pub nullable: Option<bool>,
}

/// What becomes of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableChange {
    /// Columns come, behind those that are there.
    Add(Vec<OracleColumn>),
    /// Columns get another type, or are made to be NULL or not.
    Modify(Vec<ColumnChange>),
    /// Columns go.
    Drop(Vec<String>),
    /// Columns are seen no more; their values stay in the rows.
    SetUnused(Vec<String>),
    /// The values of all unused columns go.
    DropUnused,
    /// A column gets another name.
    Rename {
        /// Name until then.
        from: String,
        /// Name from then on.
        to: String,
    },
    /// All rows go.
    Truncate,
    /// Something that the target's table does not have, by its first words.
    Passed(String),
}

/// Clauses of ALTER TABLE that change nothing of what is replicated, by their first words: storage, logging, statistics,
/// constraints and their names, triggers, in-memory and parallel settings.
const PASSED: [&[&str]; 31] = [
    &["ADD", "CONSTRAINT"],
    &["ADD", "PRIMARY"],
    &["ADD", "UNIQUE"],
    &["ADD", "CHECK"],
    &["ADD", "FOREIGN"],
    &["ADD", "SUPPLEMENTAL"],
    &["ADD", "PARTITION"],
    &["ADD", "SUBPARTITION"],
    &["DROP", "CONSTRAINT"],
    &["DROP", "PRIMARY"],
    &["DROP", "UNIQUE"],
    &["DROP", "SUPPLEMENTAL"],
    &["MODIFY", "CONSTRAINT"],
    &["MODIFY", "PRIMARY"],
    &["MODIFY", "UNIQUE"],
    &["MODIFY", "DEFAULT"],
    &["MODIFY", "PARTITION"],
    &["RENAME", "CONSTRAINT"],
    &["RENAME", "PARTITION"],
    &["ENABLE"],
    &["DISABLE"],
    &["MOVE"],
    &["SHRINK"],
    &["PARALLEL"],
    &["NOPARALLEL"],
    &["CACHE"],
    &["NOCACHE"],
    &["LOGGING"],
    &["NOLOGGING"],
    &["PCTFREE"],
    &["INMEMORY"],
];

/// Reads a statement.
///
/// # Errors
/// For a statement that is neither ALTER TABLE nor TRUNCATE TABLE, and for clauses that are not known, with their words.
pub fn table_changes(sql: &str) -> Result<Vec<TableChange>> {
    let mut words = Words::new(sql)?;
    if words.eat_all(&["TRUNCATE", "TABLE"]) {
        return Ok(vec![TableChange::Truncate]);
    }
    if !words.eat_all(&["ALTER", "TABLE"]) {
        return Err(words.unknown("ALTER TABLE or TRUNCATE TABLE"));
    }
    words.name()?;
    while words.eat_mark('.') {
        words.name()?;
    }
    let mut changes = Vec::new();
    while !words.is_over() {
        if let Some(clause) = PASSED.iter().find(|clause| words.follow(clause)) {
            changes.push(TableChange::Passed(clause.join(" ")));
            // Whatever belongs to it, no column clause can follow it.
            return Ok(changes);
        }
        changes.push(clause(&mut words)?);
    }
    if changes.is_empty() {
        return Err(words.unknown("a clause"));
    }
    Ok(changes)
}

fn clause(words: &mut Words<'_>) -> Result<TableChange> {
    if words.eat("ADD") {
        words.eat("COLUMN");
        return list(words, added).map(TableChange::Add);
    }
    if words.eat("MODIFY") {
        words.eat("COLUMN");
        return list(words, modified).map(TableChange::Modify);
    }
    if words.eat_all(&["DROP", "COLUMN"]) {
        let name = words.name()?;
        options_of_drop(words);
        return Ok(TableChange::Drop(vec![name]));
    }
    if words.eat_all(&["SET", "UNUSED"]) {
        let is_one = words.eat("COLUMN");
        let names = if is_one { vec![words.name()?] } else { list(words, Words::name)? };
        options_of_drop(words);
        return Ok(TableChange::SetUnused(names));
    }
    if words.eat_all(&["DROP", "UNUSED"]) {
        if !words.eat("COLUMNS") {
            words.need("COLUMN")?;
        }
        options_of_drop(words);
        return Ok(TableChange::DropUnused);
    }
    let parts = ["PARTITION", "PARTITIONS", "SUBPARTITION", "SUBPARTITIONS"];
    let is_of_parts = parts.iter().any(|part| words.follow(&["DROP", part]));
    if words.follow(&["DROP"]) && !is_of_parts {
        words.next();
        let names = list(words, Words::name)?;
        options_of_drop(words);
        return Ok(TableChange::Drop(names));
    }
    if words.eat_all(&["RENAME", "COLUMN"]) {
        let from = words.name()?;
        words.need("TO")?;
        return Ok(TableChange::Rename { from, to: words.name()? });
    }
    Err(words.unknown("a clause that is known"))
}

fn options_of_drop(words: &mut Words<'_>) {
    for option in ["CASCADE", "CONSTRAINTS", "INVALIDATE", "ONLINE"] {
        words.eat(option);
    }
    if words.eat("CHECKPOINT") {
        words.next();
    }
}

/// One, or several in parentheses.
fn list<'t, T>(words: &mut Words<'t>, one: impl Fn(&mut Words<'t>) -> Result<T>) -> Result<Vec<T>> {
    if !words.eat_mark('(') {
        return Ok(vec![one(words)?]);
    }
    let mut all = Vec::new();
    loop {
        all.push(one(words)?);
        if !words.eat_mark(',') {
            break;
        }
    }
    words.need_mark(')')?;
    Ok(all)
}

fn added(words: &mut Words<'_>) -> Result<OracleColumn> {
    let name = words.name()?;
    let mut column = column_type(words, &name)?.ok_or_else(|| words.unknown("a type"))?;
    let said = attributes(words)?;
    column.nullable = said.nullable.unwrap_or(true);
    column.default = said.default;
    column.is_virtual = said.is_virtual;
    column.is_hidden = said.is_hidden;
    Ok(column)
}

fn modified(words: &mut Words<'_>) -> Result<ColumnChange> {
    let name = words.name()?;
    let column = column_type(words, &name)?;
    Ok(ColumnChange { name, column, nullable: attributes(words)?.nullable })
}

/// What is said of a column behind its type.
#[derive(Default)]
struct Attributes {
    nullable: Option<bool>,
    default: Option<String>,
    is_virtual: bool,
    is_hidden: bool,
}

fn attributes(words: &mut Words<'_>) -> Result<Attributes> {
    let mut said = Attributes::default();
    loop {
        if words.eat("DEFAULT") {
            if words.eat("ON") {
                words.need("NULL")?;
            }
            said.default = Some(words.expression());
        } else if words.eat_all(&["NOT", "NULL"]) {
            said.nullable = Some(false);
        } else if words.eat("NULL") {
            said.nullable = Some(true);
        } else if words.eat_all(&["GENERATED", "ALWAYS"]) || words.follow(&["AS"]) {
            words.eat("AS");
            said.is_virtual = true;
            words.expression();
            words.eat("VIRTUAL");
        } else if words.eat("INVISIBLE") {
            said.is_hidden = true;
        } else if words.eat("CONSTRAINT") {
            words.name()?;
        } else if words.eat_all(&["PRIMARY", "KEY"]) {
            said.nullable = Some(false);
        } else if words.eat("CHECK") || words.eat("REFERENCES") || words.eat("ENCRYPT") {
            words.expression();
        } else if ![
            "UNIQUE",
            "ENABLE",
            "DISABLE",
            "VALIDATE",
            "NOVALIDATE",
            "VISIBLE",
            "SORT",
            "RELY",
        ]
        .iter()
        .any(|word| words.eat(word))
        {
            return Ok(said);
        }
    }
}

/// The words of a statement, from the first on.
pub(super) struct Words<'t> {
    text: &'t str,
    lexemes: Vec<Lexeme<'t>>,
    at: usize,
}

impl<'t> Words<'t> {
    fn new(text: &'t str) -> Result<Self> {
        let mut lexemes = lexemes(text)?;
        lexemes.pop_if(|last| last.is_mark(';'));
        Ok(Self { text, lexemes, at: 0 })
    }

    fn is_over(&self) -> bool {
        self.at >= self.lexemes.len()
    }

    pub(super) fn next(&mut self) -> Option<&Lexeme<'t>> {
        let next = self.lexemes.get(self.at);
        self.at += 1;
        next
    }

    pub(super) fn peek_word(&self) -> Option<String> {
        match &self.lexemes.get(self.at)?.token {
            Token::Word(word) => Some(word.to_string()),
            _ => None,
        }
    }

    fn follow(&self, words: &[&str]) -> bool {
        let there = |(place, word): (usize, &&str)| {
            self.lexemes.get(self.at + place).is_some_and(|lexeme| lexeme.is(word))
        };
        words.iter().enumerate().all(there)
    }

    pub(super) fn eat(&mut self, word: &str) -> bool {
        self.eat_all(&[word])
    }

    pub(super) fn eat_all(&mut self, words: &[&str]) -> bool {
        let there = self.follow(words);
        if there {
            self.at += words.len();
        }
        there
    }

    pub(super) fn eat_mark(&mut self, mark: char) -> bool {
        let there = self.lexemes.get(self.at).is_some_and(|lexeme| lexeme.is_mark(mark));
        self.at += usize::from(there);
        there
    }

    pub(super) fn need(&mut self, word: &str) -> Result<()> {
        if self.eat(word) { Ok(()) } else { Err(self.unknown(word)) }
    }

    pub(super) fn need_mark(&mut self, mark: char) -> Result<()> {
        if self.eat_mark(mark) { Ok(()) } else { Err(self.unknown(&mark.to_string())) }
    }

    fn name(&mut self) -> Result<String> {
        let name = self.lexemes.get(self.at).and_then(Lexeme::name);
        let name = name.ok_or_else(|| self.unknown("a name"))?;
        self.at += 1;
        Ok(name)
    }

    /// A whole number with its sign.
    pub(super) fn number(&mut self) -> Result<i32> {
        let is_negative = self.eat_mark('-');
        let digits = match self.lexemes.get(self.at).map(|lexeme| &lexeme.token) {
            Some(Token::Number(digits)) => digits.parse::<i32>().ok(),
            _ => None,
        };
        let number = digits.ok_or_else(|| self.unknown("a number"))?;
        self.at += 1;
        Ok(if is_negative { -number } else { number })
    }

    /// The text of an expression: up to a comma or a parenthesis that closes around it, or to what may follow it.
    fn expression(&mut self) -> String {
        const ENDS: [&str; 9] = [
            "NOT",
            "NULL",
            "CONSTRAINT",
            "PRIMARY",
            "UNIQUE",
            "CHECK",
            "ENABLE",
            "VIRTUAL",
            "REFERENCES",
        ];
        let begin = self.at;
        let mut depth = 0_usize;
        while let Some(lexeme) = self.lexemes.get(self.at) {
            match &lexeme.token {
                Token::Mark('(') => depth += 1,
                Token::Mark(')') if depth == 0 => break,
                Token::Mark(')') => depth -= 1,
                Token::Mark(',') if depth == 0 => break,
                // `DEFAULT NULL` is an expression, and so is what stands first.
                Token::Word(word)
                    if depth == 0 && self.at > begin && ENDS.contains(&word.as_ref()) =>
                {
                    break;
                }
                _ => {}
            }
            self.at += 1;
        }
        match (
            self.lexemes.get(begin),
            self.at.checked_sub(1).and_then(|last| self.lexemes.get(last)),
        ) {
            (Some(first), Some(last)) if begin < self.at => {
                self.text[first.start..last.end].to_owned()
            }
            _ => String::new(),
        }
    }

    pub(super) fn unknown(&self, wanted: &str) -> DecodeError {
        let at = self.lexemes.get(self.at).map_or(self.text.len(), |lexeme| lexeme.start);
        let shown: String = self.text[at..].chars().take(40).collect();
        DecodeError::new("definition", at, format!("{wanted} was expected, and there is {shown:?}"))
    }
}
