//! Rows of tables that are read beside the stream, handed over between two of its transactions.

use std::sync::Arc;

use tailrace_codec::binlog::recycle;

use super::Stream;
use crate::batch::Advance;
use crate::error::{Error, ErrorKind, Result};
use crate::job::Reread;
use crate::source::mysql::beside::{Ask, Beside, Piece};
use crate::source::mysql::catalog::SelectedTable;
use crate::source::mysql::window::Window;

/// A table whose changes are to be remembered from a place on.
struct Watch {
    table: SelectedTable,
    /// At once without one.
    from: Option<(String, u64)>,
    /// The log stands still there until something else is asked.
    wait: bool,
}

/// What the stream knows of the tables that are read beside it.
pub(super) struct Joining {
    beside: Arc<Beside>,
    /// Keys that changed in the table that is being read.
    window: Option<Window>,
    /// Rows whose place is not reached.
    piece: Option<Box<Piece>>,
    /// What is to be remembered from a place on that is not reached.
    watch: Option<Watch>,
    /// A place that is not reached, at which the log is to wait for rows; changes before it count.
    hold: Option<((String, u64), bool)>,
    /// Nothing is left to read.
    finished: bool,
}

impl Joining {
    /// Whether nothing is under way.
    fn is_free(&self) -> bool {
        self.piece.is_none() && self.watch.is_none() && self.hold.is_none()
    }

    /// Where changes are remembered.
    pub(super) fn window(&mut self) -> Option<&mut Window> {
        self.window.as_mut()
    }

    /// What was remembered is not enough: the reader begins again with another view.
    pub(super) fn void(&mut self) {
        (self.window, self.piece, self.hold) = (None, None, None);
        if let Some(watch) = &mut self.watch {
            watch.from = None;
        }
        self.beside.void();
    }
}

impl Stream<'_> {
    /// Takes in what is read beside it from now on.
    pub(crate) fn read_beside(&mut self, beside: &Arc<Beside>) {
        self.prepared.select_all();
        let beside = Arc::clone(beside);
        self.beside = Some(Joining {
            beside,
            window: None,
            piece: None,
            watch: None,
            hold: None,
            finished: false,
        });
    }

    /// Between two transactions: does what the reader asks. False if nothing is left to read.
    ///
    /// # Errors
    /// What stopped the reader, and those of encoders and queue.
    pub(super) fn join(&mut self, joining: &mut Joining) -> Result<bool> {
        if joining.is_free()
            && joining.beside.asks()
            && let Some(ask) = joining.beside.take()
        {
            self.take(joining, ask)?;
        }
        if joining.finished {
            self.tables.clear();
            self.withheld.clear();
            return Ok(false);
        }
        self.watch(joining)?;
        let changes_count = joining.hold.as_ref().is_none_or(|(_, count)| *count);
        if changes_count && !joining.window.as_ref().is_none_or(Window::is_usable) {
            joining.void();
        }
        if let Some((at, _)) = &joining.hold
            && self.has_reached_place(at)?
        {
            joining.hold = None;
            self.hold(joining)?;
        }
        if let Some(piece) = joining.piece.take() {
            if self.has_reached_place(&piece.until)? {
                self.deliver_piece(joining, &piece)?;
            } else {
                joining.piece = Some(piece);
            }
        }
        Ok(true)
    }

    fn take(&mut self, joining: &mut Joining, ask: Ask) -> Result<()> {
        match ask {
            Ask::Watch { table, from, wait } => {
                joining.watch = Some(Watch { table, from: Some(from), wait });
            }
            Ask::Hold { at, unless_changed } => joining.hold = Some((at, unless_changed)),
            Ask::Deliver(piece) => joining.piece = Some(piece),
            Ask::Gone(reread) => self.gone(&reread)?,
            Ask::Finished => joining.finished = true,
            Ask::Failed(e) => return Err(e),
        }
        Ok(())
    }

    /// Begins to remember, when the place is reached.
    fn watch(&mut self, joining: &mut Joining) -> Result<()> {
        let Some(watch) = &joining.watch else { return Ok(()) };
        let reached = match &watch.from {
            Some(from) => self.has_reached_place(from)?,
            None => true,
        };
        if !reached {
            return Ok(());
        }
        let Some(Watch { table, wait, .. }) = joining.watch.take() else { return Ok(()) };
        let keys_max = self.context.spec.limits.window_keys_max;
        joining.window = Some(Window::from_now_on(&table, keys_max));
        // Key columns to remember are compiled into the tables.
        self.tables.clear();
        if wait {
            self.flush()?;
        }
        joining.beside.watching(self.read_so_far());
        if wait && let Some(ask) = joining.beside.next(&self.context.stop)? {
            self.take(joining, ask)?;
        }
        Ok(())
    }

    /// A table that is not there is read.
    fn gone(&mut self, reread: &Reread) -> Result<()> {
        self.flush()?;
        let from = self.context.reread_to(&reread.id);
        self.step(Advance::Reread {
            id: reread.id.clone(),
            database: reread.database.clone(),
            table: reread.table.clone(),
            from,
            to: None,
            done: true,
        })
    }

    fn deliver_piece(&mut self, joining: &Joining, piece: &Piece) -> Result<()> {
        // What the log has before the rows comes before them.
        self.flush()?;
        self.rows_of(joining, piece)?;
        joining.beside.delivered();
        Ok(())
    }

    /// Nothing tells where to go on inside a table without a key: the log waits while it is delivered.
    fn hold(&mut self, joining: &mut Joining) -> Result<()> {
        joining.window = None;
        let mut begun = false;
        loop {
            match joining.beside.next(&self.context.stop)? {
                Some(Ask::Deliver(piece)) => {
                    begun = true;
                    self.deliver_piece(joining, &piece)?;
                    if piece.done {
                        return Ok(());
                    }
                }
                Some(Ask::Failed(e)) => return Err(e),
                // What is with the sink cannot be taken back: a new start from the last durable checkpoint drops it.
                _ if begun => {
                    let text =
                        "a table without a key that was read beside the stream was broken off";
                    return Err(Error::new(ErrorKind::SourceStatement, text));
                }
                Some(ask) => return self.take(joining, ask),
                None => return Ok(()),
            }
        }
    }

    /// Hands the rows of a piece over, but for those that the stream has delivered newer.
    fn rows_of(&mut self, joining: &Joining, piece: &Piece) -> Result<()> {
        let table = &piece.table;
        let (mut begin, mut key) = (0, Vec::new());
        let mut spare = Vec::new();
        for end in &piece.ends {
            let mut cells = recycle(std::mem::take(&mut spare));
            table.read_into(piece.rows.get(begin..*end).unwrap_or_default(), &mut cells)?;
            let newer = match &joining.window {
                Some(window) => window.delivers(table, &cells, &mut key)?,
                None => false,
            };
            if !newer {
                self.composer.init(table.sink(), &cells)?;
            }
            spare = recycle(cells);
            begin = *end;
        }
        let (database, name) = (table.schema().database.clone(), table.schema().table.clone());
        let keyless = table.key().is_empty();
        if piece.done && keyless {
            self.withheld.remove(&(database.clone(), name.clone()));
        }
        let id = piece.id.clone();
        self.step(if keyless && !piece.done {
            Advance::Piece { database, table: name }
        } else {
            let (from, to) = (piece.from.clone(), piece.to.clone());
            Advance::Reread { id, database, table: name, from, to, done: piece.done }
        })
    }
}
