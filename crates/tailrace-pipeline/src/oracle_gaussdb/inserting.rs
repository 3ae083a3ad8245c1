//! Rows of the full phase that are inserted, and not copied: where rows may be there already, and where a copy was refused
//! and those that do not fit are to be put aside.

use tailrace_codec::gaussdb::apply::{
    ApplyTable, ChangeKind, Changes, Conflict, Text, copied_values,
};

use crate::engine::unix_ms;
use crate::error::{Error, ErrorKind, Result};
use crate::sink::gaussdb::{ApplyTables, Aside, AsideLane, GaussSink};

/// Bytes of rows that go to the target together.
const BATCH_BYTES: usize = 8 << 20;
/// The table's number among the changes.
const TABLE: u32 = 0;

/// Rows on their way into one table.
pub(super) struct Inserting<'a> {
    name: &'a str,
    tables: ApplyTables,
    conflict: Conflict,
    /// SCN as of which they are read, how many may be put aside, and which of the readers this is.
    aside: (u64, u64, AsideLane),
    /// A row that has not come whole.
    rest: Vec<u8>,
    rows: Changes,
    /// How many were put aside.
    pub(super) set_aside: u64,
}

impl<'a> Inserting<'a> {
    pub(super) fn new(
        name: &'a str,
        table: &ApplyTable,
        conflict: Conflict,
        aside: (u64, u64, AsideLane),
    ) -> Self {
        Self {
            name,
            tables: ApplyTables::from([(TABLE, table.clone())]),
            conflict,
            aside,
            rest: Vec::new(),
            rows: Changes::new(),
            set_aside: 0,
        }
    }

    /// Takes rows in the text format of `COPY`, also parts of one.
    ///
    /// # Errors
    /// Those of the target; `Limit` for a row that has no room.
    pub(super) fn take(&mut self, mut rows: &[u8], sink: &mut GaussSink) -> Result<()> {
        while let Some(end) = memchr::memchr(b'\n', rows) {
            if self.rest.is_empty() {
                self.push(&rows[..end])?;
            } else {
                self.rest.extend_from_slice(&rows[..end]);
                let row = std::mem::take(&mut self.rest);
                self.push(&row)?;
            }
            rows = &rows[end + 1..];
            if self.rows.bytes() >= BATCH_BYTES {
                self.flush(sink)?;
            }
        }
        self.rest.extend_from_slice(rows);
        Ok(())
    }

    fn push(&mut self, row: &[u8]) -> Result<()> {
        let values: Vec<_> = copied_values(row).collect();
        let texts = values.iter().map(|value| value.as_deref().map_or(Text::Null, Text::Text));
        if self.rows.push(ChangeKind::Insert, TABLE, [], texts) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Limit, format!("{}: a row of more than 4 GiB", self.name)))
    }

    /// Brings all rows that have come into the open transaction.
    ///
    /// # Errors
    /// Those of the target.
    pub(super) fn flush(&mut self, sink: &mut GaussSink) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let (scn, rows_max, lane) = self.aside;
        if rows_max == 0 {
            sink.apply(&self.tables, &self.rows, self.conflict)?;
        } else {
            let aside = Aside {
                rows_max,
                lane,
                table_name: &|_| self.name.to_owned(),
                scn: &|_| scn,
                at_ms: unix_ms(),
            };
            self.set_aside +=
                sink.apply_or_set_aside(&self.tables, &self.rows, self.conflict, &aside)?;
        }
        self.rows.clear();
        Ok(())
    }
}
