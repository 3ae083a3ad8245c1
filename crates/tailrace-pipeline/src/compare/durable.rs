//! How far the job is, as its progress record says, and waiting until it has delivered up to a place of the log.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use tailrace_codec::position::{ExecutedGtids, FileOffset, GtidSet};

use crate::checkpoint::{Checkpoint, SnapshotProgress, StreamPosition};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobSpec, TaskType};
use crate::run::StopSignal;
use crate::sink::kafka::lookup::Lookup;
use crate::sink::kafka::patience::Patience;
use crate::sink::kafka::progress::ProgressTopic;
use crate::sink::kafka::progress_consumers::ProgressConsumers;
use crate::sink::kafka::progress_reader::ProgressReader;
use crate::source::mysql::window::Read;

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Longest time in which the job makes no progress while it is waited for.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);

/// A place of the source's log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mark {
    /// File and offset.
    pub(crate) place: (String, u64),
    /// The server whose log that is, where it tells.
    pub(crate) server_uuid: Option<String>,
    /// What was executed there, where the source has MySQL's GTIDs.
    pub(crate) gtids: Option<GtidSet>,
}

impl Mark {
    /// Whether a job that stands there has delivered everything before.
    fn is_reached_by(&self, position: &StreamPosition) -> Result<bool> {
        let same = match (&self.server_uuid, &position.server_uuid) {
            (Some(this), Some(other)) => this == other,
            _ => true,
        };
        if same && place(&position.file, position.offset)? >= place(&self.place.0, self.place.1)? {
            return Ok(true);
        }
        let (Some(wanted), Some(text)) = (&self.gtids, &position.gtid_set) else {
            return Ok(false);
        };
        match ExecutedGtids::parse(text).map_err(strange)? {
            ExecutedGtids::MySql(read) => Ok(!same && read.contains_set(wanted)),
            ExecutedGtids::MariaDb(_) => Ok(false),
        }
    }
}

fn place(file: &str, offset: u64) -> Result<FileOffset> {
    FileOffset::new(file.to_owned(), offset).map_err(strange)
}

fn strange(e: tailrace_codec::DecodeError) -> Error {
    Error::new(ErrorKind::Decode, e.to_string())
}

/// Looks at the job's progress record.
pub(crate) struct Durable<'a> {
    spec: &'a JobSpec,
    lookup: &'a Lookup,
    topic: ProgressTopic,
    consumers: ProgressConsumers,
    stop: &'a StopSignal,
    /// What was seen last, and where the next look begins.
    seen: RefCell<(Option<Checkpoint>, i64)>,
}

impl<'a> Durable<'a> {
    /// # Errors
    /// `Configuration` if the endpoint's settings are not possible.
    pub(crate) fn open(
        spec: &'a JobSpec,
        lookup: &'a Lookup,
        stop: &'a StopSignal,
    ) -> Result<Self> {
        let topic = ProgressTopic::new(&spec.policy.progress_topic, &spec.job_id);
        let consumers = ProgressConsumers::open(&spec.target)?;
        let seen = RefCell::new((None, 0));
        Ok(Self { spec, lookup, topic, consumers, stop, seen })
    }

    /// Closes the consumers without a wait.
    pub(crate) fn close(self) {
        self.consumers.close();
    }

    /// Where the job stands.
    ///
    /// # Errors
    /// `Configuration` if it has not delivered anything yet, and those of the connection.
    fn now(&self) -> Result<Checkpoint> {
        let mut patience = Patience::new(self.stop.clone());
        let mut reader = ProgressReader::new(&self.consumers, &self.topic, self.lookup);
        let mut seen = self.seen.borrow_mut();
        let (record, next) = reader.glance_behind(seen.1, &mut patience)?;
        if let Some(record) = record {
            seen.0 = record.map(|record| Checkpoint::from_bytes(&record)).transpose()?;
        }
        seen.1 = next;
        // A transaction of another job that is open just now hides what stands behind its begin.
        if seen.0.is_none() {
            let record = reader.last(&mut patience)?;
            seen.0 = record.map(|record| Checkpoint::from_bytes(&record)).transpose()?;
        }
        seen.0.clone().ok_or_else(|| {
            let text = "the job has delivered nothing yet: compare when its full phase is finished";
            Error::new(ErrorKind::Configuration, text)
        })
    }

    /// Where the job stands once its full phase is delivered: its rows are read a moment before that.
    ///
    /// # Errors
    /// `Configuration` if the job does not come to its end and makes no progress, and those of the connection.
    pub(crate) fn ready(&self) -> Result<Checkpoint> {
        self.wait_until(
            |checkpoint| Ok(checkpoint.snapshot == SnapshotProgress::Complete),
            |_| {
                "the job's full phase is not finished, and makes no progress: compare behind it"
                    .to_owned()
            },
        )
    }

    /// What the job has delivered of the log, as views are asked to show it.
    ///
    /// # Errors
    /// `Configuration` if the job was reset meanwhile or its source has no log, and those of the connection.
    pub(crate) fn read(&self) -> Result<Read> {
        let position = self.now()?.stream.ok_or_else(|| {
            let text = "the job has no place in a log, so that rows which differ cannot be looked at again: its source writes no binlog";
            Error::new(ErrorKind::Configuration, text)
        })?;
        let gtids = position.gtid_set.as_deref().map(ExecutedGtids::parse).transpose();
        Ok(Read { gtids: gtids.map_err(strange)?, place: (position.file, position.offset) })
    }

    /// Waits until everything before a place is delivered. A job without a stream is what it is.
    ///
    /// # Errors
    /// `Configuration` if the job makes no progress for a minute, and those of the connection.
    pub(crate) fn wait(&self, mark: &Mark) -> Result<()> {
        if self.spec.task == TaskType::Full {
            return Ok(());
        }
        let is_reached = |checkpoint: &Checkpoint| {
            checkpoint.stream.as_ref().map_or(Ok(false), |position| mark.is_reached_by(position))
        };
        self.wait_until(is_reached, |checkpoint| {
            let position = checkpoint.stream.clone().unwrap_or_default();
            format!(
                "the job stands at {}:{} and makes no progress, while the source's log is at {}:{}: a job is compared while it runs",
                position.file, position.offset, mark.place.0, mark.place.1
            )
        })
        .map(drop)
    }

    /// Waits for a state of the job; gives up if it makes no progress for some time.
    fn wait_until(
        &self,
        is_it: impl Fn(&Checkpoint) -> Result<bool>,
        why: impl Fn(&Checkpoint) -> String,
    ) -> Result<Checkpoint> {
        let mut last = self.now()?;
        let mut since = Instant::now();
        while !is_it(&last)? {
            self.stop.check()?;
            if since.elapsed() > STANDSTILL_MAX {
                return Err(Error::new(ErrorKind::Configuration, why(&last)));
            }
            std::thread::park_timeout(LOOK_INTERVAL);
            let now = self.now()?;
            if now != last {
                since = Instant::now();
            }
            last = now;
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn position(file: &str, offset: u64, server: &str, gtids: &str) -> StreamPosition {
        StreamPosition {
            gtid_set: Some(gtids.to_owned()),
            file: file.to_owned(),
            offset,
            server_uuid: Some(server.to_owned()),
            ..StreamPosition::default()
        }
    }

    #[test]
    fn a_place_is_reached_on_its_own_server_or_by_what_was_executed() {
        let gtids = |last: u64| format!("{UUID}:1-{last}");
        let mark = Mark {
            place: ("b.000002".to_owned(), 100),
            server_uuid: Some("a".to_owned()),
            gtids: Some(gtids(9).parse().unwrap()),
        };
        let reached = |file: &str, offset, server: &str, last| {
            mark.is_reached_by(&position(file, offset, server, &gtids(last))).unwrap()
        };
        assert!(reached("b.000002", 100, "a", 9));
        assert!(reached("b.000010", 4, "a", 9));
        assert!(!reached("b.000001", 900, "a", 8));
        // Another server's places say nothing.
        assert!(!reached("b.000009", 100, "b", 8));
        assert!(reached("b.000001", 4, "b", 9));
    }
}
