//! Getting what the tests need onto a machine: system packages, MySQL, Kafka, packages of Python, Node.js and Go.
//!
//! Everything is said before it is done, done once, and kept in the [cache](crate::cache).

mod go;
pub mod jars;
pub mod node;
pub mod prefix;
pub mod python;
pub mod sdk;
pub mod system;

/// Says on standard error what is about to be done. Not on standard output, which belongs to the
/// results of the program that is running.
pub fn announce(what: &str) {
    eprintln!("-- {what}");
}
