//! Whether a job has delivered what was in the log at some moment.

use tailrace_codec::position::FileOffset;
use tailrace_pipeline::Session;
use tailrace_pipeline::checkpoint::Checkpoint;
use tailrace_pipeline::job::JobSpec;

use crate::cli::exit::{Exit, Failed};

/// The end of the source's log now.
pub(super) fn end_of_log(spec: &JobSpec) -> Result<FileOffset, Failed> {
    let failed = |e: &dyn std::fmt::Display| Failed::new(Exit::Failure, e.to_string());
    let mut session = Session::connect(&spec.source).map_err(|e| failed(&e))?;
    let (file, offset) = session.end_of_log().map_err(|e| failed(&e))?;
    FileOffset::new(file, offset).map_err(|e| failed(&e))
}

/// Whether everything before `end` is durable in the target.
pub(super) fn has_reached(checkpoint: &Checkpoint, end: &FileOffset) -> bool {
    let Some(stream) = &checkpoint.stream else { return false };
    checkpoint.snapshot == tailrace_pipeline::checkpoint::SnapshotProgress::Complete
        && FileOffset::new(stream.file.clone(), stream.offset).is_ok_and(|at| at >= *end)
}
