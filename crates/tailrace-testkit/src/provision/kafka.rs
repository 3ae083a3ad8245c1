//! The jars of a real Apache Kafka, fetched by Maven.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{announce, system};
use crate::cache;
use crate::process;

/// The list of what is fetched; a change of it makes a new cache folder.
const POM: &str = include_str!("../../assets/kafka-pom.xml");

/// Kafka's jars.
#[derive(Debug, Clone)]
pub struct Jars {
    class_path: String,
}

impl Jars {
    /// The jars in the cache, fetched when they are not there.
    pub fn ensure() -> Result<Self> {
        system::ensure(&[system::KAFKA])?;
        Self::open(&cache::once("kafka", POM, fetch)?)
    }

    fn open(dir: &Path) -> Result<Self> {
        let mut jars: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(dir.join("jars")).context("reading the folder of Kafka's jars")? {
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

fn fetch(into: &Path) -> Result<()> {
    announce(&format!("fetching Apache Kafka (about 44 MB) into {}", into.display()));
    let pom = into.join("pom.xml");
    fs::write(&pom, POM)?;
    process::run(
        Command::new("mvn")
            .args(["-q", "-B", "-ntp", "-Dstyle.color=never", "-f"])
            .arg(&pom)
            .arg("dependency:copy-dependencies")
            .arg("-DincludeScope=runtime")
            .arg(format!("-DoutputDirectory={}", into.join("jars").display())),
    )
    .context("fetching Kafka's jars with Maven")?;
    Ok(())
}
