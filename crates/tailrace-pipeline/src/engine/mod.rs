//! The engine: one thread that reads and encodes, one that delivers, a bounded queue between them.

mod advance;
mod deliver;
mod queue;
