//! Test support that does not ship: real servers, a chaos proxy, and what tests wait with.
//!
//! The servers are the real ones: MySQL from Debian's unstable suite in a private prefix, Apache
//! Kafka from its published jars, MariaDB and PostgreSQL from the system. Each value of a server
//! type is one process with its own port and data folder, gone when the value is dropped and also
//! when the test process dies. Tests that need no settings of their own share one MySQL and one
//! Kafka through [`env`](mod@env).
//!
//! Without the feature `proof`, nothing here depends on a C library or on an async runtime: the
//! developer commands build this crate first on a fresh machine. With it come a write load and the
//! checker of a job's topics.

pub mod account;
pub mod cache;
pub mod chaos;
#[cfg(feature = "proof")]
pub mod checker;
pub mod env;
#[cfg(feature = "standins")]
pub mod gaussdb;
#[cfg(feature = "standins")]
pub mod oracle;
pub mod port;
pub mod process;
pub mod provision;
pub mod python;
pub mod rundir;
pub mod servers;
pub mod sql;
#[cfg(feature = "standins")]
mod sql_token;
#[cfg(feature = "standins")]
mod tls;
pub mod wait;
#[cfg(feature = "proof")]
pub mod workload;
