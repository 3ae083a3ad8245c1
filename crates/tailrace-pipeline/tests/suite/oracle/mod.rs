//! Oracle → GaussDB Distributed, between two stand-ins: neither server can be had.

mod additions;
mod behind;
mod clusters;
mod column_values;
mod compare;
mod coordinators;
mod copies;
mod debezium;
mod definitions;
mod dirty;
mod joint_mining;
mod large_objects;
mod parallel;
mod parts;
mod precheck;
mod random;
mod refusals;
mod repair;
mod silence;
mod start;
mod tls;
mod untold_keys;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use oracledb::{Config, Connection};
use secrecy::SecretString;
use tailrace_codec::gaussdb::apply::Conflict;
use tailrace_pipeline::job::{Limits, OracleDatabase, OracleEndpoint, TaskType};
use tailrace_pipeline::observe::{Counters, JobObserver, Phase};
use tailrace_pipeline::oracle_gaussdb::{self, OracleJob, TableChoice};
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Ended, Error, ErrorKind};
use tailrace_testkit::oracle::{OracleOptions, OracleServer};
use tailrace_testkit::wait;

use crate::gaussdb;
use crate::support::Recorder;

/// Longest wait for a state.
const LIMIT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "Geheim_123";

fn server() -> OracleServer {
    OracleServer::start(OracleOptions::with_user("SHOP", PASSWORD)).expect("the stand-in")
}

fn connect(server: &OracleServer) -> Connection {
    let config = Config::default()
        .set_credentials("shop", PASSWORD)
        .set_connect_string(&format!("127.0.0.1:{}/standin", server.port()))
        .expect("an address");
    oracledb::connect(config).expect("a session")
}

fn run(connection: &Connection, statements: &[&str]) {
    for statement in statements {
        connection.execute(statement, &[]).unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
}

/// A job of the user's tables into a schema of the job's name.
fn job(server: &OracleServer, name: &str, tables: &[&str]) -> OracleJob {
    let choice = |table: &&str| TableChoice {
        owner: "SHOP".to_owned(),
        name: (*table).to_owned(),
        schema: name.to_owned(),
        target: (*table).to_owned(),
    };
    OracleJob {
        job_id: name.to_owned(),
        task: TaskType::FullIncremental,
        source: OracleEndpoint {
            listeners: vec![("127.0.0.1".to_owned(), server.port())],
            database: OracleDatabase::Service("standin".to_owned()),
            pluggable: None,
            user: "shop".to_owned(),
            password: SecretString::from(PASSWORD),
            tls: None,
        },
        target: gaussdb::endpoint(&gaussdb::shared().1),
        tables: tables.iter().map(choice).collect(),
        rereads: Vec::new(),
        conflict: Conflict::Stop,
        make_structure: true,
        make_indexes: true,
        apply_definitions: true,
        limits: Limits { chunk_rows_max: 20, ..Limits::default() },
    }
}

/// A job that runs.
struct Running {
    stop: StopSignal,
    pub(super) recorder: Arc<Recorder>,
    pub(super) counters: Arc<Counters>,
    thread: JoinHandle<Result<Ended, Error>>,
}

fn start(job: &OracleJob, epoch: u64) -> Running {
    let (stop, job) = (StopSignal::new(), job.clone());
    let signal = stop.clone();
    let (recorder, counters) = (Arc::new(Recorder::default()), Arc::new(Counters::default()));
    let (observer, counted) =
        (Arc::clone(&recorder) as Arc<dyn JobObserver>, Arc::clone(&counters));
    let thread = thread::spawn(move || {
        let ended = oracle_gaussdb::run(&job, epoch, &signal, &observer, &counted);
        if let Err(error) = &ended {
            println!("the job {} ended: {error}", job.job_id);
        }
        ended
    });
    Running { stop, recorder, counters, thread }
}

impl Running {
    /// Stops it; how it ended if not by that.
    fn stop(self) -> Option<Error> {
        self.stop.stop();
        let error = self.thread.join().expect("the job").expect_err("a job that ends by itself");
        Some(error).filter(|error| error.kind() != ErrorKind::Cancelled)
    }

    /// Waits until it ends by itself; the error by which it did.
    fn ended(self) -> Option<Error> {
        wait::until("the job's end", LIMIT, || Ok(self.thread.is_finished().then_some(())))
            .expect("an end");
        self.thread.join().expect("the job").err()
    }

    /// Waits until all rows are copied.
    fn wait_for_increment(&self) {
        wait::until("the increment", LIMIT, || {
            let is_there = self.recorder.has_reached(Phase::Incremental);
            Ok((is_there || self.thread.is_finished()).then_some(()))
        })
        .expect("the increment");
    }

    /// Waits until the target says something.
    fn wait_for(&self, what: &str, sql: &str, wanted: &str) {
        let (postgres, _) = gaussdb::shared();
        let mut said = String::new();
        let holds = wait::until(what, LIMIT, || {
            said = postgres.sql(sql).unwrap_or_default();
            Ok((said.trim() == wanted || self.thread.is_finished()).then_some(()))
        });
        assert!(!self.thread.is_finished(), "the job has ended, waiting for {what}");
        assert_eq!(said.trim(), wanted, "{what}: {holds:?}");
    }
}
