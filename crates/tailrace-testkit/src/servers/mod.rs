//! Real servers, each a value: started ready, stopped on drop.

pub mod connect;
pub mod kafka;
pub mod kdc;
pub mod mariadb;
pub mod mysql;
mod mysql_keyring;
pub mod postgres;
pub mod registry;

use std::time::Duration;

/// Time that a server has until it is ready. Long, because a machine that builds and tests at once
/// is slow; a server that ends early is noticed at once.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(180);

/// Where a server keeps its data and what port it has.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// A folder that stays after the server; a folder of its own that goes with it when `None`.
    pub dir: Option<std::path::PathBuf>,
    /// A port on 127.0.0.1 (the first one, where a server has several); any free one when `None`.
    pub port: Option<u16>,
    /// Whether the server ends with the process that started it.
    pub lifetime: crate::process::Lifetime,
}

impl Place {
    pub(crate) fn run_dir(&self, kind: &str) -> anyhow::Result<crate::rundir::RunDir> {
        match &self.dir {
            Some(dir) => crate::rundir::RunDir::kept(dir),
            None => crate::rundir::RunDir::new(kind),
        }
    }

    pub(crate) fn ports(&self, count: u16) -> anyhow::Result<crate::port::Ports> {
        match self.port {
            Some(port) => crate::port::Ports::fixed(port, count),
            None => crate::port::Ports::reserve(count),
        }
    }
}
