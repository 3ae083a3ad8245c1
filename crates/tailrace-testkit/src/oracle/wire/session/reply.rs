//! What a call is answered with.

use super::{Column, OraError};
use crate::oracle::value::Value;
use crate::oracle::wire::value;
use crate::oracle::wire::write::Writer;

/// Kinds of messages.
const ERROR: u8 = 4;
const ROW_HEADER: u8 = 6;
const ROW: u8 = 7;
const PARAMETERS: u8 = 8;
const STATUS: u8 = 9;
const IO_VECTOR: u8 = 11;
const LOB_DATA: u8 = 14;
const DESCRIPTION: u8 = 16;
/// Types with a scale: numbers, timestamps, intervals of days.
pub(super) const SCALED: [u8; 5] = [2, 180, 181, 183, 231];
/// The database's character set, AL32UTF8, and the national one.
const CHARSETS: [u64; 3] = [0, 873, 2000];

/// An answer that is put together.
#[derive(Debug, Default)]
pub(super) struct Reply {
    out: Writer,
    /// The client's number of the call, which an end repeats.
    pub(super) call: u8,
}

impl Reply {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out.0
    }

    /// A call that needs no more than that it was done.
    pub(super) fn status(&mut self) {
        self.out.u8(STATUS).number(1).number(0);
    }

    /// The server's version, as text and as a number.
    pub(super) fn version(&mut self, banner: &str, number: u32) {
        self.out.u8(PARAMETERS).count(banner.len()).raw(banner.as_bytes()).number(number.into());
        self.status();
    }

    /// What the columns of a query are.
    ///
    /// Java reads the scale of some types as a number, the others as a byte.
    pub(super) fn description(&mut self, columns: &[Column], for_java: bool) {
        self.out.u8(DESCRIPTION).bytes(&[1; 4]);
        self.columns(columns, for_java);
    }

    fn columns(&mut self, columns: &[Column], for_java: bool) {
        let out = &mut self.out;
        out.number(200).count(columns.len()).u8(1);
        for (place, column) in columns.iter().enumerate() {
            let (number, form) = column.kind.number();
            out.u8(number).u8(0).u8(column.precision as u8);
            match column.scale {
                scale if !(for_java && SCALED.contains(&number)) => out.u8(scale as u8),
                scale if scale < 0 => out.raw(&[0x81, scale.unsigned_abs()]),
                scale => out.number(scale as u64),
            };
            out.number(column.size.into()).number(0).number(0).number(0).number(0);
            out.number(CHARSETS[usize::from(form)]).u8(form);
            let chars = if form == 0 { 0 } else { column.size };
            out.number(chars.into()).number(0).u8(column.nullable.into());
            out.u8(u8::try_from(column.name.len()).unwrap_or(u8::MAX));
            out.double_bytes(column.name.as_bytes()).number(0).number(0);
            out.count(place + 1).number(0);
        }
        for _ in 0..6 {
            out.number(0);
        }
    }

    /// The result of a block that has opened a cursor for one of its binds, which are out where `directions` says so.
    pub(super) fn opened_cursor(
        &mut self,
        directions: &[bool],
        (columns, cursor): (&[Column], u16),
        for_java: bool,
    ) {
        // Flag, binds, iterations, buffer, bits and row's place.
        self.out.u8(IO_VECTOR).u8(0).count(directions.len()).number(0);
        for _ in 0..4 {
            self.out.number(0);
        }
        for is_out in directions {
            self.out.u8(if *is_out { 16 } else { 32 });
        }
        self.out.u8(ROW).u8(1);
        self.columns(columns, for_java);
        self.out.number(cursor.into()).number(0);
    }

    /// Says that rows follow.
    pub(super) fn row_header(&mut self) {
        self.out.u8(ROW_HEADER).u8(0);
        for _ in 0..6 {
            self.out.number(0);
        }
    }

    /// Begins a row, whose values follow.
    pub(super) fn row(&mut self) {
        self.out.u8(ROW);
    }

    /// A value of the row.
    pub(super) fn value(&mut self, column: &Column, value: &Value) {
        value::write(&mut self.out, column.kind, value);
    }

    /// A value that the client wants as LONG: with an indicator and a code behind it.
    pub(super) fn long_value(&mut self, column: &Column, value: &Value) {
        self.value(column, value);
        self.out.number(0).number(0);
    }

    /// A large object of the row, by its locator and, if it is wanted, its size; `None` for NULL.
    pub(super) fn locator(&mut self, locator: Option<&[u8]>, size: Option<u64>) {
        let Some(locator) = locator else {
            self.out.number(0);
            return;
        };
        self.out.count(locator.len());
        if let Some(size) = size {
            self.out.number(size).number(8060);
        }
        self.out.bytes(locator);
    }

    /// What a statement that is no query returns: its cursor and, where they are asked for, how many rows each of its runs
    /// touched.
    pub(super) fn parameters(&mut self, cursor: u16, counts: Option<&[u64]>) {
        let out = &mut self.out;
        // SCN in two parts, cursor, and three that mean nothing.
        out.u8(PARAMETERS).number(6).number(0).number(0).number(cursor.into());
        out.number(0).number(0).number(0);
        // Transaction, settings of the session, registration.
        out.number(0).number(0).number(0);
        if let Some(counts) = counts {
            out.count(counts.len());
            for count in counts {
                out.number(*count);
            }
        }
    }

    /// Data of a large object.
    pub(super) fn lob_data(&mut self, data: &[u8]) {
        self.out.u8(LOB_DATA).bytes(data);
    }

    /// What a call about a large object returns: its locator and, where it asks for one, an amount.
    pub(super) fn lob_parameters(&mut self, locator: &[u8], amount: Option<u64>) {
        self.out.u8(PARAMETERS).raw(locator);
        if let Some(amount) = amount {
            self.out.number(amount);
        }
    }

    /// The end of a call that went well, with the cursor and the rows so far.
    pub(super) fn success(&mut self, cursor: u16, rows: u64) {
        self.end(0, "", cursor, rows);
    }

    /// The end of a query's rows.
    pub(super) fn no_more_rows(&mut self, cursor: u16, rows: u64) {
        self.error(&OraError::new(1403, "no data found"), cursor, rows);
    }

    /// The end of a call that failed.
    pub(super) fn error(&mut self, error: &OraError, cursor: u16, rows: u64) {
        self.end(error.code, &error.message(), cursor, rows);
    }

    fn end(&mut self, code: u32, message: &str, cursor: u16, rows: u64) {
        let (code, cursor) = (u64::from(code), u64::from(cursor));
        let call = self.call;
        let out = &mut self.out;
        // Call status, sequence, row number, code, array errors (two), cursor, position.
        out.u8(ERROR).number(1).number(0).number(rows).number(code).number(0).number(0);
        out.number(cursor).number(0);
        // SQL type, fatal, flags, cursor's options, parameter, flags.
        out.raw(&[0; 6]);
        // A row's place: four numbers and a byte.
        out.number(0).number(0).u8(0).number(0).number(0);
        // Error of the system, statement, call, padding, iterations that went well, logical row.
        out.number(0).u8(0).u8(call).number(0).number(0).number(0);
        // Errors of a batch: codes, places, texts.
        out.number(0).number(0).number(0);
        out.number(code).number(rows);
        if code != 0 {
            out.bytes(message.as_bytes());
        }
    }
}
