//! Kills: of the server at random instants of every phase, of the broker, of the source.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowMetadata};
use tailrace_testkit::workload::{Plan, Workload, seed};
use tailrace_testkit::{env, wait};

use super::metrics::Figures;
use super::policy::Policy;
use super::scene::{Scene, url};
use super::served::{Ends, Served};
use super::setting;

/// Time until something that is due after a restart.
const LIMIT: Duration = Duration::from_secs(120);
/// Kills of the broker, and of the source.
const SERVER_KILLS: u32 = 10;

/// A source and a target of the test's own.
struct Servers {
    mysql: MySqlServer,
    kafka: KafkaCluster,
}

impl Servers {
    fn start(row_metadata: RowMetadata) -> Result<Self> {
        let kafka = KafkaOptions { auto_create_topics: false, ..KafkaOptions::default() };
        Ok(Self {
            mysql: MySqlServer::start(MySqlOptions { row_metadata, ..MySqlOptions::default() })?,
            kafka: KafkaCluster::start(kafka)?,
        })
    }

    fn ends(&self) -> Ends {
        let login = self.mysql.login();
        Ends {
            mysql: login.address(),
            mysql_user: login.user,
            mysql_password: login.password,
            kafka: self.kafka.bootstrap(),
        }
    }
}

/// When a kill comes, counted from the start of the process.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// After a time, whatever goes on: start-up, recovery, hand-over.
    After(Duration),
    /// As soon as so many more rows of the full phase are delivered.
    SnapshotRows(f64),
    /// As soon as so many more messages are visible: right behind a commit.
    Messages(f64),
}

impl Moment {
    fn choose(rng: &mut StdRng, rows: f64) -> Self {
        match rng.random_range(0..10) {
            0..3 => Self::After(Duration::from_millis(rng.random_range(0..1500))),
            3..6 => Self::SnapshotRows(rng.random_range(1.0..rows / 12.0)),
            _ => Self::Messages(rng.random_range(1.0..400.0)),
        }
    }

    /// Waits for the instant; a phase that is over gives none, so the time is bounded.
    fn wait(self, served: &Served) -> Result<()> {
        let begun = Instant::now();
        let longest = match self {
            Self::After(time) => time,
            Self::SnapshotRows(_) | Self::Messages(_) => Duration::from_secs(3),
        };
        let over = || (begun.elapsed() >= longest).then_some(());
        let mut first: Option<Figures> = None;
        wait::until("the instant of a kill", LIMIT, || {
            // While the server starts it has no figures.
            let Ok(now) = Figures::ask(served) else { return Ok(over()) };
            let first = *first.get_or_insert(now);
            let reached = match self {
                Self::After(_) => false,
                Self::SnapshotRows(rows) => now.snapshot_rows >= first.snapshot_rows + rows,
                Self::Messages(messages) => now.messages >= first.messages + messages,
            };
            Ok(if reached { Some(()) } else { over() })
        })
    }
}

fn plan(seed: u64, prefix: &str) -> Plan {
    Plan { rows_initial: 4000, transactions_per_second_max: 60, ..Plan::new(seed, prefix) }
}

/// As [`survives_with`], over a log that names columns.
fn survives(
    policy: Policy,
    prefix: &str,
    faults: impl FnOnce(&mut Scene, &mut Servers, &Workload, &mut StdRng) -> Result<()>,
) -> Result<()> {
    survives_with(RowMetadata::Full, policy, prefix, faults)
}

/// Starts a job over a load, lets `faults` do its worst, and judges.
fn survives_with(
    row_metadata: RowMetadata,
    policy: Policy,
    prefix: &str,
    faults: impl FnOnce(&mut Scene, &mut Servers, &Workload, &mut StdRng) -> Result<()>,
) -> Result<()> {
    let _alone = env::alone();
    let seed = seed();
    let mut servers = Servers::start(row_metadata)?;
    let plan = plan(seed, prefix);
    let ends = servers.ends();
    let load = Workload::start(&url(&ends), plan.clone())?;
    let mut scene = Scene::set_up(ends, plan, policy)?;
    scene.drive(&["start", "@"])?;
    let mut rng = StdRng::seed_from_u64(seed);
    let faulted = faults(&mut scene, &mut servers, &load, &mut rng);
    faulted.with_context(|| format!("log of the server:\n{}", scene.served.log_tail()))?;
    scene.drive(&["wait", "@", "INCRE_TRANSFER_STARTED"])?;
    let summary = scene.catch_up(load)?;
    scene.drive(&["pause", "@", "--", "wait", "@", "PAUSING"])?;
    scene.judge(&summary)?;
    scene.end_and_delete()
}

/// The server is killed at `count` instants.
fn kill_server(scene: &mut Scene, load: &Workload, rng: &mut StdRng, count: u64) -> Result<()> {
    let tables = 15.0;
    let rows = tables * f64::from(u32::try_from(scene.plan.rows_initial)?);
    for number in 0..count {
        if number == count / 2 {
            scene.served.ready()?;
            // The first half meets the full phase and the hand-over; DDL comes with the stream.
            scene.drive(&["wait", "@", "INCRE_TRANSFER_STARTED"])?;
            load.allow_ddl();
        }
        let instant = Moment::choose(rng, rows);
        instant.wait(&scene.served)?;
        scene.served.kill()?;
        scene.served.launch().with_context(|| format!("after kill {number}, {instant:?}"))?;
    }
    scene.served.ready()
}

fn proves(result: Result<()>) {
    if let Err(error) = result {
        panic!("{error:#}");
    }
}

#[test]
fn the_server_may_be_killed_at_any_instant() {
    let kills = setting("TAILRACE_PROOF_KILLS", 100);
    proves(survives(Policy::OneTopicByTable, "kill", |scene, _, load, rng| {
        kill_server(scene, load, rng, kills)
    }));
}

#[test]
fn the_server_may_be_killed_with_a_topic_per_table() {
    let kills = setting("TAILRACE_PROOF_KILLS", 100) / 4;
    proves(survives(Policy::TopicPerTableByKey, "killper", |scene, _, load, rng| {
        kill_server(scene, load, rng, kills)
    }));
}

#[test]
fn the_server_may_be_killed_over_a_log_that_does_not_name_columns() {
    let kills = setting("TAILRACE_PROOF_KILLS", 100) / 4;
    let faults = |scene: &mut Scene, _: &mut Servers, load: &Workload, rng: &mut StdRng| {
        kill_server(scene, load, rng, kills)
    };
    proves(survives_with(RowMetadata::Minimal, Policy::OneTopicByTable, "killmin", faults));
}

#[test]
fn the_broker_may_be_killed() {
    proves(survives(Policy::OneTopicInOrder, "broker", |scene, servers, load, rng| {
        for number in 0..SERVER_KILLS {
            if number == SERVER_KILLS / 2 {
                scene.drive(&["wait", "@", "INCRE_TRANSFER_STARTED"])?;
                load.allow_ddl();
            }
            Moment::choose(rng, 10_000.0).wait(&scene.served)?;
            servers.kafka.kill(1)?;
            servers.kafka.restart(1)?;
            delivers_again(&scene.served)?;
        }
        Ok(())
    }));
}

#[test]
fn the_source_may_be_killed() {
    proves(survives(Policy::OneTopicByTable, "source", |scene, servers, load, rng| {
        for number in 0..SERVER_KILLS {
            if number == SERVER_KILLS / 2 {
                scene.drive(&["wait", "@", "INCRE_TRANSFER_STARTED"])?;
                load.allow_ddl();
            }
            Moment::choose(rng, 10_000.0).wait(&scene.served)?;
            servers.mysql.kill()?;
            servers.mysql.restart()?;
            delivers_again(&scene.served)?;
        }
        Ok(())
    }));
}

/// Waits until messages flow again.
fn delivers_again(served: &Served) -> Result<()> {
    let before = Figures::ask(served)?;
    wait::until("messages after a restart", LIMIT, || {
        let now = Figures::ask(served)?;
        Ok((now.running && now.messages > before.messages).then_some(()))
    })
}
