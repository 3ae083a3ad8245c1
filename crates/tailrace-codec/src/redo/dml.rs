//! Statements that change a row.

use super::scan::{Scan, Span};
use super::value::{Literal, Name, Value, literal};
use crate::error::{DecodeError, Result};

/// Columns of one statement: Oracle's tables have at most 4 096 (Database Reference, logical database limits).
const COLUMNS_MAX: usize = 4096;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DmlKind {
    /// `insert into`
    #[default]
    Insert,
    /// `update`
    Update,
    /// `delete from`
    Delete,
}

/// A change of one row, as places in the statement's text. Made once and filled again and again.
#[derive(Debug, Clone, Default)]
pub struct Dml {
    kind: DmlKind,
    owner: Span,
    table: Span,
    values: Vec<(Span, Literal)>,
    conditions: Vec<(Span, Literal)>,
    row_id: Option<Span>,
}

impl Dml {
    /// Reads a statement.
    ///
    /// # Errors
    /// With the place, and what should be there, for a text of another shape; what was read before is gone then.
    pub fn parse(&mut self, text: &str) -> Result<()> {
        self.values.clear();
        self.conditions.clear();
        self.row_id = None;
        let mut scan = Scan::new(text)?;
        scan.blanks();
        match scan.peek() {
            Some(b'i' | b'I') => self.insert(&mut scan),
            Some(b'u' | b'U') => self.update(&mut scan),
            Some(b'd' | b'D') => self.delete(&mut scan),
            _ => Err(scan.expected("insert, update or delete")),
        }
    }

    /// What the statement does.
    pub fn kind(&self) -> DmlKind {
        self.kind
    }

    /// The table's owner.
    pub fn owner<'t>(&self, text: &'t str) -> Name<'t> {
        Name(self.owner.of(text))
    }

    /// The table.
    pub fn table<'t>(&self, text: &'t str) -> Name<'t> {
        Name(self.table.of(text))
    }

    /// Whether LogMiner's dictionary did not know the table: it then has numbers for names and bytes for values.
    pub fn is_unresolved(&self, text: &str) -> bool {
        self.owner.of(text) == "UNKNOWN" && self.table.of(text).starts_with("OBJ# ")
    }

    /// The row's place, `ROWID = '…'`, if it is said.
    pub fn row_id<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.row_id.map(|span| span.of(text))
    }

    /// The columns of an inserted row, or those that an update sets.
    pub fn values<'t>(
        &self,
        text: &'t str,
    ) -> impl ExactSizeIterator<Item = (Name<'t>, Value<'t>)> {
        pairs(&self.values, text)
    }

    /// The columns of an updated or deleted row as they were, as far as they are said.
    pub fn conditions<'t>(
        &self,
        text: &'t str,
    ) -> impl ExactSizeIterator<Item = (Name<'t>, Value<'t>)> {
        pairs(&self.conditions, text)
    }

    fn insert(&mut self, scan: &mut Scan<'_>) -> Result<()> {
        self.kind = DmlKind::Insert;
        scan.need_word("insert", "insert")?;
        scan.need_word("into", "into")?;
        self.target(scan)?;
        if scan.eat_word("values") {
            self.assignments(scan, None)?;
            return scan.end();
        }
        scan.need(b'(', "the names of columns")?;
        loop {
            let name = scan.name()?;
            push(&mut self.values, (name, Literal::NULL), scan)?;
            if !scan.eat(b',') {
                break;
            }
        }
        scan.need(b')', "the end of the names")?;
        scan.need_word("values", "values")?;
        scan.need(b'(', "the values")?;
        let names = self.values.len();
        for (place, (_, value)) in self.values.iter_mut().enumerate() {
            *value = literal(scan)?;
            if place + 1 < names {
                scan.need(b',', "a value for each name")?;
            }
        }
        scan.need(b')', "the end of the values")?;
        scan.end()
    }

    fn update(&mut self, scan: &mut Scan<'_>) -> Result<()> {
        self.kind = DmlKind::Update;
        scan.need_word("update", "update")?;
        self.target(scan)?;
        let alias = alias(scan, "set");
        scan.need_word("set", "set")?;
        self.assignments(scan, alias)?;
        self.where_(scan, alias)?;
        scan.end()
    }

    /// `"NAME" = value, …`: what an update sets, and with `PRINT_PRETTY_SQL` what an insert has.
    fn assignments(&mut self, scan: &mut Scan<'_>, alias: Option<Span>) -> Result<()> {
        loop {
            let name = column(scan, alias)?;
            let value = equal_to(scan)?;
            push(&mut self.values, (name, value), scan)?;
            if !scan.eat(b',') {
                return Ok(());
            }
        }
    }

    fn delete(&mut self, scan: &mut Scan<'_>) -> Result<()> {
        self.kind = DmlKind::Delete;
        scan.need_word("delete", "delete")?;
        scan.need_word("from", "from")?;
        self.target(scan)?;
        let alias = alias(scan, "where");
        self.where_(scan, alias)?;
        scan.end()
    }

    fn target(&mut self, scan: &mut Scan<'_>) -> Result<()> {
        self.owner = scan.name()?;
        scan.need(b'.', "a dot behind the owner")?;
        self.table = scan.name()?;
        Ok(())
    }

    /// The condition, if there is one.
    fn where_(&mut self, scan: &mut Scan<'_>, alias: Option<Span>) -> Result<()> {
        if scan.eat_word("where") {
            conditions(scan, alias, &mut self.conditions, &mut self.row_id)?;
        }
        Ok(())
    }
}

/// Reads conditions that are joined by `and`.
pub(super) fn conditions(
    scan: &mut Scan<'_>,
    alias: Option<Span>,
    into: &mut Vec<(Span, Literal)>,
    row_id: &mut Option<Span>,
) -> Result<()> {
    loop {
        scan.blanks();
        // Nearly all begin with a name.
        let is_row_id = scan.peek() != Some(b'"') && is_row_id(scan, alias);
        if is_row_id {
            scan.need(b'=', "an equal sign")?;
            *row_id = Some(scan.quoted(b'\'', "a ROWID in quotes")?.0);
        } else {
            let name = column(scan, alias)?;
            let value = equal_to(scan)?;
            push(into, (name, value), scan)?;
        }
        if !scan.eat_word("and") {
            return Ok(());
        }
    }
}

/// `= value` or `IS NULL`.
fn equal_to(scan: &mut Scan<'_>) -> Result<Literal> {
    if scan.eat(b'=') {
        return literal(scan);
    }
    scan.need_word("IS", "an equal sign or IS NULL")?;
    scan.need_word("NULL", "NULL")?;
    Ok(Literal::NULL)
}

/// Steps over `ROWID` with the alias before it, if that is there.
fn is_row_id(scan: &mut Scan<'_>, alias: Option<Span>) -> bool {
    let at = scan.at;
    if let Some(alias) = alias
        && scan.bytes[at..].starts_with(&scan.bytes[alias.start as usize..alias.end as usize])
    {
        scan.at += (alias.end - alias.start) as usize;
        if !scan.eat(b'.') {
            scan.at = at;
        }
    }
    let is_there = scan.eat_word("ROWID");
    if !is_there {
        scan.at = at;
    }
    is_there
}

/// A table's alias before the next keyword: tables with objects have one.
pub(super) fn alias(scan: &mut Scan<'_>, keyword: &str) -> Option<Span> {
    let at = scan.at;
    let is_keyword = scan.eat_word(keyword);
    scan.at = at;
    if is_keyword { None } else { scan.word() }
}

/// A column's name, with the alias and a dot before it.
fn column(scan: &mut Scan<'_>, alias: Option<Span>) -> Result<Span> {
    scan.blanks();
    if let Some(alias) = alias
        && scan.peek() != Some(b'"')
    {
        let word = &scan.bytes[alias.start as usize..alias.end as usize];
        if !scan.bytes[scan.at..].starts_with(word) {
            return Err(scan.expected("a column"));
        }
        scan.at += word.len();
        scan.need(b'.', "a dot behind the alias")?;
    }
    scan.name()
}

fn push(into: &mut Vec<(Span, Literal)>, pair: (Span, Literal), scan: &Scan<'_>) -> Result<()> {
    if into.len() == COLUMNS_MAX {
        let reason = format!("more than {COLUMNS_MAX} columns");
        return Err(DecodeError::new("SQL_REDO", scan.at, reason));
    }
    into.push(pair);
    Ok(())
}

pub(super) fn pairs<'t>(
    pairs: &[(Span, Literal)],
    text: &'t str,
) -> impl ExactSizeIterator<Item = (Name<'t>, Value<'t>)> {
    pairs.iter().map(move |(name, literal)| (Name(name.of(text)), Value::of(*literal, text)))
}
