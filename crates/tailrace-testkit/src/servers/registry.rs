//! A real schema registry with Confluent's REST interface: Apicurio Registry, with its data in a file.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Place, READY_LIMIT};
use crate::cache;
use crate::port::Ports;
use crate::process::{self, Launch, ServerProcess};
use crate::provision::{announce, system};
use crate::rundir::RunDir;

/// The newest line that runs on JDK 17.
const VERSION: &str = "3.0.9";

/// A running registry on 127.0.0.1. It takes changes that the level BACKWARD allows, as Confluent's does by default.
#[derive(Debug)]
pub struct Registry {
    // Dropped in this order: the process before the folder that it writes to.
    process: ServerProcess,
    ports: Ports,
    _dir: RunDir,
}

impl Registry {
    /// Starts a registry and waits until it answers.
    ///
    /// # Errors
    /// If it cannot be fetched or does not become ready.
    pub fn start(place: &Place) -> Result<Self> {
        let program = program()?;
        let dir = place.run_dir("registry")?;
        let ports = place.ports(1)?;
        let launch = Launch::new("the schema registry", "java", dir.path().join("registry.log"))
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg("-Dquarkus.http.host=127.0.0.1")
            .arg(format!("-Dquarkus.http.port={}", ports.first()))
            .arg(format!(
                "-Dapicurio.datasource.url=jdbc:h2:file:{}",
                dir.path().join("registry").display()
            ))
            .args([
                "-Dapicurio.datasource.jdbc.initial-size=2",
                "-Dapicurio.datasource.jdbc.min-size=2",
            ])
            .arg("-jar")
            .arg(program)
            .lifetime(place.lifetime);
        let mut process = launch.start()?;
        let level = r#"{"compatibility":"BACKWARD"}"#;
        process.wait_ready(READY_LIMIT, || {
            Ok(put(ports.first(), "/apis/ccompat/v7/config", level).is_ok_and(|ok| ok))
        })?;
        Ok(Self { process, ports, _dir: dir })
    }

    /// Address of the interface, with the path where it begins.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.ports.first())
    }

    /// The process, for its id and log.
    pub fn process(&self) -> &ServerProcess {
        &self.process
    }
}

/// One request, by hand: nothing else here speaks HTTP. Whether it was taken.
fn put(port: u16, path: &str, body: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("reading the registry's answer")?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}

/// The program's jar, from the cache, fetched when it is not there.
///
/// # Errors
/// If it cannot be fetched.
pub fn program() -> Result<PathBuf> {
    system::ensure(&[system::KAFKA])?;
    let dir = cache::once("registry", VERSION, fetch)?;
    Ok(dir.join(format!("apicurio-registry-app-{VERSION}-runner.jar")))
}

fn fetch(into: &Path) -> Result<()> {
    announce(&format!("fetching the schema registry (about 240 MB) into {}", into.display()));
    let archive = into.join("all.tar.gz");
    // A version of the plugin that does not want the archive's parent POM, which is not published.
    process::run(
        Command::new("mvn")
            .args(["-q", "-B", "-ntp", "-Dstyle.color=never"])
            .arg("org.apache.maven.plugins:maven-dependency-plugin:2.8:get")
            .arg("-Dtransitive=false")
            .arg(format!("-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"))
            .arg(format!("-Ddest={}", archive.display())),
    )
    .context("fetching the schema registry with Maven")?;
    process::run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(into))?;
    std::fs::remove_file(archive).context("removing the registry's archive")
}
