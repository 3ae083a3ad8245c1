//! The official SDKs for Go, Java and Node.js, each through the life of a job of every link. The databases of the link from Oracle
//! are stand-ins.

use anyhow::{Result, ensure};
use tailrace_testkit::env;
use tailrace_testkit::provision::sdk::Language;
use tailrace_testkit::workload::seed;

use super::main_job::shared_ends;
use super::oracle_scene::{self, Scene};
use super::scene::create_topics;

/// Steps of one job's life, and what a client can get wrong.
const STEPS: usize = 20;

fn life(scene: &Scene, language: Language, link: &str, ends: &[(&str, &str)]) -> Result<()> {
    let name = format!("{}-{link}", language.name());
    let printed = scene.served.drive_in(language, ends, &[link, &name])?;
    let steps = printed.lines().filter(|line| line.starts_with("ok ")).count();
    ensure!(steps == STEPS, "{link}: {steps} steps were done, not {STEPS}:\n{printed}");
    Ok(())
}

fn to_kafka(scene: &Scene, language: Language) -> Result<()> {
    let ends = shared_ends()?;
    // The topic stays on a broker that is kept; the name must not meet an earlier run's.
    let name = format!("sdk_{}_{:x}", language.name(), seed() & 0xff_ffff);
    let mysql = env::mysql()?;
    mysql.query(&format!(
        "CREATE DATABASE {name}; \
         CREATE TABLE {name}.item (id INT PRIMARY KEY, name VARCHAR(20)); \
         INSERT INTO {name}.item VALUES (1, 'one'), (2, 'two')"
    ))?;
    create_topics(&ends.kafka, &[(name.clone(), 1)])?;
    let envs = [
        ("TAILRACE_SOURCE", ends.mysql.as_str()),
        ("TAILRACE_SOURCE_USER", ends.mysql_user.as_str()),
        ("TAILRACE_SOURCE_PASSWORD", ends.mysql_password.as_str()),
        ("TAILRACE_TARGET", ends.kafka.as_str()),
        ("TAILRACE_SELECT", name.as_str()),
        ("TAILRACE_TABLES", "item"),
        ("TAILRACE_TOPIC", name.as_str()),
    ];
    for link in ["mysql-to-kafka", "taurus-to-kafka"] {
        life(scene, language, link, &envs)?;
    }
    mysql.query(&format!("DROP DATABASE {name}"))?;
    Ok(())
}

fn to_gauss(scene: &Scene, language: Language) -> Result<()> {
    scene.load(&["prepare"])?;
    let (source, target) = scene.addresses();
    let selected = [("TAILRACE_SELECT", "SHOP"), ("TAILRACE_TABLES", "ORDERS,NOTES")];
    let envs = [&oracle_scene::ends(&source, &target)[..], &selected[..]].concat();
    life(scene, language, "oracle-to-gaussdbv5", &envs)?;
    // As `load.py prepare` makes them.
    let rows =
        "SELECT (SELECT count(*) FROM shop.orders) || ' ' || (SELECT count(*) FROM shop.notes)";
    let rows = scene.postgres.sql(rows)?;
    ensure!(rows.trim() == "600 50", "{rows} rows are at the target");
    Ok(())
}

fn lives(language: Language) {
    let done = Scene::set_up().and_then(|scene| {
        to_kafka(&scene, language)?;
        to_gauss(&scene, language)
    });
    if let Err(error) = done {
        panic!("{error:#}");
    }
}

#[test]
fn go() {
    lives(Language::Go);
}

#[test]
fn java() {
    lives(Language::Java);
}

#[test]
fn node() {
    lives(Language::Node);
}
