//! The server types against the real servers.

mod database;
mod kafka;
mod python;
