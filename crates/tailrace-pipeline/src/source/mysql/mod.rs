//! MySQL and what speaks its protocol.

mod backoff;
mod beside;
pub(crate) mod catalog;
pub(crate) mod chunk;
pub(crate) mod columns;
pub(crate) mod connection;
mod context;
pub(crate) mod dump;
pub(crate) mod elect;
mod history;
mod horizon;
mod offset;
pub(crate) mod pace;
mod place;
pub(crate) mod position_at;
pub(crate) mod reader;
pub(crate) mod row_filter;
pub(crate) mod session;
mod snapshot;
mod statement;
mod stream;
mod tables;
mod topics_ahead;
mod transport;
pub(crate) mod view;
pub(crate) mod window;
mod work;
mod xa_recovery;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use crate::checkpoint::{Checkpoint, SnapshotProgress};
use crate::engine::queue::BatchSender;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobSpec, MessageFormat, TaskType};
use crate::observe::{Counters, JobObserver, Phase};
use crate::run::StopSignal;
use crate::sink::registry::{HttpRegistry, SchemaRegistry};
use crate::sink::{HistoryRecord, TopicDirectory};
use crate::transform::route::Router;

use self::beside::Beside;
use self::context::Context;
use self::history::SchemaHistory;
use self::row_filter::ServerJudge;
use self::snapshot::Snapshot;
use self::stream::Stream;
use crate::source::Throttle;

/// The source side of a job: full phase, then the stream.
pub(crate) struct MysqlSource {
    spec: JobSpec,
    router: Router,
    sender: BatchSender,
    stop: StopSignal,
    observer: Arc<dyn JobObserver>,
    counters: Arc<Counters>,
}

impl MysqlSource {
    /// Prepares a source; nothing is asked yet.
    ///
    /// # Errors
    /// `Configuration` for a schema registry that cannot be asked.
    pub(crate) fn new(
        spec: JobSpec,
        topics: Arc<dyn TopicDirectory>,
        sender: BatchSender,
        stop: StopSignal,
        observer: Arc<dyn JobObserver>,
        counters: Arc<Counters>,
    ) -> Result<Self> {
        let registry = match &spec.registry {
            Some(endpoint) if spec.policy.format == MessageFormat::Avro => {
                Some(Arc::new(HttpRegistry::new(endpoint)?) as Arc<dyn SchemaRegistry>)
            }
            _ => None,
        };
        let router = Router::new(spec.policy.clone(), spec.mappings.clone(), topics, registry);
        Ok(Self { spec, router, sender, stop, observer, counters })
    }

    /// Of a source with several servers takes the one that this run reads.
    fn elect(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        if self.spec.source.others.is_empty() {
            return Ok(());
        }
        let (limits, delivered) = (&self.spec.limits, checkpoint.stream.as_ref());
        let elected = elect::elect(&self.spec.source, limits, delivered, &self.stop)?;
        let text = format!("the source is read at {}:{}", elected.host, elected.port);
        self.observer.log(tracing::Level::INFO, &text);
        self.spec.source = elected;
        Ok(())
    }

    /// Reads from the checkpoint on until the job is stopped, fails, or (full only) is finished.
    ///
    /// # Errors
    /// `Cancelled` when stopped; else what went wrong.
    pub(crate) fn run(mut self, checkpoint: Checkpoint, history: &[HistoryRecord]) -> Result<()> {
        self.elect(&checkpoint)?;
        let judge = Mutex::new(ServerJudge::new(&self.spec, &self.stop));
        let context = Context {
            judge,
            ids: Arc::new(AtomicU64::new(checkpoint.next_id)),
            id_offset: checkpoint.id_offset,
            ahead: Mutex::new(checkpoint.clone()),
            spec: self.spec,
            router: self.router,
            sender: self.sender,
            stop: self.stop,
            observer: self.observer,
            counters: self.counters,
            throttle: Throttle::new(),
        };
        context.refuse_versioned_tables()?;
        let history = SchemaHistory::restore(history, checkpoint.next_id)?;
        let mut stream = Stream::new(&context, &checkpoint, history)?;
        if stream.has_position() && context.spec.task != TaskType::Full {
            // Tables that changed meanwhile stay unknown; it is an error when a row of theirs comes.
            stream.learn_all()?;
        }
        if checkpoint.snapshot != SnapshotProgress::Complete {
            context.observer.phase(Phase::Full);
            Snapshot::new(&context, checkpoint.snapshot).run(&mut stream)?;
            context.observer.phase(Phase::FullComplete);
        }
        if context.spec.task == TaskType::Full {
            return Ok(());
        }
        context.observer.phase(Phase::Incremental);
        let withheld = beside::withheld(&context)?;
        if context.rereads_done() {
            return stream.run_forever();
        }
        stream.withhold(&withheld);
        let exchange = Arc::new(Beside::default());
        stream.read_beside(&exchange);
        std::thread::scope(|scope| {
            let reading = std::thread::Builder::new()
                .name("tailrace-read".into())
                .spawn_scoped(scope, || beside::read(&context, &exchange));
            let streamed = match &reading {
                Ok(_) => stream.run_forever(),
                Err(e) => {
                    Err(Error::new(ErrorKind::Local, format!("a thread cannot be started: {e}")))
                }
            };
            exchange.close();
            // Also ends what the reader waits for at the source.
            context.stop.stop();
            streamed
        })
    }
}
