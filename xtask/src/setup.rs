//! `cargo xtask setup`: puts on the machine what building, testing and the demo need.
//!
//! It says what it does before it does it, and does and says nothing where all is there.

use anyhow::Result;
use clap::{Args, ValueEnum};
use tailrace_testkit::provision::jars::Jars;
use tailrace_testkit::provision::prefix::{MARIADB_11_8, MYSQL, Prefix};
use tailrace_testkit::provision::sdk::{self, Language};
use tailrace_testkit::provision::{python, system};
use tailrace_testkit::servers::registry;

use crate::workspace;

/// What the machine is prepared for.
#[derive(Args, Debug)]
pub(crate) struct SetupArgs {
    /// What the machine is prepared for
    #[arg(long = "for", value_enum, default_value_t = Purpose::Test)]
    purpose: Purpose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Purpose {
    /// Building the product
    Build,
    /// The demo and the benchmarks: building, MySQL and Kafka
    Demo,
    /// All tests: the same, MariaDB, PostgreSQL and the official SDKs
    Test,
    /// The same and a browser for the console
    Browser,
}

pub(crate) fn run(args: &SetupArgs) -> Result<()> {
    ensure(args.purpose)
}

/// Makes sure that all is there.
pub(crate) fn ensure(purpose: Purpose) -> Result<()> {
    let mut packages = vec![system::BUILD];
    if purpose != Purpose::Build {
        packages.extend([system::MYSQL, system::KAFKA]);
    }
    if matches!(purpose, Purpose::Test | Purpose::Browser) {
        packages.extend([system::MARIADB, system::POSTGRES, system::PYTHON]);
        packages.extend([system::SASL, system::KERBEROS]);
        packages.extend(sdk::PACKAGES);
        packages.push(system::ONLINE_SCHEMA_CHANGE);
    }
    if purpose == Purpose::Browser {
        packages.push(system::BROWSER);
    }
    // All at once: apt takes its time for each call.
    system::ensure(&packages)?;
    if purpose != Purpose::Build {
        Prefix::ensure(&MYSQL)?;
        Jars::kafka()?;
    }
    if matches!(purpose, Purpose::Test | Purpose::Browser) {
        Prefix::ensure(&MARIADB_11_8)?;
        python::interpreter(python::SDK)?;
        python::interpreter(python::AVRO)?;
        python::interpreter(python::SCHEMATHESIS)?;
        registry::program()?;
        Jars::flink()?;
        let programs = workspace::root().join("crates/tailrace/tests/sdk");
        for language in Language::ALL {
            language.program(&programs)?;
        }
    }
    Ok(())
}
