//! The transactions of one job, by two producers in turn.
//!
//! The coordinator takes a producer's next transaction only when the markers of the last one are
//! written into every partition, which is some time after the commit was acknowledged. librdkafka asks
//! again every 20 ms until then; measured, a lone producer waited 20 to 50 ms between any two
//! transactions. With two `transactional.id`s the one's markers are written during the other's
//! transaction.
//!
//! Order stays: a lane begins only when the other one's commit is acknowledged, so its messages lie
//! behind those in every partition, and there is never more than one transaction whose outcome is not
//! known. A new worker initialises both ids before it reads the progress record.

use std::sync::Arc;

use rdkafka::config::ClientConfig;

use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::sink::kafka::patience::Patience;
use crate::sink::kafka::progress::ProgressTopic;
use crate::sink::kafka::topics::KafkaTopics;
use crate::sink::kafka::transaction::Transactional;

/// What all `transactional.id`s of a job begin with; the first of them has nothing behind it.
pub(crate) fn transactional_id_prefix(job_id: &str) -> String {
    format!("tailrace-{job_id}")
}

/// What the second one ends with.
const SECOND: &str = "-2";

/// The only producers of a job.
pub(crate) struct Lanes {
    /// Whose transaction is open, or the next to begin.
    current: Transactional,
    /// Whose transaction was committed last.
    other: Transactional,
}

impl Lanes {
    /// Fences every older worker of the job.
    ///
    /// # Errors
    /// Those of [`Transactional::open`].
    pub(crate) fn open(
        config: &ClientConfig,
        topics: &Arc<KafkaTopics>,
        (job_id, progress_topic): (&str, &str),
        patience: &mut Patience,
    ) -> Result<Self> {
        let prefix = transactional_id_prefix(job_id);
        let open = |suffix, patience: &mut Patience| {
            let topics = Arc::clone(topics);
            Transactional::open(config.clone(), topics, (&prefix, suffix), progress_topic, patience)
        };
        let mut more_patience = patience.clone();
        // Side by side: each waits for a coordinator several times.
        let (current, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| open(SECOND, &mut more_patience));
            let current = open("", patience);
            let gone = || Err(Error::new(ErrorKind::Bug, "a producer's start panicked"));
            (current, other.join().unwrap_or_else(|_| gone()))
        });
        Ok(Self { current: current?, other: other? })
    }

    /// Writes a batch into the open transaction; opens one if there is none.
    ///
    /// # Errors
    /// Those of [`Transactional::write`].
    pub(crate) fn write(&mut self, batch: Batch, patience: &mut Patience) -> Result<()> {
        self.current.write(batch, patience)
    }

    /// Says that a commit follows soon.
    ///
    /// # Errors
    /// Those of [`Transactional::expect_commit`].
    pub(crate) fn expect_commit(
        &mut self,
        progress: &ProgressTopic,
        last: &[u8],
        patience: &mut Patience,
    ) -> Result<()> {
        self.current.expect_commit(progress, last, patience)
    }

    /// Adds tombstones for records of a topic.
    ///
    /// # Errors
    /// Those of [`Transactional::remove`].
    pub(crate) fn remove<'k>(
        &mut self,
        topic: &ProgressTopic,
        keys: impl Iterator<Item = &'k Vec<u8>>,
        patience: &mut Patience,
    ) -> Result<()> {
        self.current.remove(topic, keys, patience)
    }

    /// Adds the progress record (`None` is a tombstone) and commits; the next transaction is the other
    /// lane's.
    ///
    /// # Errors
    /// Those of [`Transactional::commit`]; nothing more may be written then.
    pub(crate) fn commit(
        &mut self,
        progress: &ProgressTopic,
        value: Option<&[u8]>,
        patience: &mut Patience,
    ) -> Result<()> {
        self.current.commit(progress, value, patience)?;
        std::mem::swap(&mut self.current, &mut self.other);
        Ok(())
    }

    /// Gives the producers up after an error: what is not committed never becomes visible.
    pub(crate) fn abandon(self, error: ErrorKind) {
        self.current.abandon(error);
        self.other.abandon(error);
    }
}
