//! The tables of one topic: two looks at both sides.
//!
//! First look: the topic, then the rows through a view, then the topic again once the job has delivered all that the view
//! shows. A key that both sides have alike is done. Second look, at the others: a view that shows all that the topic had
//! by then, and every message behind. If the topic never had the view's row meanwhile, it did not have it at the place of
//! the log where the view stands, whatever changes there are.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::compare::durable::{Durable, Mark};
use crate::compare::effects::Effects;
use crate::compare::entry::{SourceEntry, TopicEntry, TopicState};
use crate::compare::matching::{Candidate, Matched, RowKey, matched};
use crate::compare::message::Fields;
use crate::compare::scan::{Scan, ScanTable};
use crate::compare::spill::{BUCKETS, Record as _, Spill};
use crate::compare::{CANDIDATES_MAX, CompareProgress, SPILL_BYTES_MIN};
use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;
use crate::sink::kafka::topic_reader::TopicReader;
use crate::source::mysql::catalog::{self, ServerSettings};
use crate::source::mysql::connection::Connection;
use crate::source::mysql::reader::is_stale_view;
use crate::source::mysql::view;

/// Second looks, if messages with other columns come in between.
const LOOKS_MAX: u32 = 4;
/// Views that may show too little, or tables that may not be locked, before it is given up.
const VIEWS_MAX: u32 = 30;
/// Messages between two looks whether to stop.
const STOP_EVERY_MESSAGES: u64 = 4096;

/// The tables of one topic, and what is needed to look at both sides.
pub(crate) struct Group<'a> {
    pub(crate) scan: Scan<'a>,
    pub(crate) tables: Vec<ScanTable>,
    pub(crate) effects: Effects,
    pub(crate) topic: TopicReader<'a>,
    pub(crate) partitions: i32,
    pub(crate) durable: &'a Durable<'a>,
    pub(crate) settings: &'a ServerSettings,
    pub(crate) scratch: &'a Path,
    pub(crate) progress: &'a CompareProgress,
    pub(crate) stop: &'a StopSignal,
}

/// What comes of a group.
pub(crate) struct Looked {
    pub(crate) matched: Matched,
    /// Everything before this place was compared.
    pub(crate) mark: Mark,
    /// The topic's oldest messages are gone.
    pub(crate) cut: bool,
}

impl Group<'_> {
    /// Looks at both sides.
    ///
    /// # Errors
    /// Those of source, target and disk. What is wrong with one table is its own fault.
    pub(crate) fn look(&mut self) -> Result<Looked> {
        let mut topic = Spill::create(self.scratch)?;
        let mut compact_at = SPILL_BYTES_MIN;
        let cut = self.read_topic(&mut topic, &mut compact_at)?;
        let mut source = Spill::create(self.scratch)?;
        let mut mark = Mark::default();
        for table in 0..self.tables.len() {
            let scanned = self.first_look(table, &mut source);
            if let Some(place) = self.or_fault(table, scanned)? {
                mark = place;
            }
        }
        // Without a table there is nothing to wait for.
        if !mark.place.0.is_empty() {
            self.durable.wait(&mark)?;
        }
        self.read_topic(&mut topic, &mut compact_at)?;
        let mut matched = matched(&topic, &source, CANDIDATES_MAX)?;
        drop((topic, source));
        for _ in 0..LOOKS_MAX {
            let versions = self.versions();
            self.second_look(&mut matched)?;
            if versions == self.versions() {
                break;
            }
        }
        Ok(Looked { matched, mark, cut })
    }

    fn versions(&self) -> usize {
        self.effects.tables.iter().map(|table| table.shape.versions()).sum()
    }

    fn has_fault(&self, table: usize) -> bool {
        self.effects.tables.get(table).is_none_or(|table| table.fault.is_some())
    }

    /// What went wrong with one table alone is its own fault.
    fn or_fault<T>(&mut self, table: usize, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(e) if is_own_fault(&e) => {
                if let Some(watched) = self.effects.tables.get_mut(table) {
                    watched.fault.get_or_insert(e);
                }
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Spills what the topic's messages do; whether some of its oldest messages are gone.
    fn read_topic(&mut self, spill: &mut Spill<TopicEntry>, compact_at: &mut u64) -> Result<bool> {
        let ends = self.topic.ends(self.partitions)?;
        let (effects, progress, stop) = (&mut self.effects, self.progress, self.stop);
        let scratch = self.scratch;
        self.topic.read(&ends, |message| {
            if progress.messages.fetch_add(1, Ordering::Relaxed) % STOP_EVERY_MESSAGES == 0 {
                stop.check()?;
            }
            effects.read(message, &mut |table, key, at, effect| {
                spill.push(&TopicEntry { table, key, at, effect })
            })?;
            if spill.bytes() >= *compact_at {
                *spill = compacted(spill, scratch)?;
                *compact_at = SPILL_BYTES_MIN.max(spill.bytes() * 2);
            }
            Ok(())
        })?;
        Ok(ends.iter().any(|(low, _)| *low > 0))
    }

    fn connect(&self) -> Result<Connection> {
        let spec = self.scan.spec;
        Connection::connect(&spec.source, &spec.limits, self.stop.clone())
    }

    /// Spills the rows of a table; gives the end of the log behind the last view.
    fn first_look(&mut self, table: usize, spill: &mut Spill<SourceEntry>) -> Result<Mark> {
        let number = u32::try_from(table).unwrap_or(u32::MAX);
        let (Some(scanned), Some(watched)) =
            (self.tables.get(table), self.effects.tables.get_mut(table))
        else {
            return Err(lost());
        };
        let spec = self.scan.spec;
        let mut after = None;
        let mut images = Vec::new();
        loop {
            let (mut connection, mark) = open_now(&self.scan, self.settings)?;
            let until = Instant::now() + spec.limits.snapshot_view_age_max;
            let shape = &mut watched.shape;
            let mut each = |row: &Fields<'_>, _: &mut dyn FnMut() -> Result<Vec<String>>| {
                let key = shape.hash_for_all(row, &mut images)?;
                (0..).zip(&images).try_for_each(|(version, image)| {
                    spill.push(&SourceEntry { table: number, key, version, image: *image })
                })
            };
            let through = (&mut connection, until);
            after = self.scan.rows(through, scanned, after, &mut self.effects.reader, &mut each)?;
            if after.is_none() {
                return Ok(mark);
            }
        }
    }

    /// Looks at what is not settled once more.
    fn second_look(&mut self, matched: &mut Matched) -> Result<()> {
        let mut mark = None;
        for table in 0..self.tables.len() {
            let number = u32::try_from(table).unwrap_or(u32::MAX);
            let open =
                matched.candidates.iter_mut().filter(|(key, one)| key.0 == number && !one.settled);
            let count = open.map(|(_, one)| one.source = Default::default()).count();
            if count == 0 || self.has_fault(table) {
                continue;
            }
            let scanned = self.look_again(table, matched);
            if let Some(place) = self.or_fault(table, scanned)? {
                mark = Some(place);
            }
        }
        // The place of a view that was opened later is a later one.
        let Some(mark) = mark else { return Ok(()) };
        let open = matched.candidates.values_mut().filter(|one| !one.settled);
        open.for_each(|one| one.settled = one.is_equal());
        self.durable.wait(&mark)?;
        let ends = self.topic.ends(self.partitions)?;
        let (effects, progress) = (&mut self.effects, self.progress);
        self.topic.read(&ends, |message| {
            progress.messages.fetch_add(1, Ordering::Relaxed);
            effects.read(message, &mut |table, key, at, effect| {
                if let Some(one) = open_one(matched, (table, key)) {
                    match &mut one.topic {
                        None => one.topic = Some(TopicState::of(at, effect)),
                        Some(state) => state.add(at, effect),
                    }
                    one.settled = one.is_row_of(effect) || one.is_equal();
                }
                Ok(())
            })
        })
    }

    /// Reads the rows of a table that are not settled, through a view that shows all that the topic had.
    fn look_again(&mut self, table: usize, matched: &mut Matched) -> Result<Mark> {
        let (mut connection, mark) = self.open_behind(table)?;
        let number = u32::try_from(table).unwrap_or(u32::MAX);
        let (Some(scanned), Some(watched)) =
            (self.tables.get(table), self.effects.tables.get_mut(table))
        else {
            return Err(lost());
        };
        let shape = &mut watched.shape;
        let mut images = Vec::new();
        let mut each = |row: &Fields<'_>, literals: &mut dyn FnMut() -> Result<Vec<String>>| {
            let key = shape.hash_for_all(row, &mut images)?;
            if let Some(one) = open_one(matched, (number, key)) {
                one.source.rows += 1;
                one.source.images.clone_from(&images);
                one.source.literals = literals()?;
            }
            Ok(())
        };
        let limits = &self.scan.spec.limits;
        let until = Instant::now() + limits.snapshot_view_age_max;
        let reader = &mut self.effects.reader;
        let through = (&mut connection, until);
        let mut after = self.scan.rows(through, scanned, None, reader, &mut each)?;
        let mut mark = mark;
        while after.is_some() {
            // What a later view shows beyond the first one is among the messages that are read behind it.
            let (mut connection, behind) = open_now(&self.scan, self.settings)?;
            let until = Instant::now() + limits.snapshot_view_age_max;
            let through = (&mut connection, until);
            after = self.scan.rows(through, scanned, after, reader, &mut each)?;
            mark = behind;
        }
        Ok(mark)
    }

    /// A view that shows all that the topic had.
    fn open_behind(&self, table: usize) -> Result<(Connection, Mark)> {
        let Some(scanned) = self.tables.get(table) else { return Err(lost()) };
        let spec = self.scan.spec;
        let acknowledged = spec.policy.delivery == crate::job::Delivery::AtLeastOnce;
        let lock = acknowledged || !(self.settings.gtid || self.settings.mariadb);
        let mut control = self.connect()?;
        for _ in 0..VIEWS_MAX {
            self.stop.check()?;
            let read = self.durable.read()?;
            let how = (self.settings, lock);
            match view::open((spec, self.stop), &mut control, &scanned.table, how, &read) {
                Ok(Some((connection, place))) => {
                    return Ok((connection, mark_at(&mut control, self.settings, place)?));
                }
                Ok(None) => {}
                Err(e) if view::is_locked_out(&e) => {}
                Err(e) => return Err(e),
            }
        }
        let text = format!("no view showed within {VIEWS_MAX} tries what was delivered already");
        Err(Error::new(ErrorKind::SourceStatement, text))
    }
}

/// A view of now, and the end of the log behind it.
fn open_now(scan: &Scan<'_>, settings: &ServerSettings) -> Result<(Connection, Mark)> {
    let (connection, mut control, place) = view::open_now((scan.spec, scan.stop))?;
    let mark = mark_at(&mut control, settings, place)?;
    Ok((connection, mark))
}

fn mark_at(
    control: &mut Connection,
    settings: &ServerSettings,
    place: (String, u64),
) -> Result<Mark> {
    if settings.mariadb {
        return Ok(Mark { place, ..Mark::default() });
    }
    let uuid = control.one_row("SELECT @@GLOBAL.server_uuid")?.text(0)?.to_owned();
    let executed = catalog::gtid_executed(control)?;
    let gtids = executed.parse().map_err(|e| Error::new(ErrorKind::Decode, format!("{e}")))?;
    let gtids = settings.gtid.then_some(gtids);
    Ok(Mark { place, server_uuid: Some(uuid), gtids })
}

fn open_one(matched: &mut Matched, key: RowKey) -> Option<&mut Candidate> {
    matched.candidates.get_mut(&key).filter(|one| !one.settled)
}

/// What keeps one table from being compared, and no other.
fn is_own_fault(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::SchemaMismatch | ErrorKind::Decode | ErrorKind::Limit)
        || is_stale_view(error)
}

fn lost() -> Error {
    Error::new(ErrorKind::Bug, "a table of the comparison was lost")
}

/// The same without what newer messages of a key have overtaken.
fn compacted(spill: &Spill<TopicEntry>, scratch: &Path) -> Result<Spill<TopicEntry>> {
    let mut small = Spill::create(scratch)?;
    for bucket in 0..BUCKETS {
        let mut last = std::collections::HashMap::<RowKey, TopicState>::new();
        spill.bucket(bucket, |entry| {
            last.entry((entry.table, entry.key()))
                .and_modify(|state| state.add(entry.at, entry.effect))
                .or_insert_with(|| TopicState::of(entry.at, entry.effect));
        })?;
        for ((table, key), state) in &last {
            for (at, effect) in state.lasts() {
                small.push(&TopicEntry { table: *table, key: *key, at: *at, effect: *effect })?;
            }
        }
    }
    Ok(small)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::entry::{At, Effect};

    #[test]
    fn what_is_compacted_says_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let mut spill = Spill::create(directory.path()).unwrap();
        for offset in 0..1000 {
            let at = At { time_ms: offset, offset, partition: 0 };
            let key = u128::from(offset.unsigned_abs() % 10);
            let effect = if offset < 995 { Effect::Present(0, 1) } else { Effect::Absent };
            spill.push(&TopicEntry { table: 0, key, at, effect }).unwrap();
            spill.push(&TopicEntry { table: 1, key, at, effect: Effect::Count(1) }).unwrap();
        }
        let small = compacted(&spill, directory.path()).unwrap();
        let mut seen = Vec::new();
        for bucket in 0..BUCKETS {
            small.bucket(bucket, |entry| seen.push(entry)).unwrap();
        }
        assert_eq!(seen.len(), 20);
        for entry in seen {
            let expected = match (entry.table, entry.key) {
                (1, _) => Effect::Count(100),
                (_, 5..) => Effect::Absent,
                _ => Effect::Present(0, 1),
            };
            assert_eq!(entry.effect, expected, "{entry:?}");
        }
    }
}
