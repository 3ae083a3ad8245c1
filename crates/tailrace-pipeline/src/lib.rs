//! One job's data path: `Source → transform → Sink`, snapshot, hand-over to the stream, checkpoints,
//! precheck. Knows nothing of HTTP or of the job store.

pub mod batch;
pub mod checkpoint;
mod engine;
pub mod error;
pub mod job;
pub mod observe;
pub mod run;
pub mod sink;
mod source;

pub use error::{Error, ErrorKind, Result};
