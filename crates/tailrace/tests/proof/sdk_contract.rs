//! Every call of the official SDK, and the answers to what a client can get wrong, against the built
//! binary with a real source and target.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tailrace_testkit::workload::seed;
use tailrace_testkit::{env, python};

use super::main_job::shared_ends;
use super::scene::create_topics;
use super::served::Served;

#[test]
fn the_official_sdk_is_answered_as_documented() {
    if let Err(error) = run("contract.py", 100) {
        panic!("{error:#}");
    }
}

#[test]
fn the_official_sdk_creates_jobs_together_and_sets_rules() {
    if let Err(error) = run("batches_and_rules.py", 20) {
        panic!("{error:#}");
    }
}

/// Runs a script with a database and a topic of its own; at least so many of its checks have to run.
fn run(script: &str, checks_min: usize) -> Result<()> {
    let ends = shared_ends()?;
    let served = Served::start()?;
    // The topic stays on a broker that is kept; the name must not meet an earlier run's.
    let name = format!("{}_{:x}", script.trim_end_matches(".py"), seed() & 0xff_ffff);
    let mysql = env::mysql()?;
    mysql.query(&format!(
        "CREATE DATABASE {name}; \
         CREATE TABLE {name}.item (id INT PRIMARY KEY, name VARCHAR(20)); \
         INSERT INTO {name}.item VALUES (1, 'one'), (2, 'two')"
    ))?;
    create_topics(&ends.kafka, &[(name.clone(), 1)])?;
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(script);
    let endpoint = format!("http://{}", served.address());
    let credentials = served.credentials().display().to_string();
    let printed = python::run(
        &script,
        &[],
        &[
            ("TAILRACE_ENDPOINT", &endpoint),
            ("TAILRACE_CREDENTIALS", &credentials),
            ("TAILRACE_TEST_MYSQL", &ends.mysql),
            ("TAILRACE_TEST_MYSQL_USER", &ends.mysql_user),
            ("TAILRACE_TEST_MYSQL_PASSWORD", &ends.mysql_password),
            ("TAILRACE_TEST_DATABASE", &name),
            ("TAILRACE_TEST_KAFKA", &ends.kafka),
            ("TAILRACE_TEST_TOPIC", &name),
        ],
    )
    .with_context(|| format!("log of the server:\n{}", served.log_tail()))?;
    let checks = printed.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(checks >= checks_min, "only {checks} checks ran:\n{printed}");
    mysql.query(&format!("DROP DATABASE {name}"))?;
    Ok(())
}

#[test]
fn the_official_sdk_manages_users() {
    let managed = || -> Result<()> {
        let served = Served::start()?;
        let credentials = served.credentials().display().to_string();
        let envs = [("TAILRACE_CREDENTIALS", credentials.as_str())];
        let printed = served.drive_with("manage_iam.py", &envs, &[])?;
        let checks = printed.lines().filter(|line| line.starts_with("ok ")).count();
        anyhow::ensure!(checks == 8, "{checks} checks ran:\n{printed}");
        Ok(())
    };
    if let Err(error) = managed() {
        panic!("{error:#}");
    }
}
