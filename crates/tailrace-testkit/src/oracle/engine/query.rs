//! Queries.

use std::cmp::Ordering;

use sqlparser::ast::{
    Expr, GroupByExpr, OrderByExpr, OrderByKind, OrderBySort, Query, Select, SelectItem, SetExpr,
    TableFactor,
};

use super::column::ColumnDef;
use super::dictionary;
use super::expression::{Context, Scope, compare, evaluate, folded, is_true, unknown};
use super::functions::{arguments, name};
use super::store::State;
use super::table::{Scn, Xid};
use crate::oracle::number::Number;
use crate::oracle::value::{RowId, Value};
use crate::oracle::wire::{Column, Kind, OraError, ResultSet};

/// What a query reads: columns, and rows with their places.
pub(super) struct Source {
    pub(super) columns: Vec<(String, ColumnDef)>,
    pub(super) rows: Vec<(Option<RowId>, Vec<Value>)>,
}

/// How a query sees the database.
#[derive(Clone, Copy)]
pub(super) struct View {
    /// What is committed after it is not seen.
    pub(super) scn: Scn,
    /// Whose open changes are seen.
    pub(super) own: Option<Xid>,
}

/// Runs a query.
pub(super) fn run(
    query: &Query,
    state: &State,
    context: &Context<'_>,
    view: View,
) -> Result<ResultSet, OraError> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Err(unknown(&query.body)) };
    let source = source(select, state, context, view)?;
    let names: Vec<(String, String)> =
        source.columns.iter().map(|(of, column)| (of.clone(), column.name.clone())).collect();
    let mut rows = Vec::new();
    for (place, values) in &source.rows {
        let scope = Scope {
            columns: &names,
            values,
            row_id: *place,
            row_number: rows.len() as u64 + 1,
            session: context,
        };
        let holds = select.selection.as_ref().map_or(Ok(true), |wanted| is_true(wanted, &scope))?;
        if holds {
            rows.push((*place, values.clone()));
        }
    }
    let seen = Seen { names: &names, source: &source, context };
    if let Some(order) = &query.order_by
        && let OrderByKind::Expressions(expressions) = &order.kind
    {
        rows = seen.sorted(rows, expressions)?;
    }
    if let Some(fetch) = &query.fetch {
        let scope = seen.scope(None, &[], 0);
        let quantity = fetch.quantity.as_ref().map(|q| evaluate(q, &scope)).transpose()?;
        let most = match quantity {
            Some(Value::Number(number)) => number.to_i64().unwrap_or(0),
            _ => 1,
        };
        rows.truncate(usize::try_from(most).unwrap_or(0));
    }
    if select.group_by != GroupByExpr::Expressions(Vec::new(), Vec::new()) {
        return Err(unknown("GROUP BY"));
    }
    let columns = seen.described(select)?;
    let rows = if is_aggregate(select) {
        vec![seen.aggregated(select, &rows)?]
    } else {
        seen.projected(select, &rows)?
    };
    Ok(ResultSet { columns, rows: Box::new(rows.into_iter().map(Ok)) })
}

/// The rows of what stands behind `FROM`.
fn source(
    select: &Select,
    state: &State,
    context: &Context<'_>,
    view: View,
) -> Result<Source, OraError> {
    let [from] = &select.from[..] else { return Err(unknown("several tables in FROM")) };
    if !from.joins.is_empty() {
        return Err(unknown("JOIN"));
    }
    let TableFactor::Table { name, alias, .. } = &from.relation else {
        return Err(unknown(&from.relation));
    };
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
    let table = parts.last().cloned().unwrap_or_default();
    let alias = alias.as_ref().map_or_else(|| table.clone(), |alias| folded(&alias.name));
    if table == "DUAL" {
        let column = ColumnDef::new("DUMMY", Kind::VarChar2, 1);
        let rows = vec![(None, vec![Value::text("X")])];
        return Ok(Source { columns: vec![(alias, column)], rows });
    }
    if table == "V$LOGMNR_CONTENTS" {
        let (columns, rows) = context.mining.contents(state, context.formats)?;
        let columns = columns.into_iter().map(|column| (alias.clone(), column)).collect();
        return Ok(Source { columns, rows: rows.into_iter().map(|row| (None, row)).collect() });
    }
    if let Some(view) = dictionary::view(&table, state) {
        let columns = view.columns.into_iter().map(|column| (alias.clone(), column)).collect();
        let rows = view.rows.into_iter().map(|row| (None, row)).collect();
        return Ok(Source { columns, rows });
    }
    let owner = parts.len().checked_sub(2).map(|place| parts[place].clone());
    let owner = owner.unwrap_or_else(|| context.user.to_owned());
    let found = state.tables.get(&(owner, table));
    let found = found.ok_or_else(|| OraError::new(942, "table or view does not exist"))?;
    if view.scn < found.defined_at {
        let text = "unable to read data - table definition has changed";
        return Err(OraError::new(1466, text));
    }
    let columns = found.columns.iter().map(|column| (alias.clone(), column.clone())).collect();
    let rows = found.visible(view.scn, view.own);
    let rows = rows.map(|(place, values)| (Some(place), values.clone())).collect();
    Ok(Source { columns, rows })
}

/// Whether all of a query's rows become one.
fn is_aggregate(select: &Select) -> bool {
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(Expr::Function(f))
        | SelectItem::ExprWithAlias { expr: Expr::Function(f), .. } => {
            ["COUNT", "MIN", "MAX", "SUM"].contains(&name(f).as_str())
        }
        _ => false,
    })
}

type Row = (Option<RowId>, Vec<Value>);

struct Seen<'s> {
    names: &'s [(String, String)],
    source: &'s Source,
    context: &'s Context<'s>,
}

impl Seen<'_> {
    fn scope<'a>(
        &'a self,
        row_id: Option<RowId>,
        values: &'a [Value],
        row_number: u64,
    ) -> Scope<'a> {
        Scope { columns: self.names, values, row_id, row_number, session: self.context }
    }

    fn sorted(&self, rows: Vec<Row>, by: &[OrderByExpr]) -> Result<Vec<Row>, OraError> {
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            let scope = self.scope(row.0, &row.1, 0);
            let keys: Result<Vec<Value>, OraError> =
                by.iter().map(|order| evaluate(&order.expr, &scope)).collect();
            keyed.push((keys?, row));
        }
        keyed.sort_by(|(a, _), (b, _)| {
            let pairs = a.iter().zip(b).zip(by);
            pairs.fold(Ordering::Equal, |order, ((a, b), by)| {
                order.then_with(|| {
                    let order = match (a, b) {
                        (Value::Null, Value::Null) => Ordering::Equal,
                        // NULL is the largest.
                        (Value::Null, _) => Ordering::Greater,
                        (_, Value::Null) => Ordering::Less,
                        _ => compare(a, b, self.context.formats)
                            .ok()
                            .flatten()
                            .unwrap_or(Ordering::Equal),
                    };
                    if by.options.sort == Some(OrderBySort::Desc) { order.reverse() } else { order }
                })
            })
        });
        Ok(keyed.into_iter().map(|(_, row)| row).collect())
    }

    fn projected(&self, select: &Select, rows: &[Row]) -> Result<Vec<Vec<Value>>, OraError> {
        let mut out = Vec::with_capacity(rows.len());
        for (number, (place, values)) in rows.iter().enumerate() {
            let scope = self.scope(*place, values, number as u64 + 1);
            let mut row = Vec::new();
            for item in &select.projection {
                match item {
                    SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                        row.extend(values.iter().cloned());
                    }
                    SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                        row.push(evaluate(expr, &scope)?);
                    }
                    other => return Err(unknown(other)),
                }
            }
            out.push(row);
        }
        Ok(out)
    }

    fn aggregated(&self, select: &Select, rows: &[Row]) -> Result<Vec<Value>, OraError> {
        let mut out = Vec::new();
        for item in &select.projection {
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item
            else {
                return Err(unknown(item));
            };
            let Expr::Function(function) = expr else { return Err(unknown(expr)) };
            let mut values = Vec::new();
            for (place, row) in rows {
                let scope = self.scope(*place, row, 0);
                match arguments(function).first() {
                    None => values.push(Value::number(1_i64)),
                    Some(argument) => values.push(evaluate(argument, &scope)?),
                }
            }
            values.retain(|value| *value != Value::Null);
            let order = |a: &Value, b: &Value| {
                compare(a, b, self.context.formats).ok().flatten().unwrap_or(Ordering::Equal)
            };
            out.push(match name(function).as_str() {
                "COUNT" => Value::Number(Number::from(values.len() as u64)),
                "MIN" => values.into_iter().min_by(order).unwrap_or(Value::Null),
                "MAX" => values.into_iter().max_by(order).unwrap_or(Value::Null),
                other => return Err(unknown(other)),
            });
        }
        Ok(out)
    }

    /// The columns of the result.
    fn described(&self, select: &Select) -> Result<Vec<Column>, OraError> {
        let mut out = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    let all = self.source.columns.iter();
                    out.extend(all.map(|(_, column)| column.described(&column.name)));
                }
                SelectItem::UnnamedExpr(expr) => {
                    out.push(self.column(expr, expr.to_string().to_uppercase()));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    out.push(self.column(expr, folded(alias)));
                }
                other => return Err(unknown(other)),
            }
        }
        Ok(out)
    }

    fn column(&self, expr: &Expr, title: String) -> Column {
        // The least and the largest of a column are of its type.
        if let Expr::Function(function) = expr
            && ["MIN", "MAX"].contains(&name(function).as_str())
            && let Some(argument) = arguments(function).first()
        {
            return Column { name: title, ..self.column(argument, String::new()) };
        }
        let last = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        if let Some(last) = last.map(folded) {
            let found = self.source.columns.iter().find(|(_, column)| column.name == last);
            if let Some((_, column)) = found {
                let title = if title.contains('.') || title == last { last } else { title };
                return column.described(&title);
            }
        }
        // What the first row has; text where there is none.
        let values = self.source.rows.first();
        let probe = values.map(|(place, values)| evaluate(expr, &self.scope(*place, values, 1)));
        let (kind, size) = match (probe, expr) {
            (_, Expr::Function(f))
                if ["COUNT", "LENGTH", "TO_NUMBER"].contains(&name(f).as_str()) =>
            {
                (Kind::Number, 22)
            }
            (Some(Ok(value)), _) => kind_of(&value),
            _ => (Kind::VarChar2, 4000),
        };
        let mut column = ColumnDef::new(&title, kind, size);
        column.scale = matches!(kind, Kind::Timestamp | Kind::TimestampTz).then_some(6);
        column.described(&title)
    }
}

fn kind_of(value: &Value) -> (Kind, u32) {
    match value {
        Value::Null | Value::Text(_) => (Kind::VarChar2, 4000),
        Value::Number(_) => (Kind::Number, 22),
        Value::Bytes(_) => (Kind::Raw, 2000),
        Value::DateTime(at) if at.nanos == 0 => (Kind::Date, 7),
        Value::DateTime(_) => (Kind::Timestamp, 11),
        Value::Zoned(..) => (Kind::TimestampTz, 13),
        Value::Float(_) => (Kind::BinaryFloat, 4),
        Value::Double(_) => (Kind::BinaryDouble, 8),
        Value::Months(_) => (Kind::IntervalYearMonth, 5),
        Value::Nanos(_) => (Kind::IntervalDaySecond, 11),
        Value::RowId(_) => (Kind::RowId, 10),
    }
}
