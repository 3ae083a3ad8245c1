//! Oracle's protocol: packets (TNS), and in them messages (TTC).

mod login;
mod packet;
mod read;
mod session;
mod value;
mod write;

pub(crate) use session::{Column, Database, Executed, Kind, OraError, ResultSet, Served, serve};
pub(super) use value::internal;
