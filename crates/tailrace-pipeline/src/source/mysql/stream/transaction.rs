//! Where transactions of the source begin and end, and the statements in them.

use tailrace_codec::binlog::{
    AlterPhase, GtidEvent, GtidKind, MariaDbGtidEvent, QueryEvent, RawEvent,
};
use tailrace_codec::position::{Gtid, SourceGtid, Tag};

use super::Stream;
use super::xa::Undecided;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{HeaderSet, MessageFormat};
use crate::source::mysql::statement::{self, Effect};
use crate::source::mysql::window::Window;

/// What ends a transaction of which the log has the begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Ending {
    /// What MySQL's log says: a commit, or a statement that is a transaction of its own.
    #[default]
    CommitOrStatement,
    /// A commit: statements in it do not end it, whatever they are.
    Commit,
    /// Its only statement.
    Statement,
}

/// A transaction of the source that is being read.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) gtid: Option<SourceGtid>,
    /// Commit time, microseconds of the Unix epoch; 0 if the server did not write one.
    pub(super) committed_us: i64,
    /// The server's thread that made it, once it is known.
    pub(super) thread: Option<u64>,
    /// Selected rows and DDL statements of it so far, those delivered before a restart included.
    pub(super) changes: u64,
    /// It is distributed, and whether it counts is not known before its end.
    pub(super) xa: Option<Undecided>,
    /// What ends it.
    pub(super) ending: Ending,
    /// Its statement is part of an ALTER TABLE that changes nothing by itself.
    pub(super) without_effect: bool,
}

impl Stream<'_> {
    pub(super) fn begin(&mut self, event: &GtidEvent<'_>) -> Result<()> {
        let gtid = match event.kind {
            GtidKind::Anonymous => None,
            GtidKind::Plain | GtidKind::Tagged => Some(SourceGtid::MySql(gtid_of(event)?)),
        };
        if gtid.is_none() && self.gtids.is_some() {
            return Err(Error::new(
                ErrorKind::SourceSetting,
                format!(
                    "a transaction without GTID at {}:{}: gtid_mode was turned off while the job follows GTIDs; reset the job",
                    self.seen.0, self.seen.1
                ),
            ));
        }
        let committed_us = i64::try_from(event.immediate_commit_timestamp).unwrap_or(0);
        self.open(Transaction { gtid, committed_us, ..Transaction::default() })
    }

    pub(super) fn begin_mariadb(&mut self, event: &MariaDbGtidEvent<'_>) -> Result<()> {
        self.open(Transaction {
            gtid: Some(SourceGtid::MariaDb(event.gtid)),
            thread: event.thread_id.map(u64::from),
            xa: event.prepares.map(|xid| Undecided::new(xid.to_string())),
            ending: if event.standalone { Ending::Statement } else { Ending::Commit },
            without_effect: matches!(event.alter, Some(AlterPhase::Start | AlterPhase::Rollback)),
            ..Transaction::default()
        })
    }

    fn open(&mut self, transaction: Transaction) -> Result<()> {
        if let Some(open) = &self.transaction {
            return Err(Error::new(
                ErrorKind::Decode,
                format!(
                    "a transaction begins at {}:{} while {:?} has no end",
                    self.seen.0, self.seen.1, open.gtid
                ),
            ));
        }
        let policy = &self.context.spec.policy;
        let says_gtid = policy.transaction_topic.is_some()
            || policy.headers == HeaderSet::Source
            || matches!(
                policy.format,
                MessageFormat::Debezium | MessageFormat::Avro | MessageFormat::Canal
            );
        if says_gtid && let Some(gtid) = &transaction.gtid {
            self.gtid_text.set(gtid);
        }
        self.transaction = Some(transaction);
        Ok(())
    }

    /// Commit time of the open transaction, or the event's own.
    pub(super) fn time_us(&self, raw: &RawEvent<'_>) -> i64 {
        match &self.transaction {
            Some(t) if t.committed_us > 0 => t.committed_us,
            _ => i64::from(raw.header.timestamp) * 1_000_000,
        }
    }

    /// A number of the open transaction that no other one has: that of its GTID, else its place in the log, the file's number
    /// above the offset.
    pub(super) fn xid(&self) -> u64 {
        match self.transaction.as_ref().and_then(|t| t.gtid.as_ref()) {
            Some(SourceGtid::MySql(gtid)) => gtid.gno(),
            Some(SourceGtid::MariaDb(gtid)) => gtid.sequence,
            None => {
                let number = self.file.rsplit_once('.').and_then(|(_, n)| n.parse::<u32>().ok());
                u64::from(number.unwrap_or(0)) << 32 | self.offset & u64::from(u32::MAX)
            }
        }
    }

    pub(super) fn open_transaction(&mut self) -> &mut Transaction {
        // Servers before 5.6.5 write no GTID event at all.
        self.transaction.get_or_insert_default()
    }

    fn ending(&self) -> Ending {
        self.transaction.as_ref().map_or(Ending::CommitOrStatement, |t| t.ending)
    }

    pub(super) fn query(
        &mut self,
        raw: &RawEvent<'_>,
        query: &QueryEvent<'_>,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        if query.sql == b"BEGIN" {
            self.open_transaction().thread = Some(u64::from(query.thread_id));
            return Ok(());
        }
        if self.transaction.as_ref().is_some_and(|t| t.without_effect) {
            return self.commit();
        }
        let ends = self.ending() == Ending::Statement;
        self.statement(raw, query, window)?;
        if ends && self.transaction.is_some() { self.commit() } else { Ok(()) }
    }

    fn statement(
        &mut self,
        raw: &RawEvent<'_>,
        query: &QueryEvent<'_>,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        let sql = statement::text(query)?;
        let in_group = self.ending() == Ending::Commit;
        match statement::effect(&sql, query, self.dialect, &self.context.spec.selection) {
            Effect::Begin => {
                self.open_transaction();
                Ok(())
            }
            Effect::XaBegin(xid) => {
                self.open_transaction().xa = Some(Undecided::new(xid));
                Ok(())
            }
            Effect::XaCommit(xid) => self.xa_commit(&xid, window),
            Effect::XaRollback(xid) => {
                self.xa_roll_back(&xid);
                self.commit()
            }
            Effect::Commit => self.commit(),
            Effect::InTransaction => Ok(()),
            Effect::Rollback => self.roll_back(),
            Effect::Unsupported(why) => Err(Error::new(
                ErrorKind::UnknownEvent,
                format!(
                    "{} at {}:{}: {why}",
                    sql.chars().take(200).collect::<String>(),
                    self.seen.0,
                    self.seen.1
                ),
            )),
            Effect::Other if in_group => Ok(()),
            Effect::Other => self.commit(),
            Effect::Definition { database, table, commits } => {
                if let Some(window) = window {
                    window.definition_changed();
                }
                let es_ms = self.time_us(raw).div_euclid(1000);
                self.definition(es_ms, (&database, &table), &sql, query)?;
                if commits && !in_group { self.commit() } else { Ok(()) }
            }
        }
    }

    /// A rolled-back transaction is in the log only if it touched tables without transactions.
    fn roll_back(&mut self) -> Result<()> {
        let wrote = self.transaction.as_ref().is_some_and(|t| t.changes > 0);
        if wrote {
            return Err(Error::new(
                ErrorKind::UnknownEvent,
                format!(
                    "a transaction that was rolled back at {}:{} holds rows of selected tables: a table without transactions was changed in it",
                    self.seen.0, self.seen.1
                ),
            ));
        }
        self.commit()
    }
}

/// The GTID of MySQL's events.
pub(super) fn gtid_of(event: &GtidEvent<'_>) -> Result<Gtid> {
    let bad = |e: tailrace_codec::DecodeError| Error::new(ErrorKind::Decode, e.to_string());
    let tag = match event.tag {
        "" => None,
        tag => Some(Tag::new(tag).map_err(bad)?),
    };
    let number = u64::try_from(event.gno).unwrap_or(0);
    Gtid::new(event.sid, tag, number).map_err(bad)
}
