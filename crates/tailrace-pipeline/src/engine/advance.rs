//! Steps of progress applied to the checkpoint: each must begin exactly where the checkpoint stands.
//! An overlap would repeat changes, a gap would lose them, so both are errors.

use crate::batch::{Advance, Batch};
use crate::checkpoint::{Checkpoint, OpenChunk, OpenTable, RereadProgress, SnapshotProgress};
use crate::error::{Error, ErrorKind, Result};

fn out_of_order(text: String) -> Error {
    Error::new(ErrorKind::Checkpoint, text)
}

/// Moves `checkpoint` by the step that `batch` stands for.
///
/// # Errors
/// `Checkpoint` if the step does not begin where the checkpoint stands.
pub(crate) fn apply(checkpoint: &mut Checkpoint, batch: &Batch) -> Result<()> {
    checkpoint.next_id = checkpoint.next_id.max(batch.next_id);
    match &batch.advance {
        Advance::Piece { .. } if checkpoint.snapshot == SnapshotProgress::Complete => Ok(()),
        Advance::Piece { database, table } => open_table(checkpoint, database, table).map(|_| ()),
        Advance::Reread { id, from, to, done, .. } => {
            let rows = batch.counts.snapshot_rows;
            reread(checkpoint, id, (from.as_ref(), to.as_ref()), rows, *done)
        }
        Advance::Stream { from, to } => {
            if checkpoint.stream.as_ref().is_some_and(|at| at != from) {
                return Err(out_of_order(format!(
                    "a step from {from:?} does not follow {:?}",
                    checkpoint.stream
                )));
            }
            checkpoint.stream = Some(to.clone());
            Ok(())
        }
        Advance::SnapshotBegin => {
            if checkpoint.snapshot == SnapshotProgress::NotStarted {
                checkpoint.snapshot = SnapshotProgress::Running {
                    started_through: None,
                    open: Vec::new(),
                    tables_done: 0,
                };
            }
            Ok(())
        }
        Advance::SnapshotComplete => snapshot_complete(checkpoint),
        Advance::TableBegin { database, table } => table_begin(checkpoint, database, table),
        Advance::ChunkPlanned { database, table, chunk } => {
            let open = open_table(checkpoint, database, table)?;
            chunk_planned(open, chunk)
        }
        Advance::ChunkRows { database, table, chunk, from, to, done } => {
            let open = open_table(checkpoint, database, table)?;
            open.rows += batch.counts.snapshot_rows;
            chunk_rows(open, *chunk, from.as_ref(), to.as_ref(), *done)?;
            if open.planned_all && open.open.is_empty() {
                table_done(checkpoint, database, table)?;
            }
            Ok(())
        }
    }
}

fn reread(
    checkpoint: &mut Checkpoint,
    id: &str,
    (from, to): (Option<&Vec<String>>, Option<&Vec<String>>),
    rows: u64,
    done: bool,
) -> Result<()> {
    if !checkpoint.rereads.iter().any(|one| one.id == id) {
        let id = id.to_owned();
        checkpoint.rereads.push(RereadProgress { id, after: None, rows: 0, done: false });
    }
    let Some(one) = checkpoint.rereads.iter_mut().find(|one| one.id == id) else { return Ok(()) };
    if one.done || one.after.as_ref() != from {
        return Err(out_of_order(format!(
            "rows of re-reading {id} from {from:?} do not follow {:?}{}",
            one.after,
            if one.done { ", which is done" } else { "" }
        )));
    }
    one.rows += rows;
    one.done = done;
    if let Some(to) = to {
        one.after = Some(to.clone());
    }
    Ok(())
}

fn snapshot_complete(checkpoint: &mut Checkpoint) -> Result<()> {
    if let SnapshotProgress::Running { open, .. } = &checkpoint.snapshot
        && let Some(table) = open.first()
    {
        return Err(out_of_order(format!(
            "the full phase cannot end while {}.{} is open",
            table.database, table.table
        )));
    }
    checkpoint.snapshot = SnapshotProgress::Complete;
    Ok(())
}

/// The full phase under way, taken apart.
struct Running<'a> {
    started_through: &'a mut Option<(String, String)>,
    open: &'a mut Vec<OpenTable>,
    tables_done: &'a mut u64,
}

fn running<'a>(checkpoint: &'a mut Checkpoint, doing: &str) -> Result<Running<'a>> {
    match &mut checkpoint.snapshot {
        SnapshotProgress::Running { started_through, open, tables_done } => {
            Ok(Running { started_through, open, tables_done })
        }
        other => Err(out_of_order(format!("{doing} while the full phase is {other:?}"))),
    }
}

fn table_begin(checkpoint: &mut Checkpoint, database: &str, table: &str) -> Result<()> {
    let Running { started_through, open, .. } = running(checkpoint, "a table begins")?;
    let name = (database.to_owned(), table.to_owned());
    if started_through.as_ref().is_some_and(|through| *through >= name) {
        return Err(out_of_order(format!("table {database}.{table} begins twice")));
    }
    *started_through = Some(name);
    open.push(OpenTable {
        database: database.to_owned(),
        table: table.to_owned(),
        next_chunk: 0,
        planned_to: None,
        planned_all: false,
        open: Vec::new(),
        rows: 0,
    });
    Ok(())
}

fn open_table<'a>(
    checkpoint: &'a mut Checkpoint,
    database: &str,
    table: &str,
) -> Result<&'a mut OpenTable> {
    let Running { open, .. } = running(checkpoint, "a chunk moves")?;
    open.iter_mut()
        .find(|t| t.database == database && t.table == table)
        .ok_or_else(|| out_of_order(format!("table {database}.{table} is not open")))
}

fn chunk_planned(open: &mut OpenTable, chunk: &OpenChunk) -> Result<()> {
    let follows =
        chunk.chunk == open.next_chunk && !open.planned_all && chunk.after == open.planned_to;
    if !follows {
        return Err(out_of_order(format!(
            "chunk {} of {}.{} does not follow chunk {}",
            chunk.chunk, open.database, open.table, open.next_chunk
        )));
    }
    open.next_chunk += 1;
    open.planned_all = chunk.to.is_none();
    open.planned_to.clone_from(&chunk.to);
    open.open.push(chunk.clone());
    Ok(())
}

fn chunk_rows(
    open: &mut OpenTable,
    number: u64,
    from: Option<&Vec<String>>,
    to: Option<&Vec<String>>,
    done: bool,
) -> Result<()> {
    let Some(index) = open.open.iter().position(|c| c.chunk == number) else {
        return Err(out_of_order(format!(
            "chunk {number} of {}.{} is not open",
            open.database, open.table
        )));
    };
    let chunk = &mut open.open[index];
    if chunk.after.as_ref() != from {
        return Err(out_of_order(format!(
            "rows of chunk {number} of {}.{} from {from:?} do not follow {:?}",
            open.database, open.table, chunk.after
        )));
    }
    if done {
        open.open.remove(index);
    } else if let Some(to) = to {
        chunk.after = Some(to.clone());
    }
    Ok(())
}

fn table_done(checkpoint: &mut Checkpoint, database: &str, table: &str) -> Result<()> {
    let Running { open, tables_done, .. } = running(checkpoint, "a table ends")?;
    open.retain(|t| !(t.database == database && t.table == table));
    *tables_done += 1;
    Ok(())
}
