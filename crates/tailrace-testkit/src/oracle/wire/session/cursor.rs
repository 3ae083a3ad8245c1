//! Statements of a session: run, run again, fetched from.

use std::io::{Read, Result, Write};

use super::reply::{Reply, SCALED};
use super::{Column, Executed, Kind, OraError, Session, call};
use crate::oracle::value::Value;
use crate::oracle::wire::packet::broken;
use crate::oracle::wire::read::Reader;
use crate::oracle::wire::value;

/// Bits of what an execution does.
mod option {
    pub(super) const DEFINE: u64 = 0x10;
    pub(super) const EXECUTE: u64 = 0x20;
    pub(super) const FETCH: u64 = 0x40;
    pub(super) const COMMIT: u64 = 0x100;
}

/// Longest values, bytes, that stand in a row's order: longer ones come behind all others.
const IN_ORDER_MAX: u64 = 4000;
/// Flag of a define: sizes of large objects, and their first bytes, come with their locators.
const PREFETCH: u64 = 0x200_0000;
/// Types of values that are sent as locators.
const LOB_KINDS: [u8; 2] = [112, 113];

type Rows = Box<dyn Iterator<Item = std::result::Result<Vec<Value>, OraError>> + Send>;

/// A statement that was parsed.
#[derive(Default)]
pub(super) struct Cursor {
    sql: String,
    columns: Vec<Column>,
    /// How the client wants the columns, once it has said so.
    defines: Vec<Bind>,
    binds: Vec<Bind>,
    rows: Option<Rows>,
    fetched: u64,
}

/// A bind or a define.
#[derive(Debug, Clone, Copy)]
struct Bind {
    /// Number of its type.
    kind: u8,
    /// Longest value, bytes.
    size: u64,
    /// Form of its character set.
    form: u8,
    /// Sizes of large objects come with their locators.
    tells_size: bool,
}

/// What an execution is asked to do.
struct Request {
    options: u64,
    cursor: u16,
    sql: Option<String>,
    fetch: u64,
    binds: Vec<Vec<Value>>,
    /// Rows that each run touches are asked for.
    wants_counts: bool,
}

impl<S: Read + Write> Session<S> {
    pub(super) fn close_cursors(&mut self) -> Result<()> {
        self.reader.u8()?;
        for _ in 0..self.reader.count()? {
            let cursor = self.reader.number()?;
            self.cursors.retain(|known, _| u64::from(*known) != cursor);
        }
        Ok(())
    }

    /// A statement with its text, or the definition of how its columns are wanted.
    pub(super) fn execute(&mut self, reply: &mut Reply) -> Result<()> {
        let request = self.request()?;
        let cursor = match request.cursor {
            0 => {
                self.last_cursor = self.last_cursor.wrapping_add(1).max(1);
                self.last_cursor
            }
            known => known,
        };
        if let Some(sql) = &request.sql {
            let state = self.cursors.entry(cursor).or_default();
            state.sql.clone_from(sql);
        }
        if request.options & option::EXECUTE != 0 {
            self.run_statement(cursor, &request, reply)
        } else if request.options & option::DEFINE != 0 {
            self.send_rows(cursor, request.fetch, reply)
        } else {
            self.describe(cursor, reply)
        }
    }

    /// Runs a statement and answers with what it comes to.
    fn run_statement(&mut self, cursor: u16, request: &Request, reply: &mut Reply) -> Result<()> {
        let state = self.cursors.get_mut(&cursor).ok_or_else(|| broken("a cursor"))?;
        let executed = self.database.execute(&state.sql, &request.binds);
        let executed = executed.and_then(|executed| {
            if request.options & option::COMMIT != 0 {
                self.database.commit()?;
            }
            Ok(executed)
        });
        match executed {
            Err(error) => reply.error(&error, cursor, 0),
            Ok(Executed::Rows(set)) => {
                if request.sql.is_some() {
                    reply.description(&set.columns, self.reader.is_java);
                }
                // Most clients say how they want large objects before they get any.
                let is_defined = !state.defines.is_empty() || self.reader.is_java;
                let waits = set.columns.iter().any(|column| column.kind.is_defined_first());
                (state.columns, state.rows, state.fetched) = (set.columns, Some(set.rows), 0);
                if request.options & option::FETCH != 0 && (is_defined || !waits) {
                    return self.send_rows(cursor, request.fetch, reply);
                }
                reply.success(cursor, 0);
            }
            Ok(Executed::Opened { place, set }) => {
                let directions: Vec<bool> = (1..=state.binds.len()).map(|at| at == place).collect();
                self.last_cursor = self.last_cursor.wrapping_add(1).max(1);
                let opened = self.last_cursor;
                reply.opened_cursor(&directions, (&set.columns, opened), self.reader.is_java);
                reply.parameters(cursor, None);
                reply.success(cursor, 1);
                let (columns, rows) = (set.columns, Some(set.rows));
                self.cursors.insert(opened, Cursor { columns, rows, ..Cursor::default() });
            }
            Ok(Executed::Touched(rows)) => {
                reply.parameters(cursor, request.wants_counts.then_some(&rows[..]));
                reply.success(cursor, rows.iter().sum());
            }
            Ok(Executed::Done) => {
                reply.parameters(cursor, request.wants_counts.then_some(&[]));
                reply.success(cursor, 0);
            }
        }
        Ok(())
    }

    /// Answers a statement that is only parsed: a query tells its columns.
    fn describe(&mut self, cursor: u16, reply: &mut Reply) -> Result<()> {
        let state = self.cursors.get_mut(&cursor).ok_or_else(|| broken("a cursor"))?;
        let is_query = state.sql.trim_start().get(..6).is_some_and(|word| {
            word.eq_ignore_ascii_case("select") || word.to_ascii_lowercase().starts_with("with")
        });
        if !is_query {
            reply.success(cursor, 0);
            return Ok(());
        }
        match self.database.execute(&state.sql, &[]) {
            Ok(Executed::Rows(set)) => {
                reply.description(&set.columns, self.reader.is_java);
                state.columns = set.columns;
                reply.success(cursor, 0);
            }
            Ok(_) => reply.success(cursor, 0),
            Err(error) => reply.error(&error, cursor, 0),
        }
        Ok(())
    }

    pub(super) fn execute_again(&mut self, function: u8, reply: &mut Reply) -> Result<()> {
        let cursor = u16::try_from(self.reader.number()?).map_err(|_| broken("a cursor"))?;
        let count = self.reader.number()?;
        let (options, _) = (self.reader.number()?, self.reader.number()?);
        let Some(state) = self.cursors.get(&cursor) else {
            reply.error(&OraError::new(1001, "invalid cursor"), cursor, 0);
            return Ok(());
        };
        let kinds = state.binds.clone();
        let is_block = is_block(&state.sql);
        let fetches = function == call::REEXECUTE_AND_FETCH;
        let mut binds = Vec::new();
        if !kinds.is_empty() {
            for _ in 0..if fetches { 1 } else { count } {
                binds.push(bound_row(&mut self.reader, &kinds, is_block)?);
            }
        }
        let fetch = if fetches { option::FETCH } else { 0 };
        let options = options | option::EXECUTE | fetch;
        let wants_counts = false;
        let request = Request { options, cursor, sql: None, fetch: count, binds, wants_counts };
        self.run_statement(cursor, &request, reply)
    }

    pub(super) fn fetch(&mut self, reply: &mut Reply) -> Result<()> {
        let cursor = u16::try_from(self.reader.number()?).map_err(|_| broken("a cursor"))?;
        let count = self.reader.number()?;
        if self.cursors.get(&cursor).is_none_or(|state| state.rows.is_none()) {
            reply.error(&OraError::new(1002, "fetch out of sequence"), cursor, 0);
            return Ok(());
        }
        self.send_rows(cursor, count, reply)
    }

    /// Answers with the next rows of a cursor.
    fn send_rows(&mut self, cursor: u16, count: u64, reply: &mut Reply) -> Result<()> {
        let state = self.cursors.get_mut(&cursor).ok_or_else(|| broken("a cursor"))?;
        let Some(rows) = &mut state.rows else {
            reply.success(cursor, 0);
            return Ok(());
        };
        reply.row_header();
        for _ in 0..count {
            let row = match rows.next() {
                Some(Ok(row)) => row,
                Some(Err(error)) => {
                    reply.error(&error, cursor, state.fetched);
                    return Ok(());
                }
                None => {
                    reply.no_more_rows(cursor, state.fetched);
                    return Ok(());
                }
            };
            state.fetched += 1;
            reply.row();
            for (place, (column, value)) in state.columns.iter().zip(&row).enumerate() {
                let define = state.defines.get(place);
                match column.kind {
                    Kind::Clob | Kind::NClob | Kind::Blob
                        if define.is_none_or(|define| LOB_KINDS.contains(&define.kind)) =>
                    {
                        let tells_size = define.is_some_and(|define| define.tells_size);
                        self.lobs.send(reply, column.kind, value, tells_size);
                    }
                    kind if kind.is_defined_first() => reply.long_value(column, value),
                    _ => reply.value(column, value),
                }
            }
        }
        reply.success(cursor, state.fetched);
        Ok(())
    }

    /// Reads what is to be executed. The fields are those of the messages of Oracle 19.1.
    fn request(&mut self) -> Result<Request> {
        let reader = &mut self.reader;
        let options = reader.number()?;
        let cursor = u16::try_from(reader.number()?).map_err(|_| broken("a cursor"))?;
        let has_sql = reader.u8()? != 0;
        let sql_length = reader.count()?;
        reader.u8()?;
        reader.number()?;
        reader.raw(2)?;
        reader.number()?;
        let fetch = reader.number()?;
        reader.number()?;
        let has_binds = reader.u8()? != 0;
        let bind_count = reader.count()?;
        reader.raw(5)?;
        let has_defines = reader.u8()? != 0;
        let define_count = reader.count()?;
        // Registration, objects, and lists of values and names.
        reader.number()?;
        reader.raw(3)?;
        reader.number()?;
        reader.u8()?;
        reader.number()?;
        reader.number()?;
        let wants_counts = reader.u8()? != 0;
        reader.number()?;
        reader.u8()?;
        // Signature and number of the statement, chunks.
        reader.u8()?;
        reader.number()?;
        reader.u8()?;
        reader.number()?;
        reader.raw(2)?;
        reader.number()?;
        let sql = if has_sql && sql_length > 0 { Some(reader.text(sql_length)?) } else { None };
        let mut numbers = [0; 13];
        for number in &mut numbers {
            *number = reader.number()?;
        }
        let is_query = numbers[7] != 0;
        let mut request = Request { options, cursor, sql, fetch, binds: Vec::new(), wants_counts };
        if has_defines {
            let defines = kinds(reader, define_count)?;
            if let Some(state) = self.cursors.get_mut(&cursor) {
                state.defines = defines;
            }
        } else if has_binds {
            let kinds = kinds(reader, bind_count)?;
            let rows = if is_query { 1 } else { numbers[1].max(1) };
            let known = self.cursors.get(&cursor).map(|state| state.sql.as_str());
            let is_block = request.sql.as_deref().or(known).is_some_and(is_block);
            for _ in 0..rows {
                request.binds.push(bound_row(reader, &kinds, is_block)?);
            }
            let known = if cursor == 0 { self.last_cursor.wrapping_add(1).max(1) } else { cursor };
            self.cursors.entry(known).or_default().binds = kinds;
        }
        Ok(request)
    }
}

/// Whether a statement is a block of PL/SQL.
fn is_block(sql: &str) -> bool {
    let word = sql.split_whitespace().next().unwrap_or_default();
    word.eq_ignore_ascii_case("BEGIN") || word.eq_ignore_ascii_case("DECLARE")
}

/// Types of binds or defines.
fn kinds<S: Read + Write>(reader: &mut Reader<S>, count: usize) -> Result<Vec<Bind>> {
    let mut kinds = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = reader.u8()?;
        // Flags, precision, scale.
        reader.raw(2)?;
        if reader.is_java && SCALED.contains(&kind) {
            reader.number()?;
        } else {
            reader.u8()?;
        }
        let size = reader.number()?;
        // Elements, flags; type's id and version; character set.
        reader.number()?;
        let tells_size = reader.number()? & PREFETCH != 0;
        reader.double_bytes()?;
        reader.number()?;
        reader.number()?;
        // Form of the character set, characters or bytes that come at once, column.
        kinds.push(Bind { kind, size, form: reader.u8()?, tells_size });
        reader.number()?;
        reader.number()?;
    }
    Ok(kinds)
}

fn bound_row<S: Read + Write>(
    reader: &mut Reader<S>,
    binds: &[Bind],
    is_block: bool,
) -> Result<Vec<Value>> {
    if reader.u8()? != 7 {
        return Err(broken("a row of binds"));
    }
    let mut row = vec![Value::Null; binds.len()];
    for long in [false, true] {
        for (place, bind) in binds.iter().enumerate() {
            // Of a block all come in their order.
            if (bind.size > IN_ORDER_MAX && !is_block) == long {
                row[place] = value::read(reader, bind.kind, bind.form)?;
            }
        }
    }
    Ok(row)
}
