//! A real key distribution centre of Kerberos: MIT's, with a realm of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Place, READY_LIMIT};
use crate::port::Ports;
use crate::process::{self, Launch, ServerProcess};
use crate::provision::system;
use crate::rundir::RunDir;

/// The realm.
pub const REALM: &str = "TAILRACE.TEST";

/// A running centre on 127.0.0.1.
#[derive(Debug)]
pub struct Kdc {
    // Dropped in this order: the process before the folder that it writes to.
    process: ServerProcess,
    _ports: Ports,
    dir: RunDir,
}

impl Kdc {
    /// Makes a realm, starts its centre and waits until it serves.
    ///
    /// # Errors
    /// If it cannot be installed or does not become ready.
    pub fn start(place: &Place) -> Result<Self> {
        system::ensure(&[system::KERBEROS])?;
        let dir = place.run_dir("kdc")?;
        let ports = place.ports(1)?;
        lay(dir.path(), ports.first())?;
        let create = ["create", "-s", "-P", "master-password"];
        process::run(tool(dir.path(), "/usr/sbin/kdb5_util").args(create))
            .context("making the realm")?;
        let program = "/usr/sbin/krb5kdc";
        let log = dir.path().join("kdc.log");
        let mut process = Launch::new("the key distribution centre", program, log)
            .arg("-n")
            .env("KRB5_CONFIG", config(dir.path()))
            .env("KRB5_KDC_PROFILE", profile(dir.path()))
            .lifetime(place.lifetime)
            .start()?;
        process.wait_for_log("commencing operation", READY_LIMIT)?;
        Ok(Self { process, _ports: ports, dir })
    }

    /// Makes a principal with random keys and gives a keytab that has them. `name` is without the realm.
    ///
    /// # Errors
    /// If there is one of that name.
    pub fn keytab(&self, name: &str) -> Result<PathBuf> {
        let path = self.dir.path().join(format!("{}.keytab", name.replace('/', "-")));
        for query in
            [format!("addprinc -randkey {name}"), format!("ktadd -k {} {name}", path.display())]
        {
            let mut kadmin = tool(self.dir.path(), "/usr/sbin/kadmin.local");
            process::run(kadmin.arg("-q").arg(&query)).with_context(|| query.clone())?;
        }
        Ok(path)
    }

    /// The `krb5.conf` of clients and services.
    pub fn config(&self) -> PathBuf {
        config(self.dir.path())
    }

    /// The process, for its id and log.
    pub fn process(&self) -> &ServerProcess {
        &self.process
    }
}

fn config(dir: &Path) -> PathBuf {
    dir.join("krb5.conf")
}

fn profile(dir: &Path) -> PathBuf {
    dir.join("kdc.conf")
}

fn tool(dir: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["-r", REALM]);
    command.env("KRB5_CONFIG", config(dir)).env("KRB5_KDC_PROFILE", profile(dir));
    command
}

/// Writes the files of the realm. Names of hosts are taken as they are: nothing here is in a DNS.
fn lay(dir: &Path, port: u16) -> Result<()> {
    fs::write(
        config(dir),
        format!(
            "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
             dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n\
             [realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n\
             [domain_realm]\n localhost = {REALM}\n"
        ),
    )?;
    let at = dir.display();
    fs::write(
        profile(dir),
        format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
             [realms]\n {REALM} = {{\n  database_name = {at}/principal\n  key_stash_file = {at}/stash\n  \
             acl_file = {at}/acl\n }}\n\
             [logging]\n kdc = STDERR\n"
        ),
    )
    .context("writing the files of the realm")
}
