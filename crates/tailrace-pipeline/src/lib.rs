//! One job's data path: `Source → transform → Sink`, snapshot, hand-over to the stream, checkpoints,
//! precheck. Knows nothing of HTTP or of the job store.

pub mod batch;
pub mod checkpoint;
pub mod compare;
pub mod dead_letters;
mod engine;
pub mod error;
pub mod job;
mod link;
pub mod mapping;
pub mod observe;
pub mod oracle_gaussdb;
pub mod plan;
pub mod precheck;
pub mod run;
pub mod schema_history;
mod shadow;
pub mod sink;
mod socket;
mod source;
pub mod stages;
mod transform;

/// Whether `GSSAPI` towards Kafka was built in.
pub const HAS_KERBEROS: bool = cfg!(feature = "kerberos");

pub use engine::Ended;
pub use error::{Error, ErrorKind, Result};
pub use source::mysql::catalog::{FoundDatabase, FoundTable};
pub use source::mysql::columns::{ColumnKey, FoundColumn, FoundColumns};
pub use source::mysql::session::{Session, TextRow};

pub use link::{
    forget, list_columns, list_objects, position_at, probe_mysql, probe_source, probe_target,
    read_log_raw, run_job, run_job_to_null, run_plan,
};
