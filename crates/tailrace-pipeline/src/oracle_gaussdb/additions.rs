//! Tables that are added to a job whose increment runs.
//!
//! ```text
//! own    ──────── changes ────────► P │ ──────── changes of all tables ────────►
//! added  structure, rows, changes ──► Q │
//! ```
//!
//! They are made, copied and followed beside the job's own stream, under a name of their own at the target, so nothing waits for
//! them. When both are at one place of the log ([`Meeting`]) they become one, in one transaction at the target.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::thread;

use super::meeting::{Meeting, Meets};
use super::position::{Position, TableCopy};
use super::targets::Targets;
use super::watch::{Rereads, Watch};
use super::{OracleJob, TableChoice, begun, stream};
use crate::checkpoint::{Checkpoint, RereadProgress};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Limits, Reread};
use crate::observe::{Counters, JobObserver, Phase};
use crate::run::StopSignal;
use crate::sink::gaussdb::GaussSink;

/// The name under which the target keeps what is added to a job.
pub(crate) fn added_id(job_id: &str) -> String {
    format!("{job_id}+")
}

/// A job whose rows are copied.
pub(super) struct Increment<'a> {
    pub(super) job: &'a OracleJob,
    pub(super) epoch: u64,
    pub(super) stop: &'a StopSignal,
    pub(super) watch: &'a Watch<'a>,
}

impl Increment<'_> {
    /// Follows the log until the job is stopped, and takes in what is to be added.
    ///
    /// # Errors
    /// The first error of source or target; `Cancelled` when it is stopped.
    pub(super) fn run(&self) -> Result<std::convert::Infallible> {
        let (mut sink, mut position) = self.open()?;
        self.watch.phase(Phase::Incremental);
        loop {
            let (own, added) = self.divided(&mut sink)?;
            self.tell(&own, &position);
            let Some(added) = added else {
                self.follow(&own, (sink, position), (self.stop, Meets::Nobody))?;
                return Err(Error::new(ErrorKind::Bug, "a stream that met nobody has ended"));
            };
            let met = self.beside(&own, &added, (sink, position))?;
            (sink, position) = self.open()?;
            self.unite(&added, (&mut sink, &mut position), met)?;
        }
    }

    fn open(&self) -> Result<(GaussSink, Position)> {
        let (target, id) = (&self.job.target, &self.job.job_id);
        let (sink, position) = GaussSink::open(target, id, self.epoch, self.stop.clone())?;
        let gone = || Error::new(ErrorKind::Checkpoint, "the job's position at the target is gone");
        Ok((sink, Position::parse(&position.ok_or_else(gone)?)?))
    }

    /// The job of the tables that it has, and one of those that are to be added to it next, if there are any.
    fn divided(&self, sink: &mut GaussSink) -> Result<(OracleJob, Option<OracleJob>)> {
        let id = added_id(&self.job.job_id);
        let has = names(sink.tables()?.into_iter().map(|record| record.name));
        let begun = names(sink.tables_of(&id)?.into_iter().map(|record| record.name));
        let is_in =
            |set: &BTreeSet<String>, choice: &TableChoice| set.contains(&choice.to_string());
        let (own, mut added): (Vec<_>, Vec<_>) =
            self.job.tables.iter().cloned().partition(|choice| is_in(&has, choice));
        if added.iter().any(|choice| is_in(&begun, choice)) {
            // Others wait until those have met the job.
            added.retain(|choice| is_in(&begun, choice));
        } else if !begun.is_empty() {
            sink.begin_beside()?;
            sink.forget_other(&id)?;
            sink.commit_beside()?;
        }
        // They begin where the source is now, and their stream is a short one.
        let limits = Limits { appliers: 1, ..self.job.limits.begun_now() };
        let own = OracleJob { tables: own, ..self.job.clone() };
        let added = OracleJob { job_id: id, tables: added, limits, ..self.job.clone() };
        Ok((own, Some(added).filter(|added| !added.tables.is_empty())))
    }

    /// Tells which of the added tables the job has.
    fn tell(&self, own: &OracleJob, position: &Position) {
        let has = |reread: &Reread| {
            own.tables.iter().any(|t| t.owner == reread.database && t.name == reread.table)
        };
        let mut told = self.watch.rereads.lock().unwrap_or_else(PoisonError::into_inner);
        for reread in &self.job.rereads {
            let done = has(reread);
            match told.iter_mut().find(|one| one.id == reread.id) {
                Some(one) => one.done = done,
                None => {
                    let id = reread.id.clone();
                    told.push(RereadProgress { id, after: None, rows: 0, done });
                }
            }
        }
        drop(told);
        self.watch.read(position, position.committed_scn);
    }

    fn follow(
        &self,
        job: &OracleJob,
        (mut sink, position): (GaussSink, Position),
        (stop, meets): (&StopSignal, Meets<'_>),
    ) -> Result<(Position, u64)> {
        follow(job, self.epoch, (&mut sink, position), (stop, self.watch, meets))
    }

    /// Follows the log with the tables that the job has, and brings the added ones to where these are.
    fn beside(
        &self,
        own: &OracleJob,
        added: &OracleJob,
        (sink, position): (GaussSink, Position),
    ) -> Result<Met> {
        let (own_stop, added_stop) = (self.stop.child(), self.stop.child());
        let meeting = Meeting::new(own_stop.clone(), position.committed_scn);
        let counters = Arc::new(Counters::default());
        let observer: Arc<dyn JobObserver> = Arc::new(Adding {
            of_job: self.watch.observer(),
            asked: self.job.rereads.clone(),
            rereads: Arc::clone(&self.watch.rereads),
        });
        let tables = added.tables.iter().map(TableChoice::to_string).collect::<Vec<_>>().join(", ");
        self.watch.log(tracing::Level::INFO, &format!("to be added: {tables}"));
        thread::scope(|scope| {
            let adding = thread::Builder::new().name("tailrace-adding".to_owned());
            let adding = adding.spawn_scoped(scope, || {
                let watch = self.watch.of_part(&observer, &counters);
                let met = self.add(added, &added_stop, &watch, Meets::AsAdded(&meeting));
                if met.is_err() {
                    own_stop.stop();
                }
                met.map_err(|e| e.context(format!("to be added to the job: {tables}")))
            });
            let adding = adding.map_err(|e| {
                Error::new(ErrorKind::Local, format!("a thread for added tables: {e}"))
            })?;
            let own_stream = (sink, position);
            let followed = self.follow(own, own_stream, (&own_stop, Meets::AsOwn(&meeting)));
            let mut first = followed.map(drop);
            let was_ended = first.as_ref().is_err_and(|e| e.kind() == ErrorKind::Cancelled);
            let meets = was_ended && meeting.is_near() && !self.stop.is_stopped();
            if meets {
                first = self.place().map(|place| meeting.ended_at(place));
            }
            if !meets || first.is_err() {
                added_stop.stop();
            }
            let panicked = |_| Err(Error::new(ErrorKind::Bug, "a thread panicked"));
            match (first, adding.join().unwrap_or_else(panicked)) {
                // The other one was ended for it.
                (Err(own), Err(added)) if own.kind() == ErrorKind::Cancelled => Err(added),
                (Err(own), _) => Err(own),
                (Ok(()), met) => met,
            }
        })
    }

    /// Makes and copies the added tables, and follows the log with them until they meet the others.
    fn add(
        &self,
        added: &OracleJob,
        stop: &StopSignal,
        watch: &Watch<'_>,
        meets: Meets<'_>,
    ) -> Result<Met> {
        let position = begun(added, self.epoch, stop, watch)?;
        let (mut sink, _) =
            GaussSink::open(&added.target, &added.job_id, self.epoch, stop.clone())?;
        let of_stream = (stop, watch, meets);
        let (position, read) = follow(added, self.epoch, (&mut sink, position), of_stream)?;
        Ok(Met { read, mine_from: position.mine_from })
    }

    /// The SCN up to which some applier of the job has applied everything.
    fn place(&self) -> Result<u64> {
        let (mut sink, own) = self.open()?;
        let mut place = own.committed_scn;
        for other in sink.applier_positions()? {
            place = place.max(Position::parse(&other)?.committed_scn);
        }
        Ok(place)
    }

    /// Makes tables that are at another place of the log than the others, and not before it, part of the job.
    fn unite(
        &self,
        added: &OracleJob,
        (sink, position): (&mut GaussSink, &mut Position),
        met: Met,
    ) -> Result<()> {
        let others = sink.applier_positions()?;
        let own = position.text()?;
        let are_apart = others.iter().any(|other| *other != own);
        position.mine_from = position.mine_from.min(met.mine_from);
        sink.begin()?;
        for record in sink.tables_of(&added.job_id)? {
            let copy = TableCopy::parse(record.copied.as_deref())?;
            let copy = TableCopy {
                own_scn: Some(met.read),
                is_done: true,
                rows: copy.rows,
                ..TableCopy::default()
            };
            let version = record.version.ok_or_else(|| {
                let text = format!("{}: the target keeps no version of it", record.name);
                Error::new(ErrorKind::Checkpoint, text)
            })?;
            sink.save_table_version(&record.name, &version)?;
            sink.save_table_copy(&record.name, &copy.text()?)?;
        }
        sink.adopt_aside(&added.job_id)?;
        sink.forget_other(&added.job_id)?;
        let text = position.text()?;
        // Those that were killed between two commits stay apart.
        if are_apart {
            sink.commit(&text)?;
        } else {
            sink.commit_for_all(&text)?;
        }
        let tables = added.tables.iter().map(TableChoice::to_string).collect::<Vec<_>>().join(", ");
        let text =
            format!("{tables}: added to the job, which has their changes up to SCN {}", met.read);
        self.watch.log(tracing::Level::INFO, &text);
        Ok(())
    }
}

/// Where the added tables are.
struct Met {
    /// Everything up to this SCN is in them.
    read: u64,
    /// SCN from which the log has to be read for what is still to come.
    mine_from: u64,
}

fn follow(
    job: &OracleJob,
    epoch: u64,
    (sink, position): (&mut GaussSink, Position),
    (stop, watch, meets): (&StopSignal, &Watch<'_>, Meets<'_>),
) -> Result<(Position, u64)> {
    let session = job.session()?;
    let mut targets = Targets::open(&job.tables, &session, sink)?;
    stream::follow((&session, sink), &mut targets, position, (job, epoch), (stop, watch, meets))
}

fn names(records: impl Iterator<Item = String>) -> BTreeSet<String> {
    records.collect()
}

/// What the outside sees of tables that are being added: not the phases and positions of their own.
struct Adding {
    of_job: Arc<dyn JobObserver>,
    asked: Vec<Reread>,
    rereads: Rereads,
}

impl JobObserver for Adding {
    fn phase(&self, _phase: Phase) {}

    fn durable(&self, _checkpoint: &Checkpoint) {}

    fn table(&self, database: &str, table: &str, rows: u64, done: bool) {
        self.of_job.table(database, table, rows, done);
        let mut rereads = self.rereads.lock().unwrap_or_else(PoisonError::into_inner);
        for asked in self.asked.iter().filter(|one| one.database == database && one.table == table)
        {
            if let Some(told) = rereads.iter_mut().find(|told| told.id == asked.id) {
                told.rows = rows;
            }
        }
    }

    fn ddl(&self, position: &str, statement: &str) {
        self.of_job.ddl(position, statement);
    }

    fn log(&self, level: tracing::Level, message: &str) {
        self.of_job.log(level, message);
    }
}
