//! What stands behind FROM: tables, views, other queries, and joins of them.

use sqlparser::ast::{Join, JoinConstraint, JoinOperator, TableFactor, TableWithJoins};

use super::{Row, Source, run};
use crate::oracle::engine::column::ColumnDef;
use crate::oracle::engine::dictionary;
use crate::oracle::engine::expression::{Context, Scope, Seen, folded, is_true, unknown};
use crate::oracle::value::Value;
use crate::oracle::wire::{Kind, OraError};

/// The rows of all that stands behind `FROM`, each with each.
pub(super) fn source(
    from: &[TableWithJoins],
    seen: Seen<'_>,
    context: &Context<'_>,
) -> Result<Source, OraError> {
    let mut all: Option<Source> = None;
    for one in from {
        let mut source = relation(&one.relation, seen, context)?;
        for join in &one.joins {
            source = joined(source, join, seen, context)?;
        }
        all = Some(match all {
            None => source,
            Some(before) => product(before, source),
        });
    }
    all.ok_or_else(|| unknown("a query without FROM"))
}

fn product(left: Source, right: Source) -> Source {
    let columns = left.columns.into_iter().chain(right.columns).collect();
    let mut rows: Vec<Row> = Vec::new();
    for (_, values) in &left.rows {
        for (_, more) in &right.rows {
            rows.push((None, values.iter().chain(more).cloned().collect()));
        }
    }
    Source { columns, rows }
}

fn joined(
    left: Source,
    join: &Join,
    seen: Seen<'_>,
    context: &Context<'_>,
) -> Result<Source, OraError> {
    let right = relation(&join.relation, seen, context)?;
    let (constraint, keeps_left) = match &join.join_operator {
        JoinOperator::Join(on) | JoinOperator::Inner(on) => (on, false),
        JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (on, true),
        JoinOperator::CrossJoin(_) => return Ok(product(left, right)),
        _ => return Err(unknown("this kind of JOIN")),
    };
    let JoinConstraint::On(condition) = constraint else { return Err(unknown("JOIN … USING")) };
    let columns: Vec<(String, ColumnDef)> =
        left.columns.iter().chain(&right.columns).cloned().collect();
    let names: Vec<(String, String)> =
        columns.iter().map(|(of, column)| (of.clone(), column.name.clone())).collect();
    let mut rows: Vec<Row> = Vec::new();
    for (_, values) in &left.rows {
        let before = rows.len();
        for (_, more) in &right.rows {
            let both: Vec<Value> = values.iter().chain(more).cloned().collect();
            let scope = Scope {
                columns: &names,
                values: &both,
                row_id: None,
                row_number: 0,
                session: context,
                seen: Some(seen),
            };
            if is_true(condition, &scope)? {
                rows.push((None, both));
            }
        }
        if keeps_left && rows.len() == before {
            let nothing = right.columns.iter().map(|_| Value::Null);
            rows.push((None, values.iter().cloned().chain(nothing).collect()));
        }
    }
    Ok(Source { columns, rows })
}

fn relation(
    factor: &TableFactor,
    seen: Seen<'_>,
    context: &Context<'_>,
) -> Result<Source, OraError> {
    let (name, alias) = match factor {
        TableFactor::Table { name, alias, .. } => (name, alias),
        TableFactor::Derived { subquery, alias, .. } => {
            let result = run(subquery, seen, context)?;
            let alias = alias.as_ref().map_or_else(String::new, |alias| folded(&alias.name));
            let column = |column: &crate::oracle::wire::Column| {
                (alias.clone(), ColumnDef::new(&column.name, column.kind, column.size))
            };
            let columns = result.columns.iter().map(column).collect();
            let rows: Result<Vec<Vec<Value>>, OraError> = result.rows.collect();
            let rows = rows?.into_iter().map(|row| (None, row)).collect();
            return Ok(Source { columns, rows });
        }
        other => return Err(unknown(other)),
    };
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
    let table = parts.last().cloned().unwrap_or_default();
    let alias = alias.as_ref().map_or_else(|| table.clone(), |alias| folded(&alias.name));
    if table == "DUAL" {
        let column = ColumnDef::new("DUMMY", Kind::VarChar2, 1);
        let rows = vec![(None, vec![Value::text("X")])];
        return Ok(Source { columns: vec![(alias, column)], rows });
    }
    let view = match table.as_str() {
        "V$LOGMNR_CONTENTS" => Some(context.mining.contents(seen.state, context.formats)?),
        "V$LOGMNR_LOGS" => Some(context.mining.logs(seen.state)?),
        _ => {
            dictionary::view(&table, seen.state, context.user).map(|view| (view.columns, view.rows))
        }
    };
    if let Some((columns, rows)) = view {
        let columns = columns.into_iter().map(|column| (alias.clone(), column)).collect();
        return Ok(Source { columns, rows: rows.into_iter().map(|row| (None, row)).collect() });
    }
    let owner = parts.len().checked_sub(2).map(|place| parts[place].clone());
    let owner = owner.unwrap_or_else(|| context.user.to_owned());
    let found = seen.state.tables.get(&(owner, table));
    let found = found.ok_or_else(|| OraError::new(942, "table or view does not exist"))?;
    if seen.view.scn < found.defined_at {
        let text = "unable to read data - table definition has changed";
        return Err(OraError::new(1466, text));
    }
    let columns = found.columns.iter().map(|column| (alias.clone(), column.clone())).collect();
    let rows = found.visible(seen.view.scn, seen.view.own);
    let rows = rows.map(|(place, values)| (Some(place), values.clone())).collect();
    Ok(Source { columns, rows })
}
