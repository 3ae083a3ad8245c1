//! The increment: windows of the log, transactions in the order of their commits, batches of them at the target.

use std::time::Duration;

use tailrace_codec::gaussdb::apply::{Changes, Conflict};
use tailrace_codec::redo::{self, Assembled, Assembly};

use super::Targets;
use super::position::{Position, XidParts};
use super::spill::SpillFile;
use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;
use crate::sink::gaussdb::GaussSink;
use crate::source::oracle::mining::{self, Mined};
use crate::source::oracle::session::Session;

/// Longest statement of LogMiner's, bytes.
const STATEMENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of changes in memory before they go to the target, also in the middle of a transaction.
const CHANGES_BYTES_MAX: usize = 16 << 20;
/// Bytes of changes of which a batch of whole transactions is committed.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of open transactions in memory before the largest is put aside.
const OPEN_BYTES_MAX: usize = 64 << 20;
/// SCNs of one window at most.
const WINDOW_SCNS_MAX: u64 = 1_000_000;
/// How often a log that has nothing new is looked at.
const IDLE_INTERVAL: Duration = Duration::from_millis(200);

/// Follows the log until the job is stopped.
pub(super) fn follow(
    session: &Session,
    sink: &mut GaussSink,
    targets: &mut Targets,
    position: Position,
    (conflict, stop): (Conflict, &StopSignal),
) -> Result<()> {
    let mut next = position.mine_from;
    let mut assembly = Assembly::new(STATEMENT_BYTES_MAX);
    let mut applier = Applier {
        sink,
        targets,
        position,
        conflict,
        changes: Changes::new(),
        bytes: 0,
        in_transaction: false,
    };
    loop {
        stop.check()?;
        let to = mining::current_scn(session)?.min(next.saturating_add(WINDOW_SCNS_MAX));
        if to < next {
            std::thread::park_timeout(IDLE_INTERVAL);
            continue;
        }
        mining::window(session, next, to, &mut |mined| {
            stop.check()?;
            applier.take(&mut assembly, mined)
        })?;
        next = to + 1;
        applier.position.mine_from = assembly.oldest_open().unwrap_or(next).min(next);
        applier.commit()?;
    }
}

/// Brings transactions to the target.
struct Applier<'a> {
    sink: &'a mut GaussSink,
    targets: &'a mut Targets,
    position: Position,
    conflict: Conflict,
    /// What is not at the target yet.
    changes: Changes,
    /// Bytes of the open target transaction.
    bytes: usize,
    in_transaction: bool,
}

impl Applier<'_> {
    /// Takes a row of the log.
    fn take(&mut self, assembly: &mut Assembly<SpillFile>, mined: &Mined<'_>) -> Result<()> {
        let table = self.targets.number(mined.owner, mined.table);
        let row = redo::RedoRow { table, ..mined.row };
        let assembled = assembly.push(&row)?;
        if assembly.memory_bytes() > OPEN_BYTES_MAX {
            assembly.put_largest_aside(|| SpillFile::new(&std::env::temp_dir()))?;
        }
        match assembled {
            Assembled::Nothing => Ok(()),
            Assembled::Committed { xid, scn, changes, .. } => {
                let xid = (xid.segment, xid.slot, xid.sequence);
                if self.position.has(scn, xid) {
                    return Ok(());
                }
                self.apply(changes, scn, xid)?;
                // What is still open is mined again after a restart, and with it what was committed since it began.
                let open = assembly.oldest_open().unwrap_or(scn);
                self.position.mine_from = open.min(scn);
                if self.bytes > BATCH_BYTES { self.commit() } else { Ok(()) }
            }
            Assembled::Definition { table, scn, sql } => self.define(table, scn, &sql),
        }
    }

    /// Applies a transaction, in pieces if it is large; it is committed with those behind it, or alone.
    fn apply(
        &mut self,
        mut changes: redo::Changes<SpillFile>,
        scn: u64,
        xid: XidParts,
    ) -> Result<()> {
        changes.for_each(|change| {
            let table = change.table;
            let rows = self.targets.rows.get_mut(table as usize);
            let rows =
                rows.ok_or_else(|| Error::new(ErrorKind::Bug, "a table that is not known"))?;
            let name = &self.targets.names[table as usize];
            let before = self.changes.bytes();
            let appended = rows
                .append(&change, table, &mut self.changes)
                .map_err(|e| Error::new(ErrorKind::SchemaMismatch, format!("{name}: {e}")))?;
            if !appended {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("{name}: a row of more than 4 GiB"),
                ));
            }
            self.bytes += self.changes.bytes() - before;
            if self.changes.bytes() > CHANGES_BYTES_MAX { self.flush() } else { Ok(()) }
        })?;
        self.position.applied(scn, xid);
        Ok(())
    }

    /// Brings what is in memory into the target's open transaction.
    fn flush(&mut self) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        self.begin()?;
        self.sink.apply(&self.targets.tables, &self.changes, self.conflict)?;
        self.changes.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            self.sink.begin()?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits what was applied, with the position.
    fn commit(&mut self) -> Result<()> {
        self.flush()?;
        self.begin()?;
        self.sink.commit(&self.position.text()?)?;
        self.in_transaction = false;
        self.bytes = 0;
        Ok(())
    }

    /// A table is defined in another way.
    fn define(&mut self, table: u32, scn: u64, sql: &str) -> Result<()> {
        let name = &self.targets.names[table as usize];
        let first = sql.split_whitespace().next().unwrap_or_default();
        if !first.eq_ignore_ascii_case("truncate") {
            let text =
                format!("{name} was defined anew at SCN {scn}, which is not applied yet: {sql}");
            return Err(Error::new(ErrorKind::SchemaMismatch, text));
        }
        // What was committed before it goes first.
        self.flush()?;
        self.begin()?;
        let target = self.targets.tables[&table].full_name();
        self.sink.define(&format!("TRUNCATE TABLE {target}"))?;
        self.position.applied(scn, (0, 0, 0));
        self.commit()
    }
}
