//! The full phase: tables are made and filled with what the source had at one SCN, one after the other.

use tailrace_codec::oracle::OracleColumn;

use super::Described;
use super::position::Position;
use crate::error::Result;
use crate::run::StopSignal;
use crate::sink::gaussdb::GaussSink;
use crate::source::oracle::session::Session;
use crate::source::oracle::{mining, snapshot};

/// Makes the tables and says at which SCN they are read.
pub(super) fn begin(
    session: &Session,
    sink: &mut GaussSink,
    tables: &[Described],
) -> Result<Position> {
    // A transaction that is not in the rows at `scn` was open when `open` was asked for, or began behind `before`.
    let before = mining::current_scn(session)?;
    let open = mining::oldest_open(session)?;
    let scn = mining::current_scn(session)?;
    let position = Position {
        snapshot_scn: scn,
        mine_from: open.unwrap_or(before).min(before),
        // What was committed at this SCN is in the rows.
        committed_scn: scn + 1,
        ..Position::default()
    };
    sink.begin()?;
    for table in tables {
        sink.make_schema(&table.choice.schema.to_ascii_lowercase())?;
        sink.define(&table.structure.create)?;
        for comment in &table.structure.comments {
            sink.define(comment)?;
        }
    }
    sink.commit(&position.text()?)?;
    Ok(position)
}

/// Copies the tables that are not copied yet, each in a transaction of its own, and makes their indexes.
pub(super) fn copy(
    session: &Session,
    sink: &mut GaussSink,
    tables: &[Described],
    position: &mut Position,
    stop: &StopSignal,
) -> Result<()> {
    if position.is_copied {
        return Ok(());
    }
    for table in tables {
        stop.check()?;
        let name = format!("{}.{}", table.choice.owner, table.choice.name);
        if position.copied.contains(&name) {
            continue;
        }
        let target = sink.table(&table.choice.schema.to_ascii_lowercase(), &table.target_name())?;
        let columns: Vec<&OracleColumn> = target
            .columns()
            .iter()
            .filter_map(|column| {
                let source = table.source.columns.iter();
                source.into_iter().find(|source| source.name.to_ascii_lowercase() == column.name)
            })
            .collect();
        sink.begin()?;
        sink.begin_copy(&target)?;
        let place = (table.choice.owner.as_str(), table.choice.name.as_str());
        snapshot::copy(session, place, &columns, position.snapshot_scn, &mut |rows| {
            stop.check()?;
            sink.copy_rows(rows)
        })?;
        sink.end_copy(&target)?;
        for index in &table.structure.indexes {
            sink.define(index)?;
        }
        position.copied.push(name);
        sink.commit(&position.text()?)?;
    }
    position.is_copied = true;
    sink.begin()?;
    sink.commit(&position.text()?)
}
