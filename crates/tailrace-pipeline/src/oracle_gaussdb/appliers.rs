//! Several appliers beside each other (`parallel`): each has the changes of its own keys, and all of them commit round by round.
//!
//! ```text
//! transactions ─► parts of a round, by key ─► applier 0 … n ─► all have applied ─► 1 … n commit ─► 0 commits
//! ```
//!
//! A round is whole source transactions, so between two rounds the target has whole ones; while a round is committed, for some
//! milliseconds, it has parts of them. What cannot be divided is applied alone, between two rounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tailrace_codec::gaussdb::apply::{Change, Changes, Route};

use super::OracleJob;
use super::dirty::{self, Marks};
use super::handover::{Handover, Next};
use super::position::{Position, XidParts};
use super::watch::Watch;
use crate::batch::Counts;
use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;
use crate::sink::gaussdb::{ApplyTables, AsideLane, GaussSink};

/// Bytes of changes of a transaction up to which it is divided; a larger one is applied alone.
pub(super) const DIVIDED_BYTES_MAX: usize = 8 << 20;
/// Bytes of changes of which a round is committed.
pub(super) const ROUND_BYTES: usize = 8 << 20;
/// Rounds that wait for an applier.
const WAITING_ROUNDS_MAX: usize = 1;
/// Longest wait until a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// The job's own sink, which its applier 0 and whoever applies something alone use in turn.
pub(super) type OwnSink<'a> = Mutex<&'a mut GaussSink>;

/// Takes it.
pub(super) fn locked<'s, 'a>(sink: &'s OwnSink<'a>) -> MutexGuard<'s, &'a mut GaussSink> {
    sink.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all parts of a round have in common.
pub(super) struct Round {
    pub(super) tables: Arc<ApplyTables>,
    /// Where the target is with it.
    pub(super) position: Position,
    pub(super) counts: Counts,
    /// Up to here the log was read.
    pub(super) read: u64,
    /// When the newest of it was committed at the source, milliseconds of the Unix epoch.
    pub(super) committed_ms: Option<i64>,
    /// Changes that its parts have put aside.
    pub(super) set_aside: AtomicU64,
}

struct Part {
    changes: Changes,
    marks: Marks,
    round: Arc<Round>,
    position: Arc<str>,
}

/// One of them with its sink; applier 0 has the job's own.
pub(super) struct Lane {
    number: u32,
    sink: Option<GaussSink>,
    parts: Handover<Part>,
}

/// How far the rounds are.
#[derive(Debug, Default)]
struct Steps {
    /// Rounds that applier 0 has begun.
    begun: u64,
    /// Parts that are applied, of all rounds.
    applied: u64,
    /// Parts that are committed, but those of applier 0.
    committed: u64,
    /// Rounds that are committed as a whole.
    done: u64,
    has_failed: bool,
}

/// Appliers that are at work.
pub(super) struct Appliers {
    lanes: Vec<Lane>,
    /// Where each of them was when the job began, if they were at different positions.
    apart: Vec<Position>,
    steps: Mutex<Steps>,
    changed: Condvar,
}

impl Appliers {
    /// As many as the job is to have, or as many as there were if those stand apart: what one of them has is known by its keys.
    /// Gives the position of that which is behind all others too.
    ///
    /// # Errors
    /// Those of the target; `Checkpoint` for positions that cannot be read.
    pub(super) fn open(
        job: &OracleJob,
        epoch: u64,
        (sink, own): (&mut GaussSink, Position),
        (stop, watch): (&StopSignal, &Watch<'_>),
    ) -> Result<(Option<Self>, Position)> {
        let others = sink.applier_positions()?;
        let mut positions = vec![own];
        for other in &others {
            positions.push(Position::parse(other)?);
        }
        let is_apart = positions.iter().any(|position| *position != positions[0]);
        let wanted = job.limits.appliers.max(1);
        let count = if is_apart { positions.len() } else { wanted };
        if is_apart && count != wanted {
            let text = format!(
                "there are {count} appliers until the next start, and not {wanted}: they were killed while they committed"
            );
            watch.log(tracing::Level::WARN, &text);
        }
        if !is_apart && others.len() + 1 != count {
            sink.begin()?;
            sink.commit_with_appliers(count - 1, &positions[0].text()?)?;
        }
        let least = least(&positions[0], &positions[1..]);
        if count == 1 {
            return Ok((None, least));
        }
        let lane = |number: usize| {
            let sink = || GaussSink::beside(&job.target, &job.job_id, epoch, stop.clone());
            Ok(Lane {
                number: u32::try_from(number).unwrap_or(u32::MAX),
                sink: (number > 0).then(sink).transpose()?,
                parts: Handover::new(usize::MAX, WAITING_ROUNDS_MAX),
            })
        };
        let lanes = (0..count).map(lane).collect::<Result<_>>()?;
        let apart = if is_apart { positions } else { Vec::new() };
        let (steps, changed) = (Mutex::default(), Condvar::new());
        Ok((Some(Self { lanes, apart, steps, changed }), least))
    }

    /// The appliers' sinks, each for a thread that [`runs`](Self::run) one of them; the first has none, as it uses the job's own.
    pub(super) fn take_sinks(&mut self) -> Vec<Option<GaussSink>> {
        self.lanes.iter_mut().map(|lane| lane.sink.take()).collect()
    }

    /// Applies the parts of an applier until no more come.
    ///
    /// # Errors
    /// Those of the target; `Cancelled` when the job is stopped or another applier has failed.
    pub(super) fn run(
        &self,
        number: usize,
        (own, other): (&OwnSink<'_>, Option<GaussSink>),
        job: &OracleJob,
        (stop, watch): (&StopSignal, &Watch<'_>),
    ) -> Result<()> {
        let lane = &self.lanes[number];
        let ran = match other {
            None => self.first(lane, own, job, (stop, watch)),
            Some(sink) => self.other(lane, sink, job, stop),
        };
        if ran.is_err() {
            self.step(|steps| steps.has_failed = true);
        }
        lane.parts.close();
        ran
    }

    fn first(
        &self,
        lane: &Lane,
        sink: &OwnSink<'_>,
        job: &OracleJob,
        (stop, watch): (&StopSignal, &Watch<'_>),
    ) -> Result<()> {
        let count = self.lanes.len() as u64;
        for number in 1.. {
            let Some(part) = next(lane, stop)? else { return Ok(()) };
            let mut sink = locked(sink);
            sink.begin()?;
            self.step(|steps| steps.begun = number);
            self.apply(lane, &part, &mut sink, job)?;
            self.step(|steps| steps.applied += 1);
            self.wait(stop, |steps| {
                steps.applied >= number * count && steps.committed >= number * (count - 1)
            })?;
            sink.commit(&part.position)?;
            let round = &part.round;
            // All others have ended their parts.
            let set_aside = round.set_aside.load(Ordering::Relaxed);
            dirty::tell(watch, set_aside);
            let counts = Counts { dead_letters: set_aside, ..round.counts };
            watch.committed(&round.position, round.read, &counts, round.committed_ms);
            self.step(|steps| steps.done = number);
        }
        Ok(())
    }

    fn other(
        &self,
        lane: &Lane,
        mut sink: GaussSink,
        job: &OracleJob,
        stop: &StopSignal,
    ) -> Result<()> {
        let count = self.lanes.len() as u64;
        for number in 1.. {
            let Some(part) = next(lane, stop)? else { return Ok(()) };
            self.wait(stop, |steps| steps.begun >= number)?;
            sink.begin_applier(lane.number)?;
            self.apply(lane, &part, &mut sink, job)?;
            self.step(|steps| steps.applied += 1);
            self.wait(stop, |steps| steps.applied >= number * count)?;
            sink.commit_applier(lane.number, &part.position)?;
            self.step(|steps| steps.committed += 1);
        }
        Ok(())
    }

    /// Brings a part into the open transaction.
    fn apply(&self, lane: &Lane, part: &Part, sink: &mut GaussSink, job: &OracleJob) -> Result<()> {
        let lane = AsideLane { number: lane.number.into(), of: self.lanes.len() as u64 };
        let changes = (&part.changes, &part.marks);
        let set_aside = dirty::apply((sink, lane), &part.round.tables, changes, job)?;
        part.round.set_aside.fetch_add(set_aside, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until so many rounds are committed.
    ///
    /// # Errors
    /// `Cancelled` when the job is stopped or an applier has failed.
    pub(super) fn wait_done(&self, rounds: u64, stop: &StopSignal) -> Result<()> {
        self.wait(stop, |steps| steps.done >= rounds)
    }

    /// Whether so many rounds are committed.
    pub(super) fn is_done(&self, rounds: u64) -> bool {
        self.steps().done >= rounds
    }

    /// No more parts come.
    pub(super) fn close(&self) {
        self.lanes.iter().for_each(|lane| lane.parts.close());
    }

    fn wait(&self, stop: &StopSignal, holds: impl Fn(&Steps) -> bool) -> Result<()> {
        let mut steps = self.steps();
        loop {
            stop.check()?;
            if steps.has_failed {
                return Err(Error::new(ErrorKind::Cancelled, "another applier has failed"));
            }
            if holds(&steps) {
                return Ok(());
            }
            steps = self
                .changed
                .wait_timeout(steps, WAIT_MAX)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn step(&self, step: impl FnOnce(&mut Steps)) {
        step(&mut self.steps());
        self.changed.notify_all();
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The position that is behind all others, with the log from where any of them needs it.
fn least(own: &Position, others: &[Position]) -> Position {
    let mut least = own.clone();
    for other in others {
        let mine_from = least.mine_from.min(other.mine_from);
        let place = |p: &Position| (p.committed_scn, p.committed.len());
        if place(other) < place(&least) {
            least = other.clone();
        }
        least.mine_from = mine_from;
    }
    least
}

fn next(lane: &Lane, stop: &StopSignal) -> Result<Option<Part>> {
    loop {
        match lane.parts.pop(WAIT_MAX, stop)? {
            Next::Item(part) => return Ok(Some(part)),
            Next::Quiet => {}
            Next::Closed => return Ok(None),
        }
    }
}

/// Divides transactions among appliers.
pub(super) struct Divider<'a> {
    appliers: &'a Appliers,
    /// The parts of the next round.
    parts: Vec<(Changes, Marks)>,
    is_empty: bool,
    /// What it has.
    pub(super) counts: Counts,
    /// Rounds that were handed out.
    rounds: u64,
}

impl<'a> Divider<'a> {
    pub(super) fn new(appliers: &'a Appliers) -> Self {
        let parts = appliers.lanes.iter().map(|_| Default::default()).collect();
        Self { appliers, parts, is_empty: true, counts: Counts::default(), rounds: 0 }
    }

    /// Whether nothing waits to be handed out.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Whether nothing is at work either.
    pub(super) fn is_settled(&self) -> bool {
        self.is_empty && self.appliers.is_done(self.rounds)
    }

    /// Takes the changes of a transaction into the next round, unless one of them cannot be applied beside others: `false`, and
    /// nothing was taken.
    ///
    /// # Errors
    /// `Limit` if they have no room.
    pub(super) fn take(
        &mut self,
        changes: &Changes,
        tables: &ApplyTables,
        (scn, xid): (u64, XidParts),
    ) -> Result<bool> {
        let count = self.parts.len() as u64;
        let lane = |change: &Change<'_>| -> Result<Option<usize>> {
            let table = tables.get(&change.table);
            let table = table.ok_or_else(|| {
                Error::new(ErrorKind::Bug, "a change of a table that is not known")
            })?;
            Ok(match table.route(change) {
                Route::By(number) => usize::try_from(number % count).ok(),
                Route::Alone => None,
            })
        };
        let lanes: Result<Option<Vec<usize>>> = changes.iter().map(|c| lane(&c)).collect();
        let Some(lanes) = lanes? else { return Ok(false) };
        for (change, lane) in changes.iter().zip(lanes) {
            // One that was ahead when the job began has it already.
            let has = self.appliers.apart.get(lane).is_some_and(|of| of.has(scn, xid));
            if has {
                continue;
            }
            let (changes, marks) = &mut self.parts[lane];
            marks.begin(changes.len(), scn);
            if !changes.push_change(&change) {
                return Err(Error::new(ErrorKind::Limit, "a round of more than 4 GiB"));
            }
        }
        self.is_empty = false;
        Ok(true)
    }

    /// Hands the next round out.
    ///
    /// # Errors
    /// `Cancelled` when the job is stopped or an applier has failed.
    pub(super) fn hand_out(&mut self, round: Round, stop: &StopSignal) -> Result<()> {
        let position: Arc<str> = round.position.text()?.into();
        let round = Arc::new(round);
        for (lane, part) in self.appliers.lanes.iter().zip(&mut self.parts) {
            let (changes, marks) = std::mem::take(part);
            let (bytes, round) = (changes.bytes(), Arc::clone(&round));
            let position = Arc::clone(&position);
            lane.parts.push(Part { changes, marks, round, position }, bytes, stop)?;
        }
        self.is_empty = true;
        self.rounds += 1;
        Ok(())
    }

    /// Waits until all that was handed out is committed.
    ///
    /// # Errors
    /// As [`hand_out`](Self::hand_out).
    pub(super) fn wait_done(&self, stop: &StopSignal) -> Result<()> {
        self.appliers.wait_done(self.rounds, stop)
    }

    /// Whether an applier has failed.
    ///
    /// # Errors
    /// `Cancelled` if so.
    pub(super) fn check(&self, stop: &StopSignal) -> Result<()> {
        self.appliers.wait(stop, |_| true)
    }
}
