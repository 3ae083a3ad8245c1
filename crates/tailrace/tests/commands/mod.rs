//! The commands as a user runs them: the built binary, real servers.

mod at_least_once;
mod bad_input;
mod contexts;
mod demo;
mod full_disk;
mod iam;
mod jobs;
#[cfg(feature = "kerberos")]
mod kerberos;
mod oracle;
mod run;
mod tls;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use tailrace_testkit::env;
use tailrace_testkit::workload::seed;

use crate::proof::main_job::shared_ends;
use crate::proof::served::Ends;

/// Password that must never be seen.
const DEMO_SECRET: &str = "nobody-may-see-this";

/// What the environment can say to a command.
const SETTINGS: [&str; 13] = [
    "ENDPOINT",
    "CA_FILE",
    "CREDENTIALS",
    "CONTEXT",
    "PROJECT_ID",
    "AK",
    "SK",
    "TOKEN",
    "DOMAIN",
    "USER",
    "PASSWORD",
    "NEW_PASSWORD",
    "LOG",
];

/// The binary with arguments, without the caller's own settings.
fn tailrace(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tailrace"));
    for name in SETTINGS {
        command.env_remove(format!("TAILRACE_{name}"));
    }
    command.env("TAILRACE_CONFIG_DIR", "/nowhere/tailrace");
    command.args(args);
    command
}

/// Exit code, standard output and standard error.
fn ended(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A database with a table, and a job file for it.
struct Shop {
    ends: Ends,
    name: String,
    dir: tempfile::TempDir,
}

impl Shop {
    fn new(prefix: &str) -> Result<Self> {
        // Progress is kept by the job's name, on a broker that may be kept.
        let name = format!("{prefix}-{:x}", seed() & 0xff_ffff);
        let shop = Self { ends: shared_ends()?, name, dir: tempfile::tempdir()? };
        let database = shop.database();
        shop.sql(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY, name VARCHAR(20)); \
             INSERT INTO {database}.item VALUES (1, 'one'), (2, 'two'), (3, 'three')"
        ))?;
        Ok(shop)
    }

    fn database(&self) -> String {
        self.name.replace('-', "_")
    }

    fn sql(&self, sql: &str) -> Result<()> {
        env::mysql()?.query(sql).map(drop)
    }

    /// Writes the job file. `objects` is the line of `[objects]`.
    fn job_file(&self, objects: &str) -> Result<PathBuf> {
        let (_, port) = self.ends.mysql.rsplit_once(':').context("host:port")?;
        self.job_file_at(objects, port.parse()?)
    }

    /// The same with the source behind another port.
    fn job_file_at(&self, objects: &str, port: u16) -> Result<PathBuf> {
        let path = self.dir.path().join("job.toml");
        let (host, _) = self.ends.mysql.rsplit_once(':').context("host:port")?;
        let text = format!(
            "name = \"{name}\"\n[source]\nhost = \"{host}\"\nport = {port}\nuser = \"{user}\"\n\
             password = \"{password}\"\n[target]\nbrokers = \"{brokers}\"\n[objects]\n{objects}\n\
             [policy]\ntopic_policy = \"per_table\"\n",
            name = self.name,
            user = self.ends.mysql_user,
            password = self.ends.mysql_password,
            brokers = self.ends.kafka,
        );
        std::fs::write(&path, text)?;
        Ok(path)
    }

    fn source_address(&self) -> String {
        self.ends.mysql.clone()
    }

    fn password(&self) -> String {
        self.ends.mysql_password.clone()
    }

    fn whole(&self) -> String {
        format!("{} = \"*\"", self.database())
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // A failed test must not hide its reason behind another one.
        drop(self.sql(&format!("DROP DATABASE IF EXISTS {}", self.database())));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
