//! Queries: what is read (`from`), which rows of it (conditions), what of them, together or in groups.

mod from;
mod group;

use std::cmp::Ordering;

use sqlparser::ast::{
    Expr, OrderByExpr, OrderByKind, OrderBySort, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, Value as Literal,
};

use super::column::ColumnDef;
use super::expression::{Context, Scope, Seen, compare, evaluate, folded, is_true, unknown};
use super::functions::{arguments, name};
use super::table::{Scn, Xid};
use crate::oracle::value::{RowId, Value};
use crate::oracle::wire::{Column, Kind, OraError, ResultSet};

/// What a query reads: columns, and rows with their places.
pub(super) struct Source {
    pub(super) columns: Vec<(String, ColumnDef)>,
    pub(super) rows: Vec<Row>,
}

/// How a query sees the database.
#[derive(Clone, Copy)]
pub(super) struct View {
    /// What is committed after it is not seen.
    pub(super) scn: Scn,
    /// Whose open changes are seen.
    pub(super) own: Option<Xid>,
}

/// A row with its place, if it has one.
type Row = (Option<RowId>, Vec<Value>);

/// Columns of a result with its rows.
type Rows = (Vec<Column>, Vec<Vec<Value>>);

/// Runs a query.
pub(super) fn run(
    query: &Query,
    seen: Seen<'_>,
    context: &Context<'_>,
) -> Result<ResultSet, OraError> {
    let order = match &query.order_by {
        Some(order) => match &order.kind {
            OrderByKind::Expressions(expressions) => &expressions[..],
            OrderByKind::All(_) => return Err(unknown("ORDER BY ALL")),
        },
        None => &[],
    };
    let (columns, mut rows) = body(&query.body, order, seen, context)?;
    if let Some(fetch) = &query.fetch {
        let scope = Scope {
            columns: &[],
            values: &[],
            row_id: None,
            row_number: 0,
            session: context,
            seen: Some(seen),
        };
        let quantity = fetch.quantity.as_ref().map(|q| evaluate(q, &scope)).transpose()?;
        let most = match quantity {
            Some(Value::Number(number)) => number.to_i64().unwrap_or(0),
            _ => 1,
        };
        rows.truncate(usize::try_from(most).unwrap_or(0));
    }
    Ok(ResultSet { columns, rows: Box::new(rows.into_iter().map(Ok)) })
}

fn body(
    body: &SetExpr,
    order: &[OrderByExpr],
    seen: Seen<'_>,
    context: &Context<'_>,
) -> Result<Rows, OraError> {
    match body {
        SetExpr::Select(select) => self::select(select, order, seen, context),
        SetExpr::Query(query) => {
            let result = run(query, seen, context)?;
            let rows: Result<Vec<Vec<Value>>, OraError> = result.rows.collect();
            Ok((result.columns, rows?))
        }
        SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right } => {
            let (columns, mut rows) = self::body(left, &[], seen, context)?;
            rows.extend(self::body(right, &[], seen, context)?.1);
            if *set_quantifier != SetQuantifier::All {
                let mut distinct: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
                rows.into_iter().for_each(|row| {
                    if !distinct.contains(&row) {
                        distinct.push(row);
                    }
                });
                rows = distinct;
            }
            let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            let place = |by: &OrderByExpr| match &by.expr {
                Expr::Identifier(name) => names.iter().position(|known| *known == folded(name)),
                other => position(other),
            };
            let places: Vec<Option<usize>> = order.iter().map(place).collect();
            rows.sort_by(|a, b| {
                order.iter().zip(&places).fold(Ordering::Equal, |before, (by, place)| {
                    let at = place.unwrap_or(0);
                    before.then_with(|| directed(by, &a[at], &b[at], context))
                })
            });
            Ok((columns, rows))
        }
        other => Err(unknown(other)),
    }
}

/// The place of a result's column that `ORDER BY 2` means.
fn position(expression: &Expr) -> Option<usize> {
    match expression {
        Expr::Value(value) => match &value.value {
            Literal::Number(digits, _) => digits.parse::<usize>().ok()?.checked_sub(1),
            _ => None,
        },
        _ => None,
    }
}

/// The order of two values as one is asked for. NULL is the largest.
fn directed(by: &OrderByExpr, a: &Value, b: &Value, context: &Context<'_>) -> Ordering {
    let order = match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        _ => compare(a, b, context.formats).ok().flatten().unwrap_or(Ordering::Equal),
    };
    if by.options.sort == Some(OrderBySort::Desc) { order.reverse() } else { order }
}

fn select(
    select: &Select,
    order: &[OrderByExpr],
    seen: Seen<'_>,
    context: &Context<'_>,
) -> Result<Rows, OraError> {
    let source = from::source(&select.from, seen, context)?;
    let names: Vec<(String, String)> =
        source.columns.iter().map(|(of, column)| (of.clone(), column.name.clone())).collect();
    let selected = Selected { select, names: &names, source: &source, context, seen };
    let mut rows: Vec<Row> = Vec::new();
    for (place, values) in &source.rows {
        let scope = selected.scope(*place, values, rows.len() as u64 + 1);
        if select.selection.as_ref().map_or(Ok(true), |wanted| is_true(wanted, &scope))? {
            rows.push((*place, values.clone()));
        }
    }
    let columns = selected.described()?;
    if group::is_grouped(select) {
        let mut made = selected.grouped(&rows)?;
        let place = |by: &OrderByExpr| position(&by.expr).or_else(|| selected.item(&by.expr));
        let places: Vec<usize> = order
            .iter()
            .map(|by| place(by).ok_or_else(|| unknown(&by.expr)))
            .collect::<Result<_, _>>()?;
        made.sort_by(|a, b| {
            order.iter().zip(&places).fold(Ordering::Equal, |before, (by, at)| {
                before.then_with(|| directed(by, &a[*at], &b[*at], context))
            })
        });
        return Ok((columns, made));
    }
    rows = selected.sorted(rows, order)?;
    let mut made = selected.projected(&rows)?;
    if select.distinct.is_some() {
        let mut distinct: Vec<Vec<Value>> = Vec::with_capacity(made.len());
        made.into_iter().for_each(|row| {
            if !distinct.contains(&row) {
                distinct.push(row);
            }
        });
        made = distinct;
    }
    Ok((columns, made))
}

/// A SELECT with what it reads.
struct Selected<'s> {
    select: &'s Select,
    names: &'s [(String, String)],
    source: &'s Source,
    context: &'s Context<'s>,
    seen: Seen<'s>,
}

impl Selected<'_> {
    fn scope<'a>(
        &'a self,
        row_id: Option<RowId>,
        values: &'a [Value],
        row_number: u64,
    ) -> Scope<'a> {
        Scope {
            columns: self.names,
            values,
            row_id,
            row_number,
            session: self.context,
            seen: Some(self.seen),
        }
    }

    /// The place of the item that has an expression, or its name.
    fn item(&self, wanted: &Expr) -> Option<usize> {
        let name = match wanted {
            Expr::Identifier(name) => Some(folded(name)),
            _ => None,
        };
        self.select.projection.iter().position(|item| match item {
            SelectItem::UnnamedExpr(expr) => expr == wanted,
            SelectItem::ExprWithAlias { expr, alias } => {
                expr == wanted || Some(folded(alias)) == name
            }
            _ => false,
        })
    }

    fn sorted(&self, rows: Vec<Row>, by: &[OrderByExpr]) -> Result<Vec<Row>, OraError> {
        if by.is_empty() {
            return Ok(rows);
        }
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            let scope = self.scope(row.0, &row.1, 0);
            let key = |order: &OrderByExpr| {
                let named = position(&order.expr).or_else(|| self.item(&order.expr));
                match named.and_then(|at| self.select.projection.get(at)) {
                    Some(
                        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. },
                    ) => evaluate(expr, &scope),
                    _ => evaluate(&order.expr, &scope),
                }
            };
            let keys: Result<Vec<Value>, OraError> = by.iter().map(key).collect();
            keyed.push((keys?, row));
        }
        keyed.sort_by(|(a, _), (b, _)| {
            let pairs = a.iter().zip(b).zip(by);
            pairs.fold(Ordering::Equal, |order, ((a, b), by)| {
                order.then_with(|| directed(by, a, b, self.context))
            })
        });
        Ok(keyed.into_iter().map(|(_, row)| row).collect())
    }

    fn projected(&self, rows: &[Row]) -> Result<Vec<Vec<Value>>, OraError> {
        let mut out = Vec::with_capacity(rows.len());
        for (number, (place, values)) in rows.iter().enumerate() {
            let scope = self.scope(*place, values, number as u64 + 1);
            let mut row = Vec::new();
            for item in &self.select.projection {
                match item {
                    SelectItem::Wildcard(_) => row.extend(values.iter().cloned()),
                    SelectItem::QualifiedWildcard(..) => {
                        row.extend(self.of_alias(item).map(|at| values[at].clone()));
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

    /// Numbers of the columns that `alias.*` means.
    fn of_alias<'a>(&'a self, item: &SelectItem) -> impl Iterator<Item = usize> + use<'a> {
        let text = item.to_string();
        let alias = text.trim_end_matches(".*").trim_matches('"').to_uppercase();
        (0..self.names.len()).filter(move |at| self.names[*at].0 == alias)
    }

    /// The columns of the result.
    fn described(&self) -> Result<Vec<Column>, OraError> {
        let mut out = Vec::new();
        for item in &self.select.projection {
            match item {
                SelectItem::Wildcard(_) => {
                    let all = self.source.columns.iter();
                    out.extend(all.map(|(_, column)| column.described(&column.name)));
                }
                SelectItem::QualifiedWildcard(..) => out.extend(self.of_alias(item).map(|at| {
                    let column = &self.source.columns[at].1;
                    column.described(&column.name)
                })),
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
        if let Expr::Case { conditions, .. } = expr
            && let Some(first) = conditions.first()
        {
            return Column { name: title, ..self.column(&first.result, String::new()) };
        }
        let (of, last) = match expr {
            Expr::Identifier(name) => (None, Some(name)),
            Expr::CompoundIdentifier(parts) => {
                (parts.len().checked_sub(2).map(|at| folded(&parts[at])), parts.last())
            }
            _ => (None, None),
        };
        if let Some(last) = last.map(folded) {
            let found = self.source.columns.iter().find(|(alias, column)| {
                column.name == last && of.as_ref().is_none_or(|of| of == alias)
            });
            if let Some((_, column)) = found {
                // Unless it has another name, it has its own.
                let is_itself = title == expr.to_string().to_uppercase();
                return column.described(if is_itself { &last } else { &title });
            }
        }
        // What the first row has; text where there is none.
        let values = self.source.rows.first();
        let probe = values.map(|(place, values)| evaluate(expr, &self.scope(*place, values, 1)));
        let (kind, size) = match (probe, expr) {
            (_, Expr::Function(f))
                if ["COUNT", "LENGTH", "GETLENGTH", "TO_NUMBER", "SUM", "TIMESTAMP_TO_SCN"]
                    .contains(&name(f).as_str()) =>
            {
                (Kind::Number, 22)
            }
            (_, Expr::Function(f)) if name(f) == "GET_DDL" => (Kind::Clob, 4000),
            (_, Expr::Function(f)) if name(f) == "SCN_TO_TIMESTAMP" => (Kind::Timestamp, 11),
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
