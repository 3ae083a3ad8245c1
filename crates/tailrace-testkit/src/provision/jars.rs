//! Java programs, fetched by Maven as the jars that a list names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{announce, system};
use crate::cache;
use crate::process;

/// Brokers, controllers and Kafka's tools. A change of the list makes a new cache folder.
const KAFKA: &str = include_str!("../../assets/kafka-pom.xml");
/// Flink's readers of changes.
const FLINK: &str = include_str!("../../assets/flink-pom.xml");
/// The drivers of GaussDB and openGauss.
const GAUSSDB: &str = include_str!("../../assets/gaussdb-pom.xml");
/// Oracle's driver.
const ORACLE: &str = include_str!("../../assets/oracle-pom.xml");
/// The official SDK.
const SDK: &str = include_str!("../../assets/sdk-pom.xml");
/// Kafka Connect with Debezium.
const DEBEZIUM: &str = include_str!("../../assets/debezium-pom.xml");
/// Kafka Connect with Debezium for Oracle.
const DEBEZIUM_ORACLE: &str = include_str!("../../assets/debezium-oracle-pom.xml");

/// The jars of one program.
#[derive(Debug, Clone)]
pub struct Jars {
    class_path: String,
}

impl Jars {
    /// Apache Kafka, from the cache, fetched when it is not there.
    pub fn kafka() -> Result<Self> {
        Self::ensure("kafka", KAFKA, "Apache Kafka (about 44 MB)")
    }

    /// Debezium's MySQL connector on Kafka Connect.
    pub fn debezium() -> Result<Self> {
        Self::ensure("debezium", DEBEZIUM, "Debezium and Kafka Connect (about 46 MB)")
    }

    /// Debezium's Oracle connector on Kafka Connect.
    ///
    /// # Errors
    /// If they cannot be fetched.
    pub fn debezium_oracle() -> Result<Self> {
        let what = "Debezium for Oracle and Kafka Connect (about 60 MB)";
        Self::ensure("debezium-oracle", DEBEZIUM_ORACLE, what)
    }

    /// Apache Flink's readers of changes, and what runs a Java program from its source.
    ///
    /// # Errors
    /// If they cannot be fetched.
    pub fn flink() -> Result<Self> {
        system::ensure(&[system::JAVA_SOURCE])?;
        Self::ensure("flink", FLINK, "Apache Flink's formats (about 110 MB)")
    }

    /// The JDBC drivers of GaussDB and openGauss, and what runs a Java program from its source.
    ///
    /// # Errors
    /// If they cannot be fetched.
    pub fn gaussdb() -> Result<Self> {
        system::ensure(&[system::JAVA_SOURCE])?;
        Self::ensure("gaussdb", GAUSSDB, "the drivers of GaussDB and openGauss (about 2 MB)")
    }

    /// Oracle's JDBC driver, and what runs a Java program from its source.
    ///
    /// # Errors
    /// If they cannot be fetched.
    pub fn oracle() -> Result<Self> {
        system::ensure(&[system::JAVA_SOURCE])?;
        Self::ensure("oracle", ORACLE, "Oracle's JDBC driver (about 7 MB)")
    }

    /// The official SDK, and what compiles a Java program.
    ///
    /// # Errors
    /// If they cannot be fetched.
    pub fn sdk() -> Result<Self> {
        system::ensure(&[system::JAVA_SOURCE])?;
        Self::ensure("sdk-jars", SDK, "the official SDK for Java (about 18 MB)")
    }

    fn ensure(name: &str, pom: &str, what: &str) -> Result<Self> {
        system::ensure(&[system::KAFKA])?;
        Self::open(&cache::once(name, pom, |into| fetch(into, pom, what))?)
    }

    fn open(dir: &Path) -> Result<Self> {
        let mut jars: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(dir.join("jars")).context("reading the folder of the jars")? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "jar") {
                jars.push(file);
            }
        }
        if jars.is_empty() {
            bail!("no jars in {}: remove that folder and try again", dir.display());
        }
        jars.sort();
        let jars: Vec<String> = jars.iter().map(|jar| jar.display().to_string()).collect();
        Ok(Self { class_path: jars.join(":") })
    }

    /// Java's class path with all of the jars.
    pub fn class_path(&self) -> &str {
        &self.class_path
    }
}

fn fetch(into: &Path, list: &str, what: &str) -> Result<()> {
    announce(&format!("fetching {what} into {}", into.display()));
    let pom = into.join("pom.xml");
    fs::write(&pom, list)?;
    process::run(
        Command::new("mvn")
            .args(["-q", "-B", "-ntp", "-Dstyle.color=never", "-f"])
            .arg(&pom)
            .arg("dependency:copy-dependencies")
            .arg("-DincludeScope=runtime")
            .arg(format!("-DoutputDirectory={}", into.join("jars").display())),
    )
    .with_context(|| format!("fetching {what} with Maven"))?;
    Ok(())
}
