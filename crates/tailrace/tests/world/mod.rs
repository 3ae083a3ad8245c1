//! A control plane over a store of its own, and jobs in it at any point of their life.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tailrace::clock::ManualClock;
use tailrace::control::endpoint::{
    DbType, Endpoint, EndpointInput, EndpointSecrets, KafkaSecurity, SecurityProtocol,
};
use tailrace::control::job::{Engine, Job, NewJob, Page, TaskMode};
use tailrace::control::objects::{DatabaseChoice, ObjectScope, ObjectSelection};
use tailrace::control::query::{Precheck, PrecheckMode, QueryStatus};
use tailrace::control::{Bounds, Caller, Control, ControlParts, JobStatus, Language};
use tailrace::secret::{MasterKey, Vault};
use tailrace::store::Store;
use tailrace::store::sqlite::SqliteStore;
use tailrace_pipeline::mapping::Mappings;
use tailrace_pipeline::observe::Phase;

use crate::scripted_runner::{PATIENCE, Run, ScriptedRunner};

/// When the world begins.
pub const BEGIN_MS: i64 = 1_800_000_000_000;
/// The source's password in every job.
pub const PASSWORD: &str = "source-secret-1";

pub struct World {
    pub dir: tempfile::TempDir,
    pub store: Arc<dyn Store>,
    pub vault: Arc<Vault>,
    pub clock: Arc<ManualClock>,
    pub runner: ScriptedRunner,
    pub control: Control,
    pub bounds: Bounds,
}

/// Intervals that do not make tests wait.
pub fn quick_bounds() -> Bounds {
    Bounds {
        tick: Duration::from_millis(10),
        scan_interval: Duration::from_millis(50),
        retry_delay_min: Duration::from_millis(2),
        retry_delay_max: Duration::from_millis(20),
        ..Bounds::default()
    }
}

pub fn caller() -> Caller {
    Caller {
        rights: tailrace::control::iam::Rights::all(),
        domain_id: "d1".to_owned(),
        project_id: "p1".to_owned(),
        user_id: "u1".to_owned(),
        user_name: "ann".to_owned(),
        language: Language::English,
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(quick_bounds()).await
    }

    pub async fn with(bounds: Bounds) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&dir.path().join("tailrace.db")).await.unwrap());
        let master = MasterKey::generate().unwrap();
        let keys = [Vault::make_key(&master, 1).unwrap()];
        store.put_data_keys(&keys).await.unwrap();
        let vault = Arc::new(Vault::open(&master, &keys).unwrap());
        let clock = Arc::new(ManualClock::new(BEGIN_MS));
        let runner = ScriptedRunner::default();
        let control = start(&store, &vault, &clock, &runner, &bounds, "node-1").await;
        Self { dir, store, vault, clock, runner, control, bounds }
    }

    /// Another process over the same store; what it runs is in `runner`.
    pub async fn another(&self, owner: &str, runner: &ScriptedRunner) -> Control {
        start(&self.store, &self.vault, &self.clock, runner, &self.bounds, owner).await
    }

    pub async fn job(&self, id: &str) -> Job {
        self.control.get(&caller(), id).await.unwrap()
    }

    /// Waits for a status, and fails with the one that is there instead.
    pub async fn until(&self, id: &str, status: JobStatus) -> Job {
        self.until_job(id, &format!("status {status}"), |job| job.status() == status).await
    }

    pub async fn until_job(&self, id: &str, what: &str, done: impl Fn(&Job) -> bool) -> Job {
        let mut last = self.job(id).await;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !done(&last) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "no {what}: status {}, failure {:?}",
                last.status(),
                last.failure
            );
            next_look().await;
            last = self.job(id).await;
        }
        last
    }

    /// Waits until no data path of the job runs in this process.
    pub async fn until_stopped(&self, id: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.control.monitor(&caller(), id).await.unwrap().running {
            assert!(tokio::time::Instant::now() < deadline, "the data path still runs");
            next_look().await;
        }
    }

    /// A job that was just made ready.
    pub async fn created(&self, name: &str, task: TaskMode) -> String {
        let job = self.control.create(&caller(), new_job(name, task)).await.unwrap();
        assert_eq!(job.status(), JobStatus::Creating);
        self.until(&job.id, JobStatus::Configuration).await;
        job.id
    }

    /// A job with endpoints and objects.
    pub async fn configured(&self, name: &str, task: TaskMode) -> String {
        let id = self.created(name, task).await;
        self.control.set_endpoints(&caller(), &id, Some(source()), Some(target())).await.unwrap();
        self.control.select_objects(&caller(), &id, tables(&["orders", "items"])).await.unwrap();
        id
    }

    /// Runs a precheck to its end.
    pub async fn precheck(&self, id: &str, mode: PrecheckMode) -> Precheck {
        let query = self.control.precheck(&caller(), id, mode).await.unwrap();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let result = self.control.precheck_result(&caller(), id, Some(&query)).await.unwrap();
            if result.status != QueryStatus::Pending {
                return result;
            }
            assert!(tokio::time::Instant::now() < deadline, "the precheck takes too long");
            next_look().await;
        }
    }

    /// A job that was started; the data path is connecting.
    pub async fn started(&self, name: &str, task: TaskMode) -> (String, Arc<Run>) {
        let runs = self.runner.run_count();
        let id = self.configured(name, task).await;
        assert!(self.precheck(&id, PrecheckMode::Start).await.passed());
        self.control.start(&caller(), &id, None).await.unwrap();
        (id, self.runner.run(runs).await)
    }

    /// A job in the incremental phase.
    pub async fn streaming(&self, name: &str) -> (String, Arc<Run>) {
        let (id, run) = self.started(name, TaskMode::FullIncremental).await;
        for phase in [Phase::Starting, Phase::Full, Phase::FullComplete, Phase::Incremental] {
            run.enter(phase);
        }
        self.until(&id, JobStatus::IncreTransferStarted).await;
        (id, run)
    }

    /// Names of the timeline, oldest first, with who and whether it worked.
    pub async fn timeline(&self, id: &str) -> Vec<(String, String, bool)> {
        let (_, mut entries) = self.control.timeline(&caller(), id, Page::FIRST).await.unwrap();
        entries.reverse();
        entries.into_iter().map(|e| (e.name, e.user_name, e.success)).collect()
    }

    /// Texts of the job's log, oldest first.
    pub async fn log(&self, id: &str) -> Vec<String> {
        let (_, mut entries) = self.control.log(&caller(), id, None, Page::FIRST).await.unwrap();
        entries.reverse();
        entries.into_iter().map(|entry| entry.message).collect()
    }
}

async fn start(
    store: &Arc<dyn Store>,
    vault: &Arc<Vault>,
    clock: &Arc<ManualClock>,
    runner: &ScriptedRunner,
    bounds: &Bounds,
    owner: &str,
) -> Control {
    Control::start_up(ControlParts {
        store: Arc::clone(store),
        vault: Arc::clone(vault),
        runner: Arc::new(runner.clone()),
        clock: Arc::clone(clock) as Arc<dyn tailrace::clock::Clock>,
        owner: owner.to_owned(),
        bounds: bounds.clone(),
    })
    .await
    .unwrap()
}

pub fn new_job(name: &str, task: TaskMode) -> NewJob {
    NewJob {
        name: name.to_owned(),
        description: String::new(),
        engine: Engine::MysqlToKafka,
        task,
        direction: "non-dbs".to_owned(),
        net_type: "vpc".to_owned(),
        enterprise_project_id: "0".to_owned(),
        expired_days: 14,
        tags: Vec::new(),
        attributes: Default::default(),
        source: None,
        target: None,
    }
}

pub fn source() -> EndpointInput {
    EndpointInput {
        endpoint: Endpoint {
            address: "mysql.example".to_owned(),
            port: Some(3306),
            user: Some("drs".to_owned()),
            ..Endpoint::empty(DbType::Mysql)
        },
        secrets: EndpointSecrets {
            password: Some(SecretString::from(PASSWORD)),
            ..Default::default()
        },
    }
}

pub fn target() -> EndpointInput {
    EndpointInput {
        endpoint: Endpoint {
            address: "kafka-1.example:9092, kafka-2.example:9092".to_owned(),
            kafka: Some(KafkaSecurity {
                protocol: SecurityProtocol::Plaintext,
                ..Default::default()
            }),
            ..Endpoint::empty(DbType::Kafka)
        },
        secrets: EndpointSecrets::default(),
    }
}

pub fn tables(names: &[&str]) -> ObjectSelection {
    ObjectSelection {
        scope: ObjectScope::Table,
        databases: vec![DatabaseChoice {
            name: "shop".to_owned(),
            tables: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        }],
        mappings: Mappings::default(),
        target_database: None,
    }
}

/// Passes the moment between two looks at a state that is being waited for.
pub async fn next_look() {
    let never = std::future::pending::<()>();
    let elapsed = tokio::time::timeout(Duration::from_millis(2), never).await;
    assert!(elapsed.is_err());
}
