//! A stand-in for Oracle Database: a server that speaks Oracle's protocol (TNS and TTC) as its official clients expect it.
//!
//! No Oracle can be had, so everything that is shown against this is shown against a stand-in. It says that it is Oracle 19.3
//! and speaks the protocol of that version. What is known of the protocol comes from the open-source clients
//! (python-oracledb, node-oracledb, the Rust driver `oracledb`) and from what ojdbc sends.

mod engine;
mod number;
mod server;
mod value;
mod wire;

pub use number::Number;
pub use server::{OracleOptions, OracleServer};
pub use value::{DateTime, RowId, Value};
