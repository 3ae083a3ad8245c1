//! `tailrace demo`: a real source flows into Kafka before one's eyes, and what arrived is compared.

mod child;
mod consumer;
mod port;
mod program;
mod server;
mod shop;
mod source;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tailrace_pipeline::Session;

use self::consumer::{Consumer, Seen};
use self::program::Program;
use self::server::Server;
use self::shop::{Size, Written};
pub(crate) use self::source::Source;
use self::verdict::Verdict;
use crate::client::{CheckedFor, Client, ClientError, Wait, Waited};
use crate::job_file::JobFile;

/// Longest time for a step that waits for the job.
const STEP_LIMIT: Duration = Duration::from_secs(300);
/// Pause between two looks at what the consumer has.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// What to show, and where.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// `mysql://user:password@host:port`; without, a server of the demo's own.
    pub(crate) source: Option<String>,
    /// Server program for that.
    pub(crate) mysqld: Option<PathBuf>,
    /// `host:port` of a broker; without, the embedded emulator.
    pub(crate) kafka: Option<String>,
    /// Rows of the shop, about.
    pub(crate) rows: u64,
    /// Seconds of live changes.
    pub(crate) seconds: u64,
}

/// Where the demo says what it does. `percent` of the full phase where there is one.
pub(crate) trait Narrator {
    /// A line that stays.
    fn say(&mut self, line: &str);
    /// A state that passes.
    fn show(&mut self, phase: &str, percent: u64, more: &str);
}

/// Runs the demo.
///
/// # Errors
/// What hindered it, or what was found to be wrong.
pub(crate) async fn run(options: &Options, narrator: &mut dyn Narrator) -> anyhow::Result<()> {
    let begun = Instant::now();
    let dir = tempfile::Builder::new().prefix("tailrace-demo-").tempdir()?;
    let (source, where_source) = open_source(options, dir.path())?;
    let (brokers, is_emulated) = open_kafka(options)?;
    narrator.say(&format!("source   {where_source}"));
    narrator.say(&format!(
        "target   {}",
        if is_emulated {
            format!("embedded Kafka emulator at {brokers} (--kafka HOST:PORT takes a real one)")
        } else {
            format!("Kafka at {brokers}")
        }
    ));
    let database = format!("tailrace_demo_{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let size = Size::of(options.rows);
    let mut session = Session::connect(&source.endpoint).context("the source")?;
    let rows = shop::open(&mut session, &database, size)?;
    narrator.say(&format!("shop     database {database}, {rows} rows in 4 tables"));
    let server = Server::start(dir.path()).await?;
    narrator.say(&format!("server   {}", server.endpoint));
    let stage = Stage { source: &source, brokers: &brokers, database: &database, size };
    let shown = stage.play(&server, options, narrator, begun).await;
    // The source may not be the demo's own.
    let dropped = session.execute(&format!("DROP DATABASE `{database}`"));
    shown.map_err(|e| match std::env::var_os("TAILRACE_DEMO_LOG") {
        Some(_) => e.context(server.log_text()),
        None => e,
    })?;
    dropped.context("the demo's database could not be dropped")?;
    if is_emulated {
        narrator
            .say("The broker was an emulator in memory: nothing is shown here of its durability.");
    }
    Ok(())
}

fn open_source(options: &Options, dir: &std::path::Path) -> anyhow::Result<(Source, String)> {
    if let Some(url) = &options.source {
        let source = Source::named(url)?;
        let text = format!("server at {}:{}", source.endpoint.host, source.endpoint.port);
        return Ok((source, text));
    }
    let program = match &options.mysqld {
        Some(program) => Program::at(program)?,
        None => Program::find()?,
    };
    let source = Source::start(&program, dir)?;
    let text = format!(
        "{} on 127.0.0.1:{}, started for this",
        program.path().display(),
        source.endpoint.port
    );
    Ok((source, text))
}

fn open_kafka(options: &Options) -> anyhow::Result<(String, bool)> {
    match &options.kafka {
        Some(brokers) => Ok((brokers.clone(), false)),
        None => {
            let address = noida::kafka::spawn("127.0.0.1:0").context("the embedded broker")?;
            Ok((address.to_string(), true))
        }
    }
}

/// The scenery of the job.
struct Stage<'a> {
    source: &'a Source,
    brokers: &'a str,
    database: &'a str,
    size: Size,
}

impl Stage<'_> {
    /// One job from its creation to its deletion.
    async fn play(
        &self,
        server: &Server,
        options: &Options,
        narrator: &mut dyn Narrator,
        begun: Instant,
    ) -> anyhow::Result<()> {
        let client = server.client()?;
        self.create_ddl_topic().await?;
        let file = self.job_file()?;
        let job = client.create(&file).await?;
        wait_for(&client, &job, "CONFIGURATION", narrator).await?;
        client.save_endpoints(&job, &file).await?;
        client.save_settings(&job, &file).await?;
        let checks = client.precheck(&job, CheckedFor::Start).await?;
        if let Some(bad) = checks.iter().find(|check| check.result == "FAILED") {
            bail!("the precheck failed: {}: {}", bad.item, bad.reason);
        }
        narrator.say(&format!("job      {job}, {} prechecks passed", checks.len()));
        client.act(&job, "start", json!({})).await?;
        let started = Instant::now();
        wait_for(&client, &job, "INCRE_TRANSFER_STARTED", narrator).await?;
        narrator.say(&format!(
            "full     all rows are in Kafka after {:.1} s ({:.1} s after the demo began)",
            started.elapsed().as_secs_f64(),
            begun.elapsed().as_secs_f64()
        ));
        let (seen, written) = self.go_live(options, narrator).await?;
        let mut session = Session::connect(&self.source.endpoint)?;
        let verdict = verdict::judge(&mut session, self.database, &seen)?;
        client.act(&job, "terminate", json!({})).await?;
        wait_for(&client, &job, "RELEASE_RESOURCE_COMPLETE", narrator).await?;
        client.delete(&job).await?;
        match client.show(&job, "overview").await {
            Err(ClientError::Missing { .. }) => {}
            other => bail!("the job was deleted and is still answered: {other:?}"),
        }
        narrator
            .say("delete   the job is ended and deleted: DELETE /v5/{project_id}/jobs/{job_id}");
        conclude(&seen, &written, &verdict, narrator)
    }

    async fn create_ddl_topic(&self) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.brokers).create()?;
        let name = self.ddl_topic();
        let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
        for result in admin.create_topics([&topic], &AdminOptions::new()).await? {
            result.map_err(|(topic, code)| anyhow::anyhow!("topic {topic}: {code}"))?;
        }
        Ok(())
    }

    fn ddl_topic(&self) -> String {
        format!("{}-ddl", self.database)
    }

    fn job_file(&self) -> anyhow::Result<JobFile> {
        let endpoint = &self.source.endpoint;
        // A JSON text is a TOML text too.
        let quoted = |text: &str| Value::from(text).to_string();
        let text = format!(
            "name = {name}\n[source]\nhost = {host}\nport = {port}\nuser = {user}\npassword = {password}\n\
             [target]\nbrokers = {brokers}\n[objects]\n{database} = \"*\"\n\
             [policy]\ntopic_policy = \"per_table\"\nddl_topic = {ddl}\n",
            name = quoted(&self.database.replace('_', "-")),
            host = quoted(&endpoint.host),
            port = endpoint.port,
            user = quoted(&endpoint.user),
            password = quoted(endpoint.password.expose_secret()),
            brokers = quoted(self.brokers),
            database = self.database,
            ddl = quoted(&self.ddl_topic()),
        );
        Ok(JobFile::parse(&text)?)
    }

    /// Changes at the source for some seconds, and a consumer that must come to the same state.
    async fn go_live(
        &self,
        options: &Options,
        narrator: &mut dyn Narrator,
    ) -> anyhow::Result<(Seen, Arc<Written>)> {
        let mut topics: Vec<String> =
            shop::tables().map(|table| format!("{}-{table}", self.database)).collect();
        topics.push(self.ddl_topic());
        let consumer = Arc::new(Consumer::open(self.brokers, &topics)?);
        let (stop_reading, stop_writing) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let reading = {
            let (consumer, stop) = (Arc::clone(&consumer), Arc::clone(&stop_reading));
            tokio::task::spawn_blocking(move || consumer.read(&stop))
        };
        let written = Arc::new(Written::default());
        let writing = self.spawn_writer(&stop_writing, &written);
        let watched = watch(options, &consumer, &written, narrator, || {
            shop::alter(&self.source.endpoint, self.database)
        })
        .await;
        stop_writing.store(true, Ordering::Relaxed);
        let wrote = writing.await?;
        let fenced = match watched.and(wrote) {
            Ok(()) => self.wait_until_equal(&consumer, narrator).await,
            Err(e) => Err(e),
        };
        stop_reading.store(true, Ordering::Relaxed);
        reading.await?;
        fenced?;
        let mut seen = std::mem::take(&mut *consumer.seen());
        seen.settle();
        Ok((seen, written))
    }

    fn spawn_writer(
        &self,
        stop: &Arc<AtomicBool>,
        written: &Arc<Written>,
    ) -> tokio::task::JoinHandle<anyhow::Result<()>> {
        let (endpoint, database) = (self.source.endpoint.clone(), self.database.to_owned());
        let (stop, written, size) = (Arc::clone(stop), Arc::clone(written), self.size);
        tokio::task::spawn_blocking(move || {
            shop::keep_busy(&endpoint, &database, size, &stop, &written)
        })
    }

    /// Writes a last row and waits until the consumer has it: then it has everything before.
    async fn wait_until_equal(
        &self,
        consumer: &Consumer,
        narrator: &mut dyn Narrator,
    ) -> anyhow::Result<()> {
        let mut session = Session::connect(&self.source.endpoint)?;
        for table in ["orders", "customers", "products", "order_items"] {
            // A fence in each table: each has a partition of its own.
            let values = match table {
                "orders" => "(-1,0,0,'2026-01-01 00:00:00','fence',NULL)",
                "customers" => "(4294967295,0,'fence',0,NULL,'gold',NULL)",
                "products" => "('FENCE',0,'fence',0,0,'')",
                _ => "(-1,0,0,'FENCE',0,0)",
            };
            session.execute(&format!("INSERT INTO `{}`.{table} VALUES {values}", self.database))?;
        }
        let until = Instant::now() + STEP_LIMIT;
        let fences = [
            ("orders", "-1"),
            ("customers", "4294967295"),
            ("products", "FENCE"),
            ("order_items", "-1"),
        ];
        loop {
            if let Some(failure) = consumer.failure() {
                bail!("the consumer cannot read on: {failure}");
            }
            let has = |(table, key): &(&str, &str)| {
                consumer.seen().tables.get(*table).is_some_and(|rows| {
                    rows.keys().any(|parts| parts.first().is_some_and(|part| part == key))
                })
            };
            if fences.iter().all(has) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("the last row did not reach the consumer in {} s", STEP_LIMIT.as_secs());
            }
            narrator.show("waiting for the last change", 100, "");
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }
}

/// Shows live changes; in the middle of them a table changes its structure.
async fn watch(
    options: &Options,
    consumer: &Consumer,
    written: &Written,
    narrator: &mut dyn Narrator,
    alter: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let length = Duration::from_secs(options.seconds);
    let mut is_altered = false;
    while begun.elapsed() < length {
        tokio::time::sleep(LOOK_PAUSE).await;
        if let Some(failure) = consumer.failure() {
            bail!("the consumer cannot read on: {failure}");
        }
        if !is_altered && begun.elapsed() * 2 > length {
            alter()?;
            is_altered = true;
        }
        let (changes, lag) = {
            let seen = consumer.seen();
            (seen.changes(), percentile(&seen.lags_ms, 50))
        };
        let more = format!(
            "{} changes made, {changes} read, half of them within {lag} ms",
            written.changes.load(Ordering::Relaxed)
        );
        narrator.show("live", 100, &more);
    }
    Ok(())
}

async fn wait_for(
    client: &Client,
    job: &str,
    wanted: &str,
    narrator: &mut dyn Narrator,
) -> anyhow::Result<()> {
    let waited = client
        .wait(job, "progress", Some(STEP_LIMIT), |view| -> anyhow::Result<Wait> {
            let status = view["status"].as_str().unwrap_or_default();
            let percent = view["progress_info"]["progress"].as_str().unwrap_or_default();
            narrator.show(status, percent.parse().unwrap_or(0), "");
            if status.ends_with("_FAILED") {
                bail!("the job is {status}");
            }
            Ok(if status == wanted { Wait::Done } else { Wait::More })
        })
        .await;
    match waited {
        Ok(Waited::Done) => Ok(()),
        Ok(Waited::TimedOut) => bail!("the job is not {wanted} after {} s", STEP_LIMIT.as_secs()),
        Err(error) => {
            let detail = client.show(job, "detail").await.unwrap_or(Value::Null);
            let reason = detail["failed_reason"].as_str().unwrap_or_default().to_owned();
            Err(if reason.is_empty() { error } else { error.context(reason) })
        }
    }
}

/// Says what was proven; an error if it is not what was promised.
fn conclude(
    seen: &Seen,
    written: &Written,
    verdict: &Verdict,
    narrator: &mut dyn Narrator,
) -> anyhow::Result<()> {
    let of = |kind: &str| seen.types.get(kind).copied().unwrap_or_default();
    let transactions = written.transactions.load(Ordering::Relaxed);
    narrator.say("");
    narrator.say(&format!(
        "A consumer that read committed messages only saw {} rows of the full phase, {} inserts, {} updates, {} deletes and {} DDL statement(s), of {transactions} live transactions.",
        of("INIT"),
        of("INSERT"),
        of("UPDATE"),
        of("DELETE"),
        of("DDL")
    ));
    narrator.say(&format!(
        "It holds {} rows, as the source does: {} missing, {} too many, {} different. {} messages came twice, {} rows went back in time, {} messages were out of order.",
        verdict.rows, verdict.missing, verdict.extra, verdict.different, seen.repeated, seen.backwards, seen.disordered
    ));
    narrator.say(&format!(
        "From commit to the consumer: {} ms for half of the changes, {} ms for 99 of 100.",
        percentile(&seen.lags_ms, 50),
        percentile(&seen.lags_ms, 99)
    ));
    let is_sound = verdict.is_equal()
        && seen.repeated + seen.backwards + seen.disordered == 0
        && of("DDL") == 1
        && seen.changes() > 0;
    if is_sound {
        return Ok(());
    }
    bail!("source and consumer differ: {}", verdict.shown.join("; "))
}

/// The value that `percent` of all values do not exceed.
fn percentile(values: &[i64], percent: usize) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}
