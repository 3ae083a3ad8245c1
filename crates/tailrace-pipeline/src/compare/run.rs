//! A whole comparison: tables by topic, one topic after the other.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::compare::avro::{AvroMessages, LocalSchemas};
use crate::compare::durable::Durable;
use crate::compare::effects::Effects;
use crate::compare::group::Group;
use crate::compare::message::MessageReader;
use crate::compare::scan::{Scan, ScanTable};
use crate::compare::shape::{Seed, Shape};
use crate::compare::{CompareOutcome, CompareProgress, CompareRequest, TableComparison};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{ChangeKinds, JobSpec, MessageFormat, Reread, TaskType};
use crate::run::StopSignal;
use crate::sink::kafka::login::confirmed;
use crate::sink::kafka::lookup::{ANSWER_TIMEOUT, Lookup};
use crate::sink::kafka::progress_consumers::ProgressConsumers;
use crate::sink::kafka::topic_reader::TopicReader;
use crate::sink::null::NullTopics;
use crate::sink::registry::{HttpRegistry, SchemaRegistry};
use crate::source::mysql::catalog::{self, SelectedTable, ServerSettings};
use crate::source::mysql::connection::Connection;
use crate::source::mysql::elect::answering;
use crate::source::mysql::pace::Pace;
use crate::source::mysql::reader::is_stale_view;
use crate::source::mysql::row_filter::ServerJudge;
use crate::transform::route::Router;

/// All of a core's time: no notice is taken of others.
const SHARE_PERCENT_ALL: u32 = 100;
/// Time between two looks whether the comparison is over, of what watches the source.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// Compares tables of a job with their topics; blocks. `told` hears of every table as soon as it is done.
///
/// # Errors
/// `Configuration` for a job that cannot be compared, `Cancelled`, and those of source, target and disk. What is wrong
/// with one table is told in its result.
pub fn compare(
    spec: &JobSpec,
    request: &CompareRequest,
    progress: &CompareProgress,
    stop: &StopSignal,
    told: &mut dyn FnMut(TableComparison),
) -> Result<()> {
    compared(spec, request, progress, stop, told).map_err(|e| confirmed(&spec.target, e))
}

fn compared(
    spec: &JobSpec,
    request: &CompareRequest,
    progress: &CompareProgress,
    stop: &StopSignal,
    told: &mut dyn FnMut(TableComparison),
) -> Result<()> {
    spec.validate()?;
    if !request.objects_only {
        check(spec)?;
    }
    let source = answering(&spec.source, &spec.limits, stop)?;
    let spec = &JobSpec { source, ..spec.clone() };
    let looks = spec.limits.snapshot_share_percent_max < SHARE_PERCENT_ALL;
    let pace = Pace::new(looks);
    let over = StopSignal::new();
    std::thread::scope(|scope| {
        let watching = looks.then(|| scope.spawn(|| watch_others(spec, &pace, &over)));
        let compared = compare_tables(spec, request, (progress, &pace), stop, told);
        over.stop();
        if let Some(watching) = watching {
            watching.thread().unpark();
        }
        compared
    })
}

/// Whether a job's rows can be compared at all.
fn check(spec: &JobSpec) -> Result<()> {
    let bad = |text: &str| Err(Error::new(ErrorKind::Configuration, text));
    if spec.task == TaskType::Incremental {
        return bad(
            "an increment-only job's topics have no rows from before its start: there is nothing to compare them with",
        );
    }
    if spec.policy.kinds != ChangeKinds::default() {
        return bad(
            "dml_types: the job leaves kinds of changes out, so its topics differ from the source by design",
        );
    }
    Ok(())
}

/// Watches for others at the source; if that is not possible it is read at full speed.
fn watch_others(spec: &JobSpec, pace: &Pace, over: &StopSignal) {
    let connected = Connection::connect(&spec.source, &spec.limits, over.clone());
    let watched = connected.and_then(|mut connection| {
        let is_over = |longest: Duration| {
            std::thread::park_timeout(longest.min(WATCH_INTERVAL));
            over.is_stopped()
        };
        pace.watch(&mut connection, is_over, |others| {
            tracing::debug!(?others, "the comparison makes room for others");
        })
    });
    if let Err(error) = watched {
        pace.give_up();
        tracing::debug!(%error, "the source cannot be watched for others: it is read at full speed");
    }
}

fn compare_tables(
    spec: &JobSpec,
    request: &CompareRequest,
    (progress, pace): (&CompareProgress, &Pace),
    stop: &StopSignal,
    told: &mut dyn FnMut(TableComparison),
) -> Result<()> {
    let mut connection = Connection::connect(&spec.source, &spec.limits, stop.clone())?;
    let settings = catalog::server_settings(&mut connection)?;
    let local = Arc::new(LocalSchemas::default());
    let schemas = Some(Arc::clone(&local) as Arc<dyn SchemaRegistry>);
    let router =
        Router::new(spec.policy.clone(), spec.mappings.clone(), Arc::new(NullTopics), schemas);
    let judge = Mutex::new(ServerJudge::new(spec, stop));
    let lookup = Lookup::open(&spec.target)?;
    let consumers = ProgressConsumers::open(&spec.target)?;
    let durable = Durable::open(spec, &lookup, stop)?;
    let parts = Parts {
        spec,
        request,
        progress,
        pace,
        stop,
        router: &router,
        judge: &judge,
        lookup: &lookup,
        durable: &durable,
        consumers: &consumers,
        settings: &settings,
        local: &local,
    };
    let rereads = if request.objects_only { Vec::new() } else { durable.ready()?.rereads };
    let is_read = |table: &SelectedTable| {
        let of_table = |one: &&Reread| one.database == table.database && one.table == table.table;
        let is_done = |one: &Reread| rereads.iter().any(|read| read.id == one.id && read.done);
        request.objects_only || spec.rereads.iter().filter(of_table).all(is_done)
    };
    let mut by_topic: BTreeMap<String, Vec<SelectedTable>> = BTreeMap::new();
    let wanted = wanted(&mut connection, spec, request)?;
    progress.tables.store((request.except.len() + wanted.len()) as u64, Ordering::Relaxed);
    for table in wanted {
        if is_read(&table) {
            let (database, name) = spec.mappings.names(&table.database, &table.table);
            let topic = router.topic_of(database, name).into_owned();
            by_topic.entry(topic).or_default().push(table);
        } else {
            let names = (&*table.database, &*table.table);
            let why = "it is still being read beside the stream".to_owned();
            told(TableComparison::without_rows(names, CompareOutcome::Impossible, why));
        }
    }
    drop(connection);
    let compared =
        by_topic.into_iter().try_for_each(|(topic, tables)| parts.topic(&topic, &tables, told));
    durable.close();
    consumers.close();
    compared
}

/// The job's tables that are asked for.
fn wanted(
    connection: &mut Connection,
    spec: &JobSpec,
    request: &CompareRequest,
) -> Result<Vec<SelectedTable>> {
    let mut tables = catalog::selected_tables(connection, &spec.selection)?;
    tables.retain(|table| request.includes(&table.database, &table.table));
    Ok(tables)
}

/// What every topic needs.
struct Parts<'a> {
    spec: &'a JobSpec,
    request: &'a CompareRequest,
    progress: &'a CompareProgress,
    pace: &'a Pace,
    stop: &'a StopSignal,
    router: &'a Router,
    judge: &'a Mutex<ServerJudge>,
    lookup: &'a Lookup,
    durable: &'a Durable<'a>,
    consumers: &'a ProgressConsumers,
    settings: &'a ServerSettings,
    local: &'a Arc<LocalSchemas>,
}

impl<'a> Parts<'a> {
    fn scan(&self) -> Scan<'a> {
        Scan {
            spec: self.spec,
            router: self.router,
            stop: self.stop,
            pace: self.pace,
            judge: self.judge,
            rows: &self.progress.rows,
        }
    }

    fn reader(&self) -> Result<MessageReader> {
        let avro = match (self.spec.policy.format, &self.spec.registry) {
            (MessageFormat::Avro, Some(endpoint)) => {
                Some(AvroMessages::new(Arc::clone(self.local), HttpRegistry::new(endpoint)?))
            }
            _ => None,
        };
        Ok(MessageReader::new(self.spec.policy.format, avro))
    }

    /// What has to be known of the tables of one topic; those that cannot be compared are told.
    fn opened(
        &self,
        tables: &[SelectedTable],
        told: &mut dyn FnMut(TableComparison),
    ) -> Result<Vec<ScanTable>> {
        let spec = self.spec;
        let mut connection = Connection::connect(&spec.source, &spec.limits, self.stop.clone())?;
        let scan = self.scan();
        let mut opened = Vec::with_capacity(tables.len());
        for table in tables {
            match ScanTable::open(&scan, &mut connection, table) {
                Ok(table) => opened.push(table),
                Err(e) if e.kind() == ErrorKind::SchemaMismatch || is_stale_view(&e) => {
                    let names = (&*table.database, &*table.table);
                    let why = e.message().to_owned();
                    told(TableComparison::without_rows(names, CompareOutcome::Impossible, why));
                }
                Err(e) => return Err(e),
            }
        }
        Ok(opened)
    }

    /// The result of a table of which only its topic was looked for.
    fn by_topic(&self, table: &SelectedTable, name: &str, found: bool) -> TableComparison {
        let names = (&*table.database, &*table.table);
        let seen = self.spec.mappings.names(names.0, names.1);
        let (outcome, notes) = if found {
            (CompareOutcome::Consistent, Vec::new())
        } else {
            (CompareOutcome::TopicMissing, vec![format!("topic {name} does not exist")])
        };
        TableComparison {
            seen: (seen.0.to_owned(), seen.1.to_owned()),
            topic: name.to_owned(),
            notes,
            ..TableComparison::without_rows(names, outcome, String::new())
        }
    }

    /// Compares the tables of one topic.
    fn topic(
        &self,
        name: &str,
        tables: &[SelectedTable],
        told: &mut dyn FnMut(TableComparison),
    ) -> Result<()> {
        let found = self.lookup.topic(name, ANSWER_TIMEOUT)?;
        let Some(found) = found.as_ref().filter(|_| !self.request.objects_only) else {
            tables.iter().for_each(|table| told(self.by_topic(table, name, found.is_some())));
            return Ok(());
        };
        let tables = self.opened(tables, told)?;
        let mut effects = Effects::new(self.reader()?);
        let seed = Seed::draw();
        for (number, table) in (0..).zip(&tables) {
            let shape = Shape::new(seed, number, &table.columns, (&table.key, &table.passing))?;
            effects.watch((&table.seen.0, &table.seen.1), shape);
        }
        let mut group = Group {
            scan: self.scan(),
            tables,
            effects,
            topic: TopicReader::new(name, self.lookup, self.consumers, self.stop),
            partitions: found.partitions,
            durable: self.durable,
            settings: self.settings,
            scratch: &self.request.scratch,
            progress: self.progress,
            stop: self.stop,
        };
        let looked = group.look()?;
        for verdict in group.verdicts(&looked)? {
            told(verdict);
        }
        Ok(())
    }
}
