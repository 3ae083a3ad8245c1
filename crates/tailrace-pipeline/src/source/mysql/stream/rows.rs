//! Rows of selected tables.

use tailrace_codec::Cell;
use tailrace_codec::binlog::{RawEvent, RowLimits, RowsEvent, RowsKind, recycle};

use super::{Scratch, Stream};
use crate::error::{Error, ErrorKind, Result};
use crate::job::MessageFormat;
use crate::source::mysql::tables::Table;
use crate::source::mysql::window::Window;
use crate::transform::compose::Origin;

impl Stream<'_> {
    pub(super) fn rows(
        &mut self,
        raw: &RawEvent<'_>,
        rows: &RowsEvent<'_>,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        let es_us = self.time_us(raw);
        let thread = self.open_transaction().thread;
        let Some(table) = self.tables.get(rows.table_id, &self.seen)? else { return Ok(()) };
        if self.is_undecided() {
            return Ok(());
        }
        let gtid = self.transaction.as_ref().and_then(|t| t.gtid.as_ref());
        let begin = (self.file.as_str(), self.offset);
        let watching = window.as_ref().is_some_and(|w| w.covers(gtid, begin));
        let window = if watching { window.as_deref_mut() } else { None };
        if !rows.is_full() {
            return Err(Error::new(
                ErrorKind::SourceSetting,
                format!(
                    "rows of {} at {}:{} do not hold all columns: binlog_row_image is not FULL in the session that wrote them, or it is a table with generated columns of a MariaDB that leaves these out of changed and deleted rows (11.8 does); leave the table out of the selection then",
                    table.name(),
                    self.seen.0,
                    self.seen.1
                ),
            ));
        }
        if self.context.spec.policy.transaction_topic.is_some() && !self.composer.has_markers() {
            let topic = self.context.router.transactions()?;
            topic.into_iter().for_each(|topic| self.composer.mark_transactions(topic));
        }
        let xid = match self.context.spec.policy.format {
            MessageFormat::Maxwell => self.xid(),
            _ => 0,
        };
        // Lent out for as long as the rows take: nothing below reads them from the stream.
        let gtid = std::mem::take(&mut self.gtid_text);
        let seen = std::mem::take(&mut self.seen);
        let origin = Origin {
            es_us,
            server_id: raw.header.server_id,
            gtid: gtid.get(),
            file: &seen.0,
            // An event inside a compressed transaction has none of its own: it is that of the whole.
            position: seen.1.saturating_sub(u64::from(raw.header.event_size)),
            row: 0,
            thread,
            xid,
            begin: self.offset,
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        let result = self.row_images(rows, &table, &mut scratch, origin, window);
        (self.scratch, self.gtid_text) = (scratch, gtid);
        let place = |e: Error| {
            Error::new(e.kind(), format!("rows behind {}:{}: {}", seen.0, seen.1, e.message()))
        };
        let result = result.map_err(|e| if e.kind() == ErrorKind::Decode { place(e) } else { e });
        self.seen = seen;
        result
    }

    /// Whether the table's filter, if it has one, lets a change through.
    fn is_admitted(&self, table: &Table, images: [&[Cell<'_>]; 2]) -> Result<bool> {
        match table.filter() {
            None => Ok(true),
            Some(filter) => filter.admits(images, &mut self.context.judge()),
        }
    }

    fn row_images(
        &mut self,
        event: &RowsEvent<'_>,
        table: &Table,
        scratch: &mut Scratch,
        mut origin: Origin<'_>,
        mut window: Option<&mut Window>,
    ) -> Result<()> {
        let batch_bytes_max = self.context.spec.limits.batch_bytes_max;
        let damaged = |e: tailrace_codec::DecodeError| {
            Error::new(ErrorKind::Decode, format!("rows of {}: {e}", table.name()))
        };
        let limits = RowLimits {
            restored_bytes_max: self.context.spec.limits.event_bytes_max,
            ..RowLimits::default()
        };
        let withheld = self.is_withheld(table.schema());
        let Scratch { restored, before, after } = scratch;
        let mut rows = event.rows(table.plan(), restored, limits).map_err(damaged)?;
        let (mut old, mut new) = (recycle(std::mem::take(before)), recycle(std::mem::take(after)));
        while rows.next_row(&mut old, &mut new).map_err(damaged)? {
            if let Some(window) = window.as_deref_mut() {
                for image in [&old, &new] {
                    if !image.is_empty() {
                        window.remember(table.schema(), table.window_key(), image)?;
                    }
                }
            }
            // Before a row and not behind one: the last row of a transaction is handed over with its end.
            if self.composer.bytes() >= batch_bytes_max {
                self.flush_part()?;
            }
            let delivered = self.delivered;
            let transaction = self.open_transaction();
            transaction.changes += 1;
            let is_new = transaction.changes > delivered && !withheld;
            let counts = is_new || (!withheld && self.composer.has_markers());
            if counts && self.is_admitted(table, [&old, &new])? {
                match event.kind {
                    _ if !is_new => {
                        let image =
                            |image| Some(image).filter(|cells: &&[Cell<'_>]| !cells.is_empty());
                        self.composer.passed(table.sink(), &origin, image(&old), image(&new))?;
                    }
                    RowsKind::Write => self.composer.insert(table.sink(), &origin, &new)?,
                    RowsKind::Delete => self.composer.delete(table.sink(), &origin, &old)?,
                    RowsKind::Update | RowsKind::PartialUpdate => {
                        self.composer.update(table.sink(), &origin, &old, &new)?;
                    }
                }
            }
            origin.row += 1;
        }
        *before = recycle(old);
        *after = recycle(new);
        Ok(())
    }
}
