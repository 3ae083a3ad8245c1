//! The reader: one table after the other, chunk by chunk, through views that are renewed.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tailrace_codec::TableSchema;
use tailrace_codec::filter::Filter;

use crate::error::{Error, ErrorKind, Result};
use crate::job::{Reread, SelectedDatabase, Selection};
use crate::source::mysql::backoff::Backoff;
use crate::source::mysql::beside::{Ask, Beside, Piece};
use crate::source::mysql::catalog::{self, SelectedTable};
use crate::source::mysql::chunk::ChunkSql;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::context::Context;
use crate::source::mysql::pace::Pace;
use crate::source::mysql::reader::{self, OpenedTable};
use crate::source::mysql::view;

/// A piece has this part of a batch's bytes: messages are longer than the rows they are made of.
const PIECE_PART: usize = 4;
/// Views that may fail in a row because the table changed under them, before the job stops.
const FRUITLESS_VIEWS_MAX: u32 = 30;
/// Views of a table without a key that are opened without a lock.
const LOCKLESS_TRIES: u32 = 5;
/// All of a core's time: no notice is taken of others.
const SHARE_PERCENT_ALL: u32 = 100;

/// How a view ended.
enum Outcome {
    /// The table is delivered.
    Done,
    /// Another view goes on.
    Renew,
    /// Another view goes on; nothing came of this one.
    Fruitless,
    /// The stream is over.
    Over,
}

/// What is to be read of a job, and is not read yet.
fn pending(context: &Context) -> Vec<Reread> {
    let ahead = context.ahead.lock().unwrap_or_else(PoisonError::into_inner);
    let is_done = |id: &str| ahead.rereads.iter().any(|one| one.id == id && one.done);
    context.spec.rereads.iter().filter(|reread| !is_done(&reread.id)).cloned().collect()
}

/// A table as it is in the source, if it is there.
fn table_of(connection: &mut Connection, reread: &Reread) -> Result<Option<SelectedTable>> {
    let name = SelectedDatabase {
        name: reread.database.clone(),
        tables: Some(vec![reread.table.clone()]),
    };
    let found = catalog::selected_tables(connection, &Selection { databases: vec![name] })?;
    Ok(found.into_iter().next())
}

/// The tables without a key that are still to be read: their changes are left out until they are, because nothing tells
/// a consumer that a change and a row are of one row.
///
/// # Errors
/// Those of the source.
pub(crate) fn withheld(context: &Context) -> Result<Vec<SelectedTable>> {
    let pending = pending(context);
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let mut connection = context.connect()?;
    let mut tables = Vec::new();
    for reread in &pending {
        let table = table_of(&mut connection, reread)?;
        tables.extend(table.filter(|table| table.chunk_key().is_none()));
    }
    Ok(tables)
}

/// Reads all that is to be read beside the stream; an error is the stream's.
pub(crate) fn read(context: &Context, beside: &Beside) {
    let looks = context.spec.limits.snapshot_share_percent_max < SHARE_PERCENT_ALL;
    let reader = Reader { context, beside, pace: Pace::new(looks) };
    std::thread::scope(|scope| {
        if looks {
            scope.spawn(|| reader.watch_others());
        }
        let ask = match reader.run() {
            Ok(true) => Some(Ask::Finished),
            Ok(false) => None,
            Err(e) => Some(Ask::Failed(e)),
        };
        if let Some(ask) = ask {
            // A stop is no news to the stream.
            drop(beside.ask(ask, &context.stop));
        }
        beside.end();
    });
}

struct Reader<'r> {
    context: &'r Context,
    beside: &'r Beside,
    pace: Pace,
}

impl Reader<'_> {
    /// False if the stream is over.
    fn run(&self) -> Result<bool> {
        for reread in pending(self.context) {
            if !self.table(&reread)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Watches for others at the source; if that is not possible it is read at full speed.
    fn watch_others(&self) {
        let watched = self.context.connect().and_then(|mut connection| {
            let is_over = |longest| self.beside.wait_until_over(longest);
            self.pace.watch(&mut connection, is_over, |others| {
                tracing::debug!(?others, "tables beside the stream make room for others");
            })
        });
        if let Err(error) = watched {
            self.pace.give_up();
            tracing::debug!(%error, "the source cannot be watched for others: it is read at full speed");
        }
    }

    /// One table. False if the stream is over.
    fn table(&self, reread: &Reread) -> Result<bool> {
        let (database, table) = (reread.database.as_str(), reread.table.as_str());
        self.context.observer.table(database, table, 0, false);
        let mut backoff = Backoff::new();
        let mut fruitless = 0;
        loop {
            match self.view(reread, fruitless) {
                Ok(Outcome::Done) => return Ok(true),
                Ok(Outcome::Over) => return Ok(false),
                Ok(Outcome::Renew) => fruitless = 0,
                Ok(Outcome::Fruitless) => fruitless += 1,
                Err(e) if e.kind() == ErrorKind::SourceConnection => {
                    backoff.wait(&e, self.context)?;
                }
                Err(e) if reader::is_stale_view(&e) => fruitless += 1,
                Err(e) => return Err(e),
            }
            if fruitless > FRUITLESS_VIEWS_MAX {
                return Err(Error::new(
                    ErrorKind::SchemaMismatch,
                    format!(
                        "reading {database}.{table} beside the stream was begun {fruitless} times, and each time the table changed its definition or, without a key, its rows"
                    ),
                ));
            }
        }
    }

    /// Reads as much as one view may.
    fn view(&self, reread: &Reread, fruitless: u32) -> Result<Outcome> {
        let mut control = self.context.connect()?;
        let settings = catalog::server_settings(&mut control)?;
        let Some(table) = table_of(&mut control, reread)? else {
            let text = format!(
                "{}.{} is not in the source (any more): there is nothing to read",
                reread.database, reread.table
            );
            self.context.observer.log(tracing::Level::WARN, &text);
            return self.nothing_to_read(reread);
        };
        let keyless = table.chunk_key().is_none();
        let tried = keyless && fruitless >= LOCKLESS_TRIES;
        let lock = tried || !(settings.gtid || settings.mariadb);
        // What the log has by now need not be remembered. Changes behind a lock's view would be left out without anybody's
        // notice if the stream were beyond them: it stands still until it knows where the view is.
        let watch = (catalog::binlog_end(&mut control)?, keyless && lock);
        let Some(read) = self.beside.watch(&table, watch, &self.context.stop)? else {
            return Ok(Outcome::Over);
        };
        let (spec, stop) = (&self.context.spec, &self.context.stop);
        let opened = view::open((spec, stop), &mut control, &table, (&settings, lock), &read);
        let (mut connection, until) = match opened {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(Outcome::Fruitless),
            Err(e) if view::is_locked_out(&e) => {
                self.context.observer.log(tracing::Level::INFO, e.message());
                return Ok(Outcome::Fruitless);
            }
            Err(e) => return Err(e),
        };
        let opened = reader::open_table(self.context, &mut connection, &table)?;
        if keyless {
            let hold = Ask::Hold { at: until.clone(), unless_changed: !lock };
            if !self.beside.ask(hold, &self.context.stop)? {
                return Ok(Outcome::Fruitless);
            }
        }
        let condition = condition(self.context, reread, opened.schema())?;
        let opened = Arc::new(opened.with_condition(condition));
        self.rows(reread, &mut connection, &opened, &until)
    }

    /// A table that went away is read.
    fn nothing_to_read(&self, reread: &Reread) -> Result<Outcome> {
        let taken = self.beside.ask(Ask::Gone(reread.clone()), &self.context.stop)?;
        Ok(if taken { Outcome::Done } else { Outcome::Over })
    }

    /// Reads chunks until the table ends, the view is too old, or what the stream remembers is void.
    fn rows(
        &self,
        reread: &Reread,
        connection: &mut Connection,
        opened: &Arc<OpenedTable>,
        until: &(String, u64),
    ) -> Result<Outcome> {
        let limits = &self.context.spec.limits;
        let old = Instant::now() + limits.snapshot_view_age_max;
        let mut after = self.context.reread_to(&reread.id);
        let mut chunks = 0_u32;
        while Instant::now() < old {
            self.context.stop.check()?;
            let begun = Instant::now();
            let to = self.boundary(connection, opened, after.as_deref())?;
            let is_last = to.is_none();
            let piece = Piece {
                id: reread.id.clone(),
                table: Arc::clone(opened),
                until: until.clone(),
                rows: Vec::new(),
                ends: Vec::new(),
                from: after.clone(),
                to: None,
                done: false,
            };
            if !self.chunk(connection, piece, to.clone())? {
                let fruitless = chunks == 0;
                return Ok(if fruitless { Outcome::Fruitless } else { Outcome::Renew });
            }
            self.pace.count(connection.take_statements());
            if is_last {
                // The last piece may still turn out to be void.
                let settled = self.beside.settled(&self.context.stop)?;
                return Ok(if settled { Outcome::Done } else { Outcome::Renew });
            }
            after = to;
            chunks += 1;
            let share = limits.snapshot_share_percent_max;
            self.pace.rest(begun.elapsed(), (share, 1), &self.context.stop)?;
        }
        // What was read of it is delivered before another one begins behind it.
        self.beside.settled(&self.context.stop)?;
        Ok(Outcome::Renew)
    }

    /// The last key of the next chunk; `None` if it ends with the table.
    fn boundary(
        &self,
        connection: &mut Connection,
        opened: &OpenedTable,
        after: Option<&[String]>,
    ) -> Result<Option<Vec<String>>> {
        if opened.key().is_empty() {
            return Ok(None);
        }
        let sql = ChunkSql::new(opened.schema(), opened.key().to_vec(), opened.index());
        let rows = self.pace.chunk_rows(self.context.spec.limits.chunk_rows_max);
        connection.start(&sql.boundary(after, rows)?)?;
        let mut to = None;
        while let Some(row) = connection.next_row()? {
            to = Some(sql.boundary_literals(&opened.boundary_cells(row)?)?);
        }
        Ok(to)
    }

    /// Hands the rows of a chunk over in pieces. False if nobody wants them any more.
    fn chunk(
        &self,
        connection: &mut Connection,
        mut piece: Piece,
        to: Option<Vec<String>>,
    ) -> Result<bool> {
        let opened = Arc::clone(&piece.table);
        let sql = ChunkSql::new(opened.schema(), opened.key().to_vec(), opened.index());
        let query = sql.rows(piece.from.as_deref(), to.as_deref(), opened.condition())?;
        let bytes_max = self.context.spec.limits.batch_bytes_max / PIECE_PART;
        connection.start(&query)?;
        let mut wanted = true;
        while let Some(row) = connection.next_row()? {
            // The rest of the result has to be read in any case.
            if !wanted {
                continue;
            }
            piece.rows.extend_from_slice(row);
            piece.ends.push(piece.rows.len());
            if piece.rows.len() >= bytes_max {
                let last = if opened.key().is_empty() {
                    None
                } else {
                    Some(sql.literals(&opened.cells(row)?)?)
                };
                let next = Piece {
                    id: piece.id.clone(),
                    table: Arc::clone(&opened),
                    until: piece.until.clone(),
                    rows: Vec::with_capacity(bytes_max),
                    ends: Vec::new(),
                    from: last.clone().or_else(|| piece.from.clone()),
                    to: None,
                    done: false,
                };
                piece.to = last;
                let full = std::mem::replace(&mut piece, next);
                wanted = self.beside.ask(Ask::Deliver(Box::new(full)), &self.context.stop)?;
            }
        }
        piece.done = to.is_none();
        piece.to = to;
        Ok(wanted && self.beside.ask(Ask::Deliver(Box::new(piece)), &self.context.stop)?)
    }
}

/// The condition of what is read, as the server reads it.
fn condition(context: &Context, reread: &Reread, schema: &TableSchema) -> Result<Option<String>> {
    let Some(text) = &reread.condition else { return Ok(None) };
    let filter = Filter::parse(text)?;
    filter.bind(schema, &mut *context.judge())?;
    Ok(Some(filter.to_sql()))
}
