//! The full phase: passes of read views, chunks and readers. See `docs/adr/0001`.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use tailrace_codec::position::{FileOffset, GtidSet};

use crate::batch::Advance;
use crate::checkpoint::{OpenTable, SnapshotProgress, StreamPosition};
use crate::engine::unix_ms;
use crate::error::{Error, ErrorKind, Result};
use crate::job::TaskType;
use crate::observe::Counters;
use crate::source::mysql::catalog::{self, ServerSettings, TableName};
use crate::source::mysql::chunk::quoted_table;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::context::Context;
use crate::source::mysql::pace::Pace;
use crate::source::mysql::reader::{self, Reader};
use crate::source::mysql::stream::Stream;
use crate::source::mysql::topics_ahead;
use crate::source::mysql::window::{Visible, Window};
use crate::source::mysql::work::{Plan, TablePlan, Work};
use crate::source::mysql::xa_recovery;

/// All of a core's time: no notice is taken of others.
const SHARE_PERCENT_ALL: u32 = 100;
/// Passes that may fail in a row because tables changed under the views, before the job stops.
const FRUITLESS_PASSES_MAX: u32 = 30;
/// Passes without a lock before tables without a key are locked for reading.
const LOCKLESS_TRIES: u32 = 5;
/// Longest wait for a read lock, seconds; a longer one would hold up the application.
const LOCK_WAIT_SECONDS: u32 = 3;

/// Server error of a lock that was not had in that time.
const LOCK_WAIT_TIMEOUT: &str = "(1205,";
/// Longest wait for the end of a commit.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(600);
/// Time between two looks at it.
const COMMIT_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The full phase of a job.
pub(crate) struct Snapshot<'c> {
    context: &'c Context,
    progress: SnapshotProgress,
    /// The source was asked how many rows there are.
    estimated: bool,
    pace: Pace,
}

/// Read views of one pass.
struct Views {
    readers: Vec<Connection>,
    /// `L`
    visible: Visible,
    /// `H`.
    until: (String, u64),
}

impl<'c> Snapshot<'c> {
    pub(crate) fn new(context: &'c Context, progress: SnapshotProgress) -> Self {
        let looks = context.spec.limits.snapshot_share_percent_max < SHARE_PERCENT_ALL;
        Self { context, progress, estimated: false, pace: Pace::new(looks) }
    }

    /// Runs passes until every selected table is delivered.
    ///
    /// # Errors
    /// Those of source and queue; `SchemaMismatch` if tables change all the time.
    pub(crate) fn run(mut self, stream: &mut Stream<'c>) -> Result<()> {
        let mut control = self.context.connect()?;
        let settings = catalog::server_settings(&mut control)?;
        tracing::debug!("start: the source is asked for its settings");
        // Rows alone can be had without a log: views that are opened under a lock show the same moment.
        let logged = settings.log || self.context.spec.task != TaskType::Full;
        let mut fruitless = 0;
        if logged {
            self.position(stream, &mut control, &settings)?;
            tracing::debug!("start: the stream has its position");
        }
        let mut first = true;
        loop {
            let mut plan = self.plan(&mut control)?;
            tracing::debug!(tables = plan.tables.len(), "start: the catalog is read");
            if first {
                self.announce(&plan);
                first = false;
            }
            if plan.tables.is_empty() {
                break;
            }
            let lock = !settings.gtid || !logged || fruitless >= LOCKLESS_TRIES;
            let read = if logged {
                self.pass(stream, &mut control, &mut plan, (&settings, lock))?
            } else {
                self.pass_without_log(stream, &mut control, &mut plan)?
            };
            match read {
                true => fruitless = 0,
                false => fruitless += 1,
            }
            self.estimated = true;
            self.progress = self.context.snapshot_progress();
            if fruitless > FRUITLESS_PASSES_MAX {
                return Err(changes_all_the_time(fruitless));
            }
        }
        stream.withhold([]);
        stream.step(Advance::SnapshotComplete)
    }

    fn announce(&self, plan: &Plan) {
        let counters = &self.context.counters;
        Counters::add(&counters.snapshot_tables, plan.tables.len() as u64);
    }

    /// Counts the rows that are to be expected, beside the readers. Without an estimate progress is told by tables.
    fn estimate(&self, names: &[TableName]) {
        let wanted: HashSet<TableName> = names.iter().cloned().collect();
        let estimated = self.context.connect().and_then(|mut connection| {
            // The one that follows is not counted when it ends, which may be long after.
            self.pace.count(connection.take_statements() + 1);
            catalog::rows_estimated(&mut connection, &self.context.spec.selection, &wanted)
        });
        match estimated {
            Ok(rows) => Counters::add(&self.context.counters.snapshot_rows_estimated, rows),
            Err(error) => tracing::debug!(%error, "the rows cannot be estimated"),
        }
    }

    /// Watches for others at the source, beside the readers. If that is not possible it is read at full speed.
    fn watch_others(&self, work: &Work) {
        let share = self.context.spec.limits.snapshot_share_percent_max;
        let tell = |others: Option<f64>| {
            let text = match others {
                Some(n) => format!(
                    "others send the source {n:.0} statements a second: the full phase reads for {share} % of a core's time (snapshot_share_percent_max)"
                ),
                None => {
                    "the source has no other work: the full phase reads at full speed".to_owned()
                }
            };
            self.context.observer.log(tracing::Level::INFO, &text);
        };
        let watched = self.context.connect().and_then(|mut connection| {
            self.pace.watch(&mut connection, |longest| work.wait_until_over(longest), tell)
        });
        if let Err(error) = watched {
            self.pace.give_up();
            tracing::debug!(%error, "the source cannot be watched for others: it is read at full speed");
        }
    }

    /// The selected tables that are not finished, in order.
    fn plan(&self, control: &mut Connection) -> Result<Plan> {
        let (through, open) = match &self.progress {
            SnapshotProgress::Running { started_through, open, .. } => {
                (started_through.clone(), open.clone())
            }
            _ => (None, Vec::new()),
        };
        let mut tables = VecDeque::new();
        for table in catalog::selected_tables(control, &self.context.spec.selection)? {
            let name = (table.database.clone(), table.table.clone());
            let resumed =
                open.iter().find(|o| o.database == table.database && o.table == table.table);
            if resumed.is_none() && through.as_ref().is_some_and(|t| name <= *t) {
                continue;
            }
            let begun = resumed.is_some();
            let open = resumed.cloned().unwrap_or_else(|| OpenTable {
                database: table.database.clone(),
                table: table.table.clone(),
                next_chunk: 0,
                planned_to: None,
                planned_all: false,
                open: Vec::new(),
                rows: 0,
            });
            tables.push_back(TablePlan { table, open, begun });
        }
        Ok(Plan { tables })
    }

    /// Gives the stream its first position, if it has none. It lies before the first views, so that no
    /// distributed transaction is prepared before it and committed behind them.
    fn position(
        &self,
        stream: &mut Stream<'c>,
        control: &mut Connection,
        settings: &ServerSettings,
    ) -> Result<()> {
        for _ in 0..=FRUITLESS_PASSES_MAX {
            if stream.has_position() {
                return Ok(());
            }
            let mut position = catalog::present_position(control, settings)?;
            position.prepared =
                xa_recovery::wait_for_prepared(self.context, control, settings.mariadb)?;
            stream.begin_at(position)?;
        }
        Err(changes_all_the_time(FRUITLESS_PASSES_MAX))
    }

    /// One pass. Returns whether the views could be used.
    fn pass(
        &self,
        stream: &mut Stream<'c>,
        control: &mut Connection,
        plan: &mut Plan,
        (settings, lock): (&ServerSettings, bool),
    ) -> Result<bool> {
        // Nothing tells a consumer that a change and a row of the full phase are of one row of such a
        // table, so its changes are left out until it is delivered, which includes them.
        stream.withhold(
            plan.tables.iter().filter(|t| t.table.chunk_key().is_none()).map(|t| &t.table),
        );
        // Most of the way to H is gone before the views exist, so that they do not grow old.
        let end = catalog::binlog_end(control)?;
        stream.run_until(&end, None)?;
        tracing::debug!("start: the log is read to its end");
        self.wait_until_shown(stream, control, settings)?;
        let views = match self.open_views(control, plan, (settings, lock)) {
            Err(e) if e.message().contains(LOCK_WAIT_TIMEOUT) => {
                self.context.observer.log(tracing::Level::INFO, e.message());
                return Ok(false);
            }
            other => other?,
        };
        tracing::debug!("start: read views are open");
        if !stream.is_shown_by(&views.visible)? {
            // What the log has is not committed yet: a view may show less than the stream delivered.
            self.context.observer.log(
                tracing::Level::INFO,
                "read views are opened again: a transaction was still being committed",
            );
            return Ok(false);
        }
        let mut window = Window::new(views.visible, self.context.spec.limits.window_keys_max);
        for entry in &plan.tables {
            let key = entry.table.chunk_key().map(|key| key.columns.as_slice());
            window.watch(&entry.table.database, &entry.table.table, key);
        }
        stream.run_until(&views.until, Some(&mut window))?;
        if !window.is_usable() {
            self.context.observer.log(
                tracing::Level::INFO,
                "read views are opened again: a table without a key or a definition changed meanwhile",
            );
            return Ok(false);
        }
        stream.step(Advance::SnapshotBegin)?;
        let until = Instant::now() + self.context.spec.limits.snapshot_view_age_max;
        tracing::debug!("start: readers begin");
        let finished = self.read(views.readers, plan, &window, until)?;
        Ok(finished)
    }

    /// Waits until all that the stream has read is committed: the log has it before, and a view that does
    /// not show it is of no use.
    fn wait_until_shown(
        &self,
        stream: &Stream<'c>,
        control: &mut Connection,
        settings: &ServerSettings,
    ) -> Result<()> {
        let until = Instant::now() + COMMIT_WAIT_MAX;
        let mut told = false;
        while settings.gtid && !stream.is_shown_by(&shown_now(control, settings)?)? {
            self.context.stop.check()?;
            if Instant::now() > until {
                return Err(Error::new(
                    ErrorKind::SourceSetting,
                    format!(
                        "a transaction that is in the source's log has not been committed in {} s: does it wait for a semi-synchronous replica?",
                        COMMIT_WAIT_MAX.as_secs()
                    ),
                ));
            }
            if !told {
                told = true;
                let waiting = "waiting for the end of a commit: a transaction that is in the log is not visible yet";
                self.context.observer.log(tracing::Level::INFO, waiting);
            }
            std::thread::park_timeout(COMMIT_POLL_INTERVAL);
        }
        Ok(())
    }

    /// One pass over a source that writes no log.
    fn pass_without_log(
        &self,
        stream: &mut Stream<'c>,
        control: &mut Connection,
        plan: &mut Plan,
    ) -> Result<bool> {
        let (readers, (), ()) = self.open_readers(control, plan, true, |_| Ok(()), |_| Ok(()))?;
        stream.step(Advance::SnapshotBegin)?;
        let until = Instant::now() + self.context.spec.limits.snapshot_view_age_max;
        self.read(readers, plan, &Window::new(Visible::All, 0), until)
    }

    /// Opens the views of a pass, between `L` and `H`.
    fn open_views(
        &self,
        control: &mut Connection,
        plan: &Plan,
        (settings, lock): (&ServerSettings, bool),
    ) -> Result<Views> {
        let asks_gtids = !lock && settings.gtid && !settings.mariadb;
        let executed = |control: &mut Connection| {
            asks_gtids.then(|| catalog::gtid_executed(control)).transpose()
        };
        let (mut readers, executed, until) =
            self.open_readers(control, plan, lock, executed, catalog::binlog_end)?;
        let strange = |e: tailrace_codec::DecodeError| {
            Error::new(ErrorKind::SourceStatement, format!("the source's position: {e}"))
        };
        let visible = match (executed, readers.first_mut()) {
            (Some(text), _) => Visible::Gtids(text.parse::<GtidSet>().map_err(strange)?),
            // The first view is the oldest.
            (None, Some(first)) if !lock && settings.mariadb => {
                let (file, offset) = catalog::view_position(first)?;
                Visible::Until(FileOffset::new(file, offset).map_err(strange)?)
            }
            _ => Visible::All,
        };
        Ok(Views { readers, visible, until })
    }

    /// Opens read views; gives what was asked of the source right before and right after.
    fn open_readers<L, H>(
        &self,
        control: &mut Connection,
        plan: &Plan,
        lock: bool,
        before: impl FnOnce(&mut Connection) -> Result<L>,
        after: impl FnOnce(&mut Connection) -> Result<H>,
    ) -> Result<(Vec<Connection>, L, H)> {
        let count = self.context.spec.limits.snapshot_readers.max(1);
        let mut readers = Vec::with_capacity(count);
        for _ in 0..count {
            let mut connection = self.context.connect()?;
            for statement in reader::SESSION {
                connection.execute(statement)?;
            }
            readers.push(connection);
        }
        if lock {
            self.lock_tables(control, plan)?;
        }
        let opened = (|| -> Result<(L, H)> {
            let before = before(control)?;
            for connection in &mut readers {
                connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
            }
            Ok((before, after(control)?))
        })();
        if lock {
            control.execute("UNLOCK TABLES")?;
        }
        let (before, after) = opened?;
        Ok((readers, before, after))
    }

    /// Locks what is still to be read against writes, for as long as the views take to open.
    fn lock_tables(&self, control: &mut Connection, plan: &Plan) -> Result<()> {
        control.execute(&format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}"))?;
        let tables: Vec<String> = plan
            .tables
            .iter()
            .map(|t| format!("{} READ", quoted_table(&t.table.database, &t.table.table)))
            .collect();
        let begun = unix_ms();
        control.execute(&format!("LOCK TABLES {}", tables.join(", ")))?;
        self.context.observer.log(
            tracing::Level::INFO,
            &format!(
                "{} tables are locked for reading while read views are opened (waited {} ms)",
                tables.len(),
                unix_ms() - begun
            ),
        );
        Ok(())
    }

    /// Lets the readers work until the plan is done or the views are too old. Returns whether anything
    /// was read.
    fn read(
        &self,
        readers: Vec<Connection>,
        plan: &mut Plan,
        window: &Window,
        until: Instant,
    ) -> Result<bool> {
        let sharers = readers.len();
        let names: Vec<TableName> =
            plan.tables.iter().map(|t| (t.table.database.clone(), t.table.table.clone())).collect();
        let work = Work::new(plan, self.context.spec.limits.table_readers_max);
        let results: Vec<Result<u64>> = std::thread::scope(|scope| {
            if names.len() > 1 && self.context.router.has_topic_per_table() {
                scope.spawn(|| {
                    topics_ahead::make(&self.context.router, &names, |begun| {
                        work.wait_until_left(names.len().saturating_sub(begun))
                    });
                });
            }
            if self.context.spec.limits.snapshot_share_percent_max < SHARE_PERCENT_ALL {
                scope.spawn(|| self.watch_others(&work));
            }
            if !self.estimated {
                scope.spawn(|| self.estimate(&names));
            }
            let handles: Vec<_> = readers
                .into_iter()
                .map(|connection| {
                    let (work, pace) = (&work, &self.pace);
                    let context = self.context;
                    std::thread::Builder::new().name("tailrace-read".into()).spawn_scoped(
                        scope,
                        move || {
                            let result = Reader::new(context, connection, window, (pace, sharers))
                                .run(work, until);
                            if result.is_err() {
                                work.abandon();
                            }
                            result
                        },
                    )
                })
                .collect();
            let results = handles
                .into_iter()
                .map(|handle| match handle {
                    Ok(handle) => handle.join().unwrap_or_else(|_| {
                        Err(Error::new(ErrorKind::Bug, "a reader of the full phase panicked"))
                    }),
                    Err(e) => Err(Error::new(
                        ErrorKind::Local,
                        format!("a thread cannot be started: {e}"),
                    )),
                })
                .collect();
            // Also ends what waits for the next table.
            work.abandon();
            results
        });
        let mut chunks = 0;
        for result in results {
            match result {
                Ok(n) => chunks += n,
                // The definition of a table changed behind the view; a new view sees the new one.
                Err(e) if reader::is_stale_view(&e) => {
                    self.context.observer.log(
                        tracing::Level::INFO,
                        &format!("read views are opened again: {}", e.message()),
                    );
                }
                Err(e) => return Err(e),
            }
        }
        Ok(chunks > 0)
    }
}

/// What a view that is opened now shows at least.
fn shown_now(control: &mut Connection, settings: &ServerSettings) -> Result<Visible> {
    let strange = |e: tailrace_codec::DecodeError| {
        Error::new(ErrorKind::SourceStatement, format!("the source's position: {e}"))
    };
    if settings.gtid && !settings.mariadb {
        let executed = catalog::gtid_executed(control)?;
        return executed.parse().map(Visible::Gtids).map_err(strange);
    }
    let StreamPosition { file, offset, .. } = catalog::present_position(control, settings)?;
    FileOffset::new(file, offset).map(Visible::Until).map_err(strange)
}

fn changes_all_the_time(times: u32) -> Error {
    Error::new(
        ErrorKind::SchemaMismatch,
        format!(
            "the full phase was begun {times} times, and each time a selected table changed its definition or, without a key, its rows"
        ),
    )
}
