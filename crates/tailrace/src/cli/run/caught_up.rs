//! Whether a job has delivered what was in the log at some moment.

use tailrace_codec::position::FileOffset;
use tailrace_pipeline::Session;
use tailrace_pipeline::checkpoint::{Checkpoint, SnapshotProgress};
use tailrace_pipeline::job::JobSpec;
use tailrace_pipeline::plan::JobPlan;

use crate::cli::exit::{Exit, Failed};

/// The end that a source's log had.
#[derive(Debug)]
pub(super) enum End {
    /// Of a binlog.
    File(FileOffset),
    /// Of Oracle's redo.
    Scn(u64),
}

impl End {
    /// The end of the source's log now.
    pub(super) fn of_log(plan: &JobPlan) -> Result<Self, Failed> {
        match plan {
            JobPlan::Kafka(spec) => end_of_binlog(spec).map(Self::File),
            JobPlan::Gauss(job) => tailrace_pipeline::oracle_gaussdb::end_of_log(job)
                .map(Self::Scn)
                .map_err(|e| Failed::new(Exit::Failure, e.to_string())),
        }
    }

    /// Whether everything before it is durable in the target.
    pub(super) fn is_reached(&self, checkpoint: &Checkpoint) -> bool {
        if checkpoint.snapshot != SnapshotProgress::Complete {
            return false;
        }
        match self {
            Self::File(end) => checkpoint.stream.as_ref().is_some_and(|stream| {
                FileOffset::new(stream.file.clone(), stream.offset).is_ok_and(|at| at >= *end)
            }),
            Self::Scn(end) => checkpoint.redo.is_some_and(|redo| redo.read >= *end),
        }
    }
}

fn end_of_binlog(spec: &JobSpec) -> Result<FileOffset, Failed> {
    let failed = |e: &dyn std::fmt::Display| Failed::new(Exit::Failure, e.to_string());
    let mut session = Session::connect(&spec.source).map_err(|e| failed(&e))?;
    let (file, offset) = session.end_of_log().map_err(|e| failed(&e))?;
    FileOffset::new(file, offset).map_err(|e| failed(&e))
}
