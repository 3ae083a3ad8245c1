//! The engine: one thread that reads and encodes, one that delivers, a bounded queue between them.

pub(crate) mod advance;
mod buried;
mod deliver;
pub(crate) mod queue;

use std::sync::Arc;
use std::thread;

pub(crate) use deliver::{unix_ms, unix_us};

use crate::checkpoint::{Checkpoint, SnapshotProgress};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Delivery, JobSpec, TaskType};
use crate::observe::{Counters, JobObserver, Phase};
use crate::run::{Rate, StopSignal};
use crate::sink::{Sink, TopicDirectory};
use crate::source::mysql::MysqlSource;

/// Ids left out when a full phase that may repeat messages goes on: more than messages can be under
/// way beyond the durable checkpoint, which queue, open transaction and producer bound by their bytes.
const IDS_SKIPPED: u64 = 1 << 24;

/// How a job came to its end without an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop; this is its last durable checkpoint.
    Stopped(Checkpoint),
    /// A full-only job has read everything.
    Finished(Checkpoint),
}

/// Runs a job with a sink until it is stopped, finished or fails. Blocks.
///
/// The sink's progress record decides where the job goes on. After an error nothing needs to be
/// cleaned up: the next call recovers from the last durable checkpoint.
///
/// # Errors
/// The first error of source, encoders or sink, whichever caused the end.
pub(crate) fn run<S: Sink + 'static>(
    spec: &JobSpec,
    epoch: u64,
    mut sink: S,
    topics: Arc<dyn TopicDirectory>,
    stop: &StopSignal,
    observer: &Arc<dyn JobObserver>,
    counters: &Arc<Counters>,
) -> Result<Ended> {
    spec.validate()?;
    observer.phase(Phase::Starting);
    if stop.rate() == Rate::default() {
        // Else somebody has set it already who knows more than the job's own limits.
        stop.set_rate(spec.limits.rate());
    }
    let recovered = sink.recover()?;
    let is_new = recovered.is_none();
    let mut checkpoint = recovered.unwrap_or_else(|| Checkpoint::initial(epoch));
    checkpoint.epoch = epoch;
    checkpoint.rereads.retain(|one| spec.rereads.iter().any(|reread| reread.id == one.id));
    tracing::debug!("start: the sink is recovered");
    let history = sink.schema_history()?;
    tracing::debug!("start: the schema history is read");
    if spec.task == TaskType::Incremental {
        checkpoint.snapshot = SnapshotProgress::Complete;
    }
    if spec.policy.delivery == Delivery::AtLeastOnce
        && checkpoint.snapshot != SnapshotProgress::Complete
    {
        if !is_new {
            checkpoint.id_offset += IDS_SKIPPED;
        }
        deliver::make_durable(&mut sink, &checkpoint)?;
    }
    if !is_new {
        observer.recovered(&checkpoint);
    }
    let (sender, receiver) = queue::queue(spec.limits.queue_bytes_max);
    let deliver = deliver::Deliver::new(
        sink,
        checkpoint.clone(),
        spec.limits.clone(),
        Arc::clone(observer),
        Arc::clone(counters),
    );
    // Ends the source when the sink fails, without telling the outside that the job was stopped.
    let source_stop = stop.child();
    let deliver_stop = source_stop.clone();
    let delivery = thread::Builder::new()
        .name("tailrace-sink".into())
        .spawn(move || {
            let result = deliver.run(&receiver);
            if result.is_err() {
                deliver_stop.stop();
            }
            result
        })
        .map_err(|e| Error::new(ErrorKind::Local, format!("a thread cannot be started: {e}")))?;
    let source = MysqlSource::new(
        spec.clone(),
        topics,
        sender,
        source_stop,
        Arc::clone(observer),
        Arc::clone(counters),
    );
    // The source owns the last sender: when it returns, delivery finishes what is queued.
    let read = source.and_then(|source| source.run(checkpoint, &history));
    let delivered =
        delivery.join().map_err(|_| Error::new(ErrorKind::Bug, "the delivery thread panicked"))?;
    match (read, delivered) {
        // A sink that failed has stopped the source, so its error is the cause.
        (_, Err(e)) => Err(e),
        (Err(e), Ok(last)) if e.kind() == ErrorKind::Cancelled => Ok(Ended::Stopped(last)),
        (Err(e), Ok(_)) => Err(e),
        (Ok(()), Ok(last)) => Ok(Ended::Finished(last)),
    }
}
