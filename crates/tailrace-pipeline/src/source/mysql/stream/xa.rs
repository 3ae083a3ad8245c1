//! Distributed transactions (XA).
//!
//! The log has the rows of one when it is prepared, under a transaction of its own; a later statement,
//! which may be far away, says whether they count. Nothing is kept of the rows meanwhile, however many
//! there are: only where they lie. When the commit comes, they are read again from there, over a second
//! connection. Their tables cannot have changed in between: the server holds their metadata locks until
//! the transaction ends.

use tailrace_codec::binlog::{Event, EventInflater, GtidKind, LogFormat, RawEvent};
use tailrace_codec::position::{ExecutedGtids, GtidSet, SourceGtid};

use super::transaction::{Transaction, gtid_of};
use super::{Stream, unreadable};
use crate::checkpoint::{PreparedChanges, PreparedTransaction, StreamPosition};
use crate::error::{Error, ErrorKind, Result};
use crate::source::mysql::dump::{Dump, Reach};
use crate::source::mysql::tables::Tables;
use crate::source::mysql::window::Window;

/// Distributed transactions that may be prepared at the same time: each is part of every progress
/// record.
const PREPARED_MAX: usize = 2_000;

/// The open transaction is distributed; whether its rows count shows at its end.
#[derive(Debug)]
pub(super) struct Undecided {
    xid: String,
    /// Rows of selected tables were met.
    selected: bool,
}

impl Undecided {
    pub(super) fn new(xid: String) -> Self {
        Self { xid, selected: false }
    }

    /// Notes a row of a selected table.
    pub(super) fn met_selected_rows(&mut self) {
        self.selected = true;
    }
}

/// Distributed transactions that are prepared and not ended, oldest first.
#[derive(Debug, Default)]
pub(super) struct Prepared(Vec<PreparedTransaction>);

impl Prepared {
    pub(super) fn restore(transactions: &[PreparedTransaction]) -> Self {
        Self(transactions.to_vec())
    }

    pub(super) fn to_vec(&self) -> Vec<PreparedTransaction> {
        self.0.clone()
    }

    /// Other tables are selected than when some of them were prepared: all are read again when they are committed.
    pub(super) fn select_all(&mut self) {
        for transaction in &mut self.0 {
            if transaction.changes == PreparedChanges::None {
                transaction.changes = PreparedChanges::Selected;
            }
        }
    }

    fn get(&self, xid: &str) -> Option<&PreparedTransaction> {
        self.0.iter().find(|t| t.xid == xid)
    }

    fn remove(&mut self, xid: &str) {
        self.0.retain(|t| t.xid != xid);
    }

    /// Adds one; an older one of the same XID has ended without a trace in the log.
    fn add(&mut self, transaction: PreparedTransaction) -> Result<()> {
        self.remove(&transaction.xid);
        if self.0.len() >= PREPARED_MAX {
            let oldest = self.0.first().map_or("", |t| t.xid.as_str());
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "more than {PREPARED_MAX} distributed transactions are prepared at the same time; commit or roll back those that are left over (XA RECOVER CONVERT XID), the oldest is {oldest}"
                ),
            ));
        }
        self.0.push(transaction);
        Ok(())
    }
}

impl Stream<'_> {
    /// XA ROLLBACK of a transaction that was prepared.
    pub(super) fn xa_roll_back(&mut self, xid: &str) {
        self.prepared.remove(xid);
    }

    /// XA PREPARE, or XA COMMIT … ONE PHASE.
    pub(super) fn xa_prepare(
        &mut self,
        one_phase: bool,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        let Some((xa, gtid)) = self.transaction.as_mut().and_then(|t| Some((t.xa.take()?, t.gtid)))
        else {
            return Err(Error::new(
                ErrorKind::Decode,
                format!("XA PREPARE without XA START at {}:{}", self.seen.0, self.seen.1),
            ));
        };
        let transaction = PreparedTransaction {
            xid: xa.xid,
            gtid: gtid.map(|gtid| gtid.to_string()),
            file: self.file.clone(),
            offset: self.offset,
            changes: if xa.selected { PreparedChanges::Selected } else { PreparedChanges::None },
        };
        if one_phase {
            self.deliver(&transaction, window)?;
        } else {
            self.prepared.add(transaction)?;
        }
        self.commit()
    }

    /// XA COMMIT of a transaction that was prepared.
    pub(super) fn xa_commit(&mut self, xid: &str, window: &mut Option<&mut Window>) -> Result<()> {
        self.open_transaction();
        let Some(transaction) = self.prepared.get(xid).cloned() else {
            return Err(Error::new(
                ErrorKind::PositionLost,
                format!(
                    "XA COMMIT {xid} at {}:{}: it was prepared before the position where the job began, so its changes were not read; reset the job, or start it where nothing is prepared",
                    self.seen.0, self.seen.1
                ),
            ));
        };
        self.deliver(&transaction, window)?;
        self.prepared.remove(xid);
        self.commit()
    }

    /// Reads the rows of a distributed transaction again, as rows of the open one.
    fn deliver(
        &mut self,
        transaction: &PreparedTransaction,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        if transaction.changes != PreparedChanges::Selected {
            return Ok(());
        }
        let tables = std::mem::replace(&mut self.tables, Tables::new());
        let seen = self.seen.clone();
        self.replaying = true;
        let result = self.replay(transaction, window);
        self.replaying = false;
        self.tables = tables;
        self.seen = seen;
        result.map_err(|e| {
            Error::new(
                e.kind(),
                format!(
                    "distributed transaction {}, prepared at {}:{}: {}",
                    transaction.xid,
                    transaction.file,
                    transaction.offset,
                    e.message()
                ),
            )
        })
    }

    fn replay(
        &mut self,
        transaction: &PreparedTransaction,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        let spec = &self.context.spec;
        let from = self.begin_of(transaction)?;
        // Under a name of its own: the server ends an older dump of the same one.
        let name = format!("{} xa", spec.job_id);
        let stop = self.context.stop.clone();
        let mut dump =
            Dump::open(&spec.source, &spec.limits, &name, (&from, Reach::Present), stop)?;
        let mut format = LogFormat::new(dump.checksum());
        let mut inflater = EventInflater::new(spec.limits.event_bytes_max);
        let mut begun = false;
        loop {
            self.context.stop.check()?;
            let bytes = dump.next_event()?;
            let raw = format.frame(bytes).map_err(|e| {
                Error::new(
                    ErrorKind::Decode,
                    format!("{} behind {}: {e}", self.seen.0, self.seen.1),
                )
            })?;
            let raw = match inflater.expand(&format, &raw) {
                Ok(unpacked) => unpacked.unwrap_or(raw),
                Err(e) => return Err(unreadable(&raw, e, &self.seen)),
            };
            let event = format.decode(&raw).map_err(|e| unreadable(&raw, e, &self.seen))?;
            if raw.header.log_pos > 0 && !raw.header.flags.is_artificial() {
                self.seen.1 = super::offset::unwrap_offset(self.seen.1, raw.header.log_pos);
            }
            match event {
                Event::Rotate(rotate) => self.seen = (rotate.file.to_owned(), rotate.position),
                Event::Gtid(gtid) => {
                    let found = match gtid.kind {
                        GtidKind::Anonymous => None,
                        GtidKind::Plain | GtidKind::Tagged => {
                            Some(SourceGtid::MySql(gtid_of(&gtid)?))
                        }
                    };
                    expect_begin(transaction, found, begun)?;
                    begun = true;
                }
                Event::MariaDbGtid(event) => {
                    expect_begin(transaction, Some(SourceGtid::MariaDb(event.gtid)), begun)?;
                    begun = true;
                }
                Event::TransactionPayload(payload) => {
                    let mut reader = std::mem::take(&mut self.payload_reader);
                    let result = self.payload(&format, &mut reader, &payload, window);
                    self.payload_reader = reader;
                    result?;
                    return Ok(());
                }
                Event::XaPrepare(_) => return Ok(()),
                other => self.replayed_event(&raw, other, window)?,
            }
        }
    }

    /// Where a dump sends the transaction first.
    fn begin_of(&self, transaction: &PreparedTransaction) -> Result<StreamPosition> {
        let gtid_set = match (&self.gtids, &transaction.gtid) {
            (Some(ExecutedGtids::MySql(executed)), Some(gtid)) => {
                let only: GtidSet = gtid.parse().map_err(|e: tailrace_codec::DecodeError| {
                    Error::new(ErrorKind::Checkpoint, e.to_string())
                })?;
                Some(executed.subtract(&only).to_string())
            }
            // MariaDB's positions cannot leave one transaction out: file and offset tell where it begins.
            _ => None,
        };
        Ok(StreamPosition {
            gtid_set,
            file: transaction.file.clone(),
            offset: transaction.offset,
            ..StreamPosition::default()
        })
    }

    /// An event of a distributed transaction that is read again.
    pub(super) fn replayed_event(
        &mut self,
        raw: &RawEvent<'_>,
        event: Event<'_>,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        match event {
            Event::TableMap(map) => self.table_map(&map, window),
            Event::Rows(rows) => self.rows(raw, &rows, window),
            // Its own begin and end, and what is between it and the events before it.
            Event::Query(_)
            | Event::XaPrepare(_)
            | Event::FormatDescription(_)
            | Event::Heartbeat(_)
            | Event::PreviousGtids(_)
            | Event::RowsQuery(_)
            | Event::Stop
            | Event::Ignored(_) => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Decode,
                format!("{} inside a distributed transaction", raw.header.event_type),
            )),
        }
    }

    /// Whether rows of the open transaction wait for its end; notes that there are some.
    pub(super) fn is_undecided(&mut self) -> bool {
        match self.transaction.as_mut() {
            Some(Transaction { xa: Some(xa), .. }) => {
                xa.met_selected_rows();
                true
            }
            _ => false,
        }
    }
}

/// The first transaction that the server sends must be the one that was asked for.
fn expect_begin(
    transaction: &PreparedTransaction,
    found: Option<SourceGtid>,
    begun: bool,
) -> Result<()> {
    let found = found.as_ref().map(SourceGtid::to_string);
    if begun || found != transaction.gtid {
        let name =
            |gtid: &Option<String>| gtid.clone().unwrap_or_else(|| "one without GTID".into());
        return Err(Error::new(
            ErrorKind::Decode,
            format!(
                "the source sent transaction {} where {} was asked for",
                name(&found),
                name(&transaction.gtid)
            ),
        ));
    }
    Ok(())
}
