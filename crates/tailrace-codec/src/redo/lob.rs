//! What LogMiner tells of large objects: blocks of PL/SQL that find a locator, write, trim or erase.
//!
//! ```text
//! DECLARE
//!  loc_c CLOB;
//!  …
//! BEGIN
//!  select "NOTE" into loc_c from "HR"."EMP" where "ID" = '1' and ROWID = 'AAASPkAAEAAAAF7AAA' for update;
//!
//!  buf_c := 'piece';
//!   dbms_lob.write(loc_c, 5, 1, buf_c);
//! END;
//! ```
//!
//! Operations SEL_LOB_LOCATOR (9), LOB_WRITE (10), LOB_TRIM (11) and LOB_ERASE (29) of `V$LOGMNR_CONTENTS`. A row of one of
//! them has the whole block or a part of it.

use super::dml::{alias, conditions, pairs};
use super::scan::{Scan, Span};
use super::value::{Form, Literal, Name, Value, literal};
use crate::error::{DecodeError, Result};

/// What is done to the large object that was found last. Places begin with 1; they and lengths count characters of a CLOB
/// (UTF-16 units) and bytes of a BLOB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LobAction<'t> {
    /// `dbms_lob.write`: this data from this place on.
    Write {
        /// Text, pieces or `HEXTORAW`.
        data: Value<'t>,
        /// Length that is said.
        length: u64,
        /// First place.
        offset: u64,
    },
    /// `dbms_lob.erase`: blanks or zeros over so many from this place on.
    Erase {
        /// How many.
        length: u64,
        /// First place.
        offset: u64,
    },
    /// `dbms_lob.trim`: only so many stay.
    Trim {
        /// How many.
        length: u64,
    },
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Write(Literal, u64, u64),
    Erase(u64, u64),
    Trim(u64),
}

/// A step on a large object, as places in the block's text. Made once and filled again and again.
#[derive(Debug, Clone, Default)]
pub struct LobStep {
    /// Column, owner and table of the locator.
    locator: Option<(Span, Span, Span)>,
    conditions: Vec<(Span, Literal)>,
    row_id: Option<Span>,
    action: Option<Action>,
}

impl LobStep {
    /// Reads a block, or a part of one.
    ///
    /// # Errors
    /// With the place, and what should be there, for a text of another shape, and for one that says nothing.
    pub fn parse(&mut self, text: &str) -> Result<()> {
        self.locator = None;
        self.conditions.clear();
        self.row_id = None;
        self.action = None;
        let mut scan = Scan::new(text)?;
        if scan.eat_word("DECLARE") {
            declarations(&mut scan)?;
        }
        let mut block = Block::default();
        loop {
            scan.blanks();
            if scan.peek().is_none() {
                break;
            }
            if scan.eat_word("BEGIN") || scan.eat(b';') {
                continue;
            }
            if scan.eat_word("END") {
                scan.end()?;
                break;
            }
            if scan.eat_word("select") {
                self.select(&mut scan)?;
            } else {
                self.statement(&mut scan, &mut block)?;
            }
        }
        if self.locator.is_none() && self.action.is_none() {
            return Err(scan.expected("a locator or a step on a large object"));
        }
        Ok(())
    }

    /// Column, owner and table of the large object, if the block finds it.
    pub fn locator<'t>(&self, text: &'t str) -> Option<(Name<'t>, Name<'t>, Name<'t>)> {
        self.locator.map(|(column, owner, table)| {
            (Name(column.of(text)), Name(owner.of(text)), Name(table.of(text)))
        })
    }

    /// The columns by which the row is found.
    pub fn conditions<'t>(
        &self,
        text: &'t str,
    ) -> impl ExactSizeIterator<Item = (Name<'t>, Value<'t>)> {
        pairs(&self.conditions, text)
    }

    /// The row's place, if it is said.
    pub fn row_id<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.row_id.map(|span| span.of(text))
    }

    /// What is done, if anything is.
    pub fn action<'t>(&self, text: &'t str) -> Option<LobAction<'t>> {
        self.action.map(|action| match action {
            Action::Write(data, length, offset) => {
                LobAction::Write { data: Value::of(data, text), length, offset }
            }
            Action::Erase(length, offset) => LobAction::Erase { length, offset },
            Action::Trim(length) => LobAction::Trim { length },
        })
    }

    fn select(&mut self, scan: &mut Scan<'_>) -> Result<()> {
        let column = scan.name()?;
        scan.need_word("into", "into")?;
        scan.word().ok_or_else(|| scan.expected("the variable of a locator"))?;
        scan.need_word("from", "from")?;
        let owner = scan.name()?;
        scan.need(b'.', "a dot behind the owner")?;
        let table = scan.name()?;
        let alias = alias(scan, "where");
        scan.need_word("where", "where")?;
        conditions(scan, alias, &mut self.conditions, &mut self.row_id)?;
        scan.need_word("for", "for update")?;
        scan.need_word("update", "for update")?;
        self.locator = Some((column, owner, table));
        scan.need(b';', "the end of the statement")
    }

    /// An assignment or a call.
    fn statement(&mut self, scan: &mut Scan<'_>, block: &mut Block) -> Result<()> {
        let at = scan.at;
        let word = scan.word().ok_or_else(|| scan.expected("a statement"))?;
        let name = &scan.bytes[word.start as usize..word.end as usize];
        let is = |call: &str| name.eq_ignore_ascii_case(call.as_bytes());
        let action = if is("dbms_lob.write") {
            let length = arguments(scan, "the length")?;
            let offset = block.number(scan, "the place")?;
            scan.need(b',', "the data")?;
            scan.word().ok_or_else(|| scan.expected("the variable of the data"))?;
            let data = block.data.ok_or_else(|| {
                DecodeError::new("SQL_REDO LOB_WRITE", at, "no data was assigned before")
            })?;
            Action::Write(data, length, offset)
        } else if is("dbms_lob.erase") {
            scan.need(b'(', "the arguments")?;
            scan.word();
            scan.need(b',', "the length")?;
            let length = block.number(scan, "the length")?;
            scan.need(b',', "the place")?;
            Action::Erase(length, block.number(scan, "the place")?)
        } else if is("dbms_lob.trim") {
            scan.need(b'(', "the arguments")?;
            scan.word();
            scan.need(b',', "the length")?;
            Action::Trim(block.number(scan, "the length")?)
        } else {
            return block.assign(scan);
        };
        if self.action.replace(action).is_some() {
            let reason = "two steps in one block";
            return Err(DecodeError::new("SQL_REDO LOB", at, reason));
        }
        scan.need(b')', "the end of the arguments")?;
        scan.need(b';', "the end of the statement")
    }
}

/// The first arguments of `dbms_lob.write`: the locator's variable and the length, with the comma behind it.
fn arguments(scan: &mut Scan<'_>, what: &'static str) -> Result<u64> {
    scan.need(b'(', "the arguments")?;
    scan.word().ok_or_else(|| scan.expected("the variable of a locator"))?;
    scan.need(b',', what)?;
    let length = scan.number(what)?;
    scan.need(b',', "the place")?;
    Ok(length)
}

/// Steps over the declarations of variables: up to `BEGIN`.
fn declarations(scan: &mut Scan<'_>) -> Result<()> {
    while !scan.eat_word("BEGIN") {
        scan.word().ok_or_else(|| scan.expected("a declaration or BEGIN"))?;
        scan.word().ok_or_else(|| scan.expected("the type of a variable"))?;
        if scan.eat(b'(') {
            scan.number("the size of a variable")?;
            scan.need(b')', "the end of the size")?;
        }
        scan.need(b';', "the end of a declaration")?;
    }
    Ok(())
}

/// What was assigned so far.
#[derive(Default)]
struct Block {
    data: Option<Literal>,
    number: Option<u64>,
}

impl Block {
    /// `:= value;`, the cursor behind the variable.
    fn assign(&mut self, scan: &mut Scan<'_>) -> Result<()> {
        scan.need(b':', "an assignment")?;
        if scan.peek() != Some(b'=') {
            return Err(scan.expected("an assignment"));
        }
        scan.at += 1;
        scan.blanks();
        let at = scan.at;
        let value = literal(scan)?;
        match value.form {
            Form::Number => {
                let end = std::mem::replace(&mut scan.at, at);
                self.number = Some(scan.number("a length")?);
                if scan.at != end {
                    return Err(scan.expected("a whole number"));
                }
            }
            Form::Text | Form::Pieces | Form::Hex => self.data = Some(value),
            _ => {
                scan.at = at;
                return Err(scan.expected("text or HEXTORAW"));
            }
        }
        scan.need(b';', "the end of the assignment")
    }

    /// A number, or the variable that was assigned one.
    fn number(&self, scan: &mut Scan<'_>, what: &'static str) -> Result<u64> {
        scan.blanks();
        if scan.peek().is_some_and(|b| b.is_ascii_digit()) {
            return scan.number(what);
        }
        let variable = scan.word();
        match (variable, self.number) {
            (Some(_), Some(number)) => Ok(number),
            _ => Err(scan.expected(what)),
        }
    }
}
