//! The stand-ins against the clients of the real servers, and against the real servers' rules.
#![cfg(feature = "standins")]

mod gaussdb;
mod oracle;
