//! Debezium's MySQL connector on Kafka Connect, on the same log and into a topic of the same layout.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tailrace_testkit::servers::Place;
use tailrace_testkit::servers::connect::{ConnectOptions, ConnectWorker, JAVA_AS_SHIPPED};
use tailrace_testkit::wait;

use crate::figures::Run;
use crate::prepare::Log;
use crate::stage::{DATABASE, Stage};
use crate::usage;
use crate::watch::{self, Topic};

/// For a state of a connector.
const LIMIT: Duration = Duration::from_secs(120);

/// How Debezium is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flavor {
    /// As the tables call it.
    pub(crate) name: &'static str,
    exactly_once: bool,
    /// Larger batches and queue, larger requests, parallel GC; else nothing but what must be set.
    tuned: bool,
}

/// All that are measured.
pub(crate) const FLAVORS: [Flavor; 4] = [
    Flavor { name: "Debezium, exactly once", exactly_once: true, tuned: false },
    Flavor { name: "Debezium, exactly once, tuned", exactly_once: true, tuned: true },
    Flavor { name: "Debezium, at least once", exactly_once: false, tuned: false },
    Flavor { name: "Debezium, at least once, tuned", exactly_once: false, tuned: true },
];

impl Flavor {
    /// Name of its group, its connector and the begin of its topics.
    fn id(self) -> String {
        let delivery = if self.exactly_once { "eos" } else { "alo" };
        format!("rival-{}-{delivery}{}", std::process::id(), if self.tuned { "-tuned" } else { "" })
    }

    fn worker(self, stage: &Stage) -> Result<ConnectWorker> {
        let mut java: Vec<String> = JAVA_AS_SHIPPED.iter().map(|&word| word.to_owned()).collect();
        if self.tuned {
            java.retain(|word| {
                !word.contains("G1")
                    && !word.contains("GCPause")
                    && !word.contains("InitiatingHeap")
            });
            java.push("-XX:+UseParallelGC".to_owned());
        }
        ConnectWorker::start(&ConnectOptions {
            bootstrap: stage.kafka.clone(),
            group: self.id(),
            exactly_once: self.exactly_once,
            java,
            connectors: Vec::new(),
            place: Place::default(),
        })
    }

    /// The connector's settings; everything else is as shipped.
    fn connector(self, stage: &Stage, name: &str, tables: &str, snapshot: &str) -> Value {
        let login = &stage.mysql;
        let mut config = json!({
            "connector.class": "io.debezium.connector.mysql.MySqlConnector",
            "tasks.max": "1",
            "database.hostname": login.host,
            "database.port": login.port.to_string(),
            "database.user": login.user,
            "database.password": login.password,
            "database.server.id": "4242",
            "topic.prefix": name,
            "table.include.list": tables,
            "schema.history.internal.kafka.bootstrap.servers": stage.kafka,
            "schema.history.internal.kafka.topic": format!("{name}-history"),
            "snapshot.mode": snapshot,
            "tombstones.on.delete": "false",
        });
        if self.tuned
            && let Some(config) = config.as_object_mut()
        {
            for (key, value) in [
                ("max.batch.size", "20480"),
                ("max.queue.size", "81920"),
                ("poll.interval.ms", "10"),
                ("producer.override.batch.size", "1000000"),
                ("producer.override.linger.ms", "5"),
                ("producer.override.compression.type", "lz4"),
                ("producer.override.buffer.memory", "134217728"),
            ] {
                config.insert(key.to_owned(), value.into());
            }
            if self.exactly_once {
                config.insert("transaction.boundary".to_owned(), "interval".into());
                config.insert("transaction.boundary.interval.ms".to_owned(), "1000".into());
            }
        }
        config
    }
}

/// Calls of Connect's REST interface.
struct Rest {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    url: String,
}

impl Rest {
    fn of(worker: &ConnectWorker) -> Result<Self> {
        let rest = Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            client: reqwest::Client::builder().no_proxy().build()?,
            url: worker.url(),
        };
        // A worker that says it is ready may answer 404 for a moment.
        wait::until("Connect's REST interface", LIMIT, || {
            Ok(rest.call("GET", "/connectors", None).is_ok().then_some(()))
        })?;
        Ok(rest)
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.url);
        let mut request = self.client.request(method.parse()?, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await?;
            let (status, text) = (answer.status(), answer.text().await?);
            ensure!(status.is_success(), "{method} {path}: {status}: {text}");
            Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
        })
    }

    /// State of a connector (`RUNNING`, `STOPPED`) and of its task, if it has one. Connect takes a moment to know a
    /// connector that it has just taken: its state is empty until then.
    fn state(&self, name: &str) -> Result<(String, Option<String>)> {
        let status = match self.call("GET", &format!("/connectors/{name}/status"), None) {
            Err(error) if error.to_string().contains("No status found") => {
                return Ok((String::new(), None));
            }
            status => status?,
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let task = status["tasks"].get(0);
        if let Some(trace) = task.and_then(|task| task["trace"].as_str()) {
            bail!("{name} failed: {trace}");
        }
        Ok((text(&status["connector"]["state"]), task.map(|task| text(&task["state"]))))
    }

    fn stop(&self, name: &str) -> Result<()> {
        self.call("PUT", &format!("/connectors/{name}/stop"), None)?;
        wait::until("the connector's stop", LIMIT, || {
            let (state, task) = self.state(name)?;
            Ok((state == "STOPPED" && task.is_none()).then_some(()))
        })
    }
}

/// Makes each flavor's connector, which reads the tables' definitions, and stops it again. Before the logs that are
/// measured are written.
///
/// # Errors
/// Those of Connect.
pub(crate) fn prepare(stage: &Stage, flavors: &[Flavor], change: &str) -> Result<()> {
    for flavor in flavors {
        let worker = flavor.worker(stage)?;
        let (rest, name) = (Rest::of(&worker)?, flavor.id());
        let config = flavor.connector(stage, &name, &format!("{DATABASE}\\..*"), "no_data");
        rest.call("PUT", &format!("/connectors/{name}/config"), Some(&config))?;
        let path = format!("/connectors/{name}/offsets");
        wait::until("the connector's first offset", LIMIT, || {
            if rest.state(&name)?.1.is_some() {
                // What it has read so far is only kept at a change.
                stage.mysql.query(&format!("USE {DATABASE}; {change}"))?;
            }
            let known = rest.call("GET", &path, None).is_ok_and(|known| {
                known["offsets"].as_array().is_some_and(|known| !known.is_empty())
            });
            Ok(known.then_some(()))
        })?;
        rest.stop(&name)?;
        worker.stop()?;
    }
    Ok(())
}

/// It is stopped after this part of a long log: it needs ten times as long, and its rate is the same all along.
const LOG_PART: u64 = 3;
/// Changes of a log of which it reads a part: of fewer, too many come with one commit.
const LONG_LOG_CHANGES: u64 = 30_000;

/// Runs of a worker that are not counted: until then its Java machine compiles.
const WARM_UP_RUNS: u32 = 2;

/// Workers that stay up from run to run, so that their Java machines are warm.
#[derive(Default)]
pub(crate) struct Rivals {
    running: Vec<(Flavor, ConnectWorker)>,
}

impl Rivals {
    /// Follows a part of the log; the first time a flavor is asked for, it does so some times before.
    ///
    /// # Errors
    /// Those of Connect, and a run that does not go on.
    pub(crate) fn stream(&mut self, stage: &Stage, log: &Log, flavor: Flavor) -> Result<Run> {
        let known = self.running.iter().position(|(running, _)| *running == flavor);
        let place = match known {
            Some(place) => place,
            None => {
                let worker = flavor.worker(stage)?;
                for run in 1..=WARM_UP_RUNS {
                    println!("-- {}: warming up, {run} of {WARM_UP_RUNS}", flavor.name);
                    stream(stage, log, flavor, &worker)?;
                }
                self.running.push((flavor, worker));
                self.running.len() - 1
            }
        };
        let (_, worker) = self.running.get(place).context("no worker")?;
        stream(stage, log, flavor, worker)
    }

    /// Reads tables whole, with a connector of its own; with a worker that is warm, if there is one.
    ///
    /// # Errors
    /// As [`Rivals::stream`].
    pub(crate) fn snapshot(
        &mut self,
        stage: &mut Stage,
        (tables, rows): (&[&str], u64),
        flavor: Flavor,
    ) -> Result<Run> {
        if let Some((_, worker)) = self.running.iter().find(|(running, _)| *running == flavor) {
            return snapshot(stage, (tables, rows), flavor, worker);
        }
        let worker = flavor.worker(stage)?;
        println!("-- {}: warming up", flavor.name);
        snapshot(stage, (tables, rows), flavor, &worker)?;
        let run = snapshot(stage, (tables, rows), flavor, &worker)?;
        self.running.push((flavor, worker));
        Ok(run)
    }

    /// Ends all workers.
    ///
    /// # Errors
    /// If one cannot be signalled.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.running.drain(..).try_for_each(|(_, worker)| worker.stop())
    }
}

fn stream(stage: &Stage, log: &Log, flavor: Flavor, worker: &ConnectWorker) -> Result<Run> {
    let (rest, name) = (Rest::of(worker)?, flavor.id());
    let topic = format!("{name}.{DATABASE}.{}", log.table);
    // What an earlier run or the preparation has left.
    stage.delete_topics(std::slice::from_ref(&topic))?;
    stage.create_topic(&topic)?;
    let offsets = json!({"offsets": [{
        "partition": {"server": name},
        "offset": {"file": log.file, "pos": log.offset, "gtids": log.from, "server_id": 1},
    }]});
    rest.call("PATCH", &format!("/connectors/{name}/offsets"), Some(&offsets))?;
    rest.call("PUT", &format!("/connectors/{name}/resume"), None)?;
    let pid = worker.process().pid();
    usage::forget_peak(pid)?;
    let part = if log.changes < LONG_LOG_CHANGES { 1 } else { LOG_PART };
    let result = watch::follow(stage, &Topic::new(stage, &topic)?, log.changes / part, pid);
    // A failed task says why.
    rest.state(&name)?;
    let run = result?;
    rest.stop(&name)?;
    stage.delete_topics(&[topic])?;
    Ok(run)
}

fn snapshot(
    stage: &mut Stage,
    (tables, rows): (&[&str], u64),
    flavor: Flavor,
    worker: &ConnectWorker,
) -> Result<Run> {
    let (rest, name) = (Rest::of(worker)?, stage.run_name());
    let qualified: Vec<String> = tables.iter().map(|table| format!("{DATABASE}.{table}")).collect();
    let topics: Vec<String> = qualified.iter().map(|table| format!("{name}.{table}")).collect();
    for topic in &topics {
        stage.create_topic(topic)?;
    }
    let config = flavor.connector(stage, &name, &qualified.join(","), "initial_only");
    rest.call("PUT", &format!("/connectors/{name}/config"), Some(&config))?;
    let pid = worker.process().pid();
    usage::forget_peak(pid)?;
    let result = watch::follow(stage, &Topic::all(stage, &topics)?, rows, pid);
    rest.state(&name).context("after the run")?;
    let run = result?;
    rest.call("DELETE", &format!("/connectors/{name}"), None)?;
    stage.delete_topics(&topics)?;
    Ok(run)
}

/// Starts a connector of its own that reads and follows the tables of a pattern.
///
/// # Errors
/// Those of Connect.
pub(crate) fn follow(
    stage: &Stage,
    name: &str,
    tables: &str,
    flavor: Flavor,
) -> Result<ConnectWorker> {
    let worker = flavor.worker(stage)?;
    let rest = Rest::of(&worker)?;
    let config = flavor.connector(stage, name, tables, "initial");
    rest.call("PUT", &format!("/connectors/{name}/config"), Some(&config))?;
    wait::until("the connector's task", LIMIT, || {
        let (state, task) = rest.state(name)?;
        Ok((state == "RUNNING" && task.as_deref() == Some("RUNNING")).then_some(()))
    })?;
    Ok(worker)
}
