//! The pairs of source and sink that are offered: the one place where a pair is chosen.

use std::sync::Arc;

use crate::checkpoint::StreamPosition;
use crate::engine::{self, Ended};
use crate::error::Result;
use crate::job::{JobSpec, Limits, MysqlEndpoint};
use crate::observe::{Counters, JobObserver};
use crate::oracle_gaussdb;
use crate::plan::{JobPlan, SourceEndpoint, TargetEndpoint};
use crate::run::StopSignal;
use crate::sink::Sink;
use crate::sink::gaussdb;
use crate::sink::kafka::{self, KafkaSink};
use crate::sink::null::NullSink;
use crate::source::mysql::catalog::{self, FoundDatabase};
use crate::source::mysql::columns::{self, FoundColumns};
use crate::source::mysql::connection::Connection;
use crate::source::mysql::dump::{Dump, Reach};
use crate::source::mysql::{elect, position_at as log_place};
use crate::source::oracle;

/// Runs a job of any pair until it is stopped, finished or fails. Blocks.
///
/// # Errors
/// The first error of source, encoders or sink.
pub fn run_plan(
    plan: &JobPlan,
    epoch: u64,
    stop: &StopSignal,
    observer: &Arc<dyn JobObserver>,
    counters: &Arc<Counters>,
) -> Result<Ended> {
    match plan {
        JobPlan::Kafka(spec) => run_job(spec, epoch, stop, observer, counters),
        JobPlan::Gauss(job) => oracle_gaussdb::run(job, epoch, stop, observer, counters),
    }
}

/// Runs a job to Kafka until it is stopped, finished or fails. Blocks.
///
/// # Errors
/// The first error of source, encoders or sink.
pub fn run_job(
    spec: &JobSpec,
    epoch: u64,
    stop: &StopSignal,
    observer: &Arc<dyn JobObserver>,
    counters: &Arc<Counters>,
) -> Result<Ended> {
    spec.validate()?;
    let (sink, topics) = KafkaSink::open(spec, epoch)?;
    engine::run(spec, epoch, sink.stopped_by(stop.clone()), topics, stop, observer, counters)
        .map_err(|e| kafka::login::confirmed(&spec.target, e))
}

/// Runs a job whose messages are counted and dropped, to measure everything before the sink. Blocks.
///
/// # Errors
/// The first error of source or encoders.
pub fn run_job_to_null(
    spec: &JobSpec,
    stop: &StopSignal,
    observer: &Arc<dyn JobObserver>,
    counters: &Arc<Counters>,
) -> Result<Ended> {
    let (sink, topics) = NullSink::open();
    engine::run(spec, 1, sink, topics, stop, observer, counters)
}

/// Receives `bytes` of the source's log and looks at nothing: the floor under everything that reads it.
/// Blocks.
///
/// # Errors
/// Those of the connection and of the log.
pub fn read_log_raw(spec: &JobSpec, from: &StreamPosition, bytes: u64) -> Result<()> {
    let (endpoint, limits) = (&spec.source, &spec.limits);
    let mut dump =
        Dump::open(endpoint, limits, &spec.job_id, (from, Reach::Present), StopSignal::new())?;
    let mut received = 0;
    while received < bytes {
        received += dump.next_event()?.len() as u64;
    }
    Ok(())
}

/// Logs in to a source, to each of its servers if there are several, and leaves; gives the version of the last.
///
/// # Errors
/// Those of the connection.
pub fn probe_source(endpoint: &SourceEndpoint) -> Result<String> {
    match endpoint {
        SourceEndpoint::Mysql(endpoint) => probe_mysql(endpoint),
        SourceEndpoint::Oracle(endpoint) => {
            oracle::catalog::version(&oracle::session::Session::connect(endpoint)?)
        }
    }
}

/// As [`probe_source`], for MySQL.
///
/// # Errors
/// Those of the connection.
pub fn probe_mysql(endpoint: &MysqlEndpoint) -> Result<String> {
    let mut version = String::new();
    for server in elect::candidates(endpoint) {
        let mut connection = Connection::connect(&server, &Limits::default(), StopSignal::new())?;
        connection.one_row("SELECT VERSION()")?.text(0)?.clone_into(&mut version);
    }
    Ok(version)
}

/// Logs in to a target and leaves.
///
/// # Errors
/// Those of the connection.
pub fn probe_target(endpoint: &TargetEndpoint) -> Result<()> {
    match endpoint {
        TargetEndpoint::Kafka(endpoint) => kafka::probe::probe(endpoint).map(|_| ()),
        TargetEndpoint::Gauss(endpoint) => {
            gaussdb::Inspection::open(endpoint, StopSignal::new()).map(|_| ())
        }
    }
}

/// Databases, of Oracle schemas, with their base tables, all or those named, without the server's own.
///
/// # Errors
/// Those of the connection.
pub fn list_objects(
    endpoint: &SourceEndpoint,
    databases: Option<&[String]>,
) -> Result<Vec<FoundDatabase>> {
    let endpoint = match endpoint {
        SourceEndpoint::Mysql(endpoint) => endpoint,
        SourceEndpoint::Oracle(endpoint) => {
            let session = oracle::session::Session::connect(endpoint)?;
            return oracle::objects::list(&session, databases);
        }
    };
    let (limits, stop) = (Limits::default(), StopSignal::new());
    let server = elect::answering(endpoint, &limits, &stop)?;
    let mut connection = Connection::connect(&server, &limits, stop)?;
    catalog::list(&mut connection, databases)
}

/// The columns of tables, by database (of Oracle schema) and name, in their order.
///
/// # Errors
/// Those of the connection.
pub fn list_columns(
    endpoint: &SourceEndpoint,
    tables: &[(String, String)],
) -> Result<Vec<FoundColumns>> {
    let endpoint = match endpoint {
        SourceEndpoint::Mysql(endpoint) => endpoint,
        SourceEndpoint::Oracle(endpoint) => {
            let session = oracle::session::Session::connect(endpoint)?;
            return oracle::objects::columns(&session, tables);
        }
    };
    let (limits, stop) = (Limits::default(), StopSignal::new());
    let server = elect::answering(endpoint, &limits, &stop)?;
    let mut connection = Connection::connect(&server, &limits, stop)?;
    columns::list(&mut connection, tables)
}

/// File and offset of the first transaction of a source's log that was committed at a time, seconds of the Unix epoch, or
/// later; the log's end if there is none.
///
/// # Errors
/// `PositionLost` if the log begins later, and those of the connection.
pub fn position_at(endpoint: &MysqlEndpoint, at: u64, stop: &StopSignal) -> Result<(String, u64)> {
    log_place::find(endpoint, at, stop)
}

/// Removes the job's progress records from the target.
///
/// # Errors
/// Those of the target.
pub fn forget(plan: &JobPlan, epoch: u64) -> Result<()> {
    let spec = match plan {
        JobPlan::Kafka(spec) => spec,
        JobPlan::Gauss(job) => return oracle_gaussdb::forget(job, epoch),
    };
    let (mut sink, _) = KafkaSink::open(spec, epoch)?;
    sink.forget()
}
