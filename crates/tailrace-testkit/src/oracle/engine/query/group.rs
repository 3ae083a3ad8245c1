//! Rows that become one: all of them, or those of a group.

use std::cmp::Ordering;

use sqlparser::ast::{Expr, Function, GroupByExpr, Select, SelectItem};

use super::{Row, Selected};
use crate::oracle::engine::expression::{Scope, Seen, compare, evaluate, unknown};
use crate::oracle::engine::functions::{AGGREGATES, arguments, name};
use crate::oracle::number::Number;
use crate::oracle::value::Value;
use crate::oracle::wire::OraError;

/// Whether a SELECT's rows become fewer.
pub(super) fn is_grouped(select: &Select) -> bool {
    !keys(select).is_empty()
        || select.projection.iter().any(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                is_aggregate(expr)
            }
            _ => false,
        })
}

fn keys(select: &Select) -> &[Expr] {
    match &select.group_by {
        GroupByExpr::Expressions(keys, _) => keys,
        GroupByExpr::All(_) => &[],
    }
}

/// Whether an expression is a value of a group, or is made of one by a function.
fn is_aggregate(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    AGGREGATES.contains(&name(function).as_str())
        || arguments(function).into_iter().any(is_aggregate)
}

impl Selected<'_> {
    /// One row for each group, or one for all.
    pub(super) fn grouped(&self, rows: &[Row]) -> Result<Vec<Vec<Value>>, OraError> {
        let keys = keys(self.select);
        let mut groups: Vec<(Vec<Value>, Vec<&Row>)> = Vec::new();
        if keys.is_empty() {
            groups.push((Vec::new(), Vec::new()));
        }
        for row in rows {
            let scope = self.scope(row.0, &row.1, 0);
            let key: Result<Vec<Value>, OraError> =
                keys.iter().map(|key| evaluate(key, &scope)).collect();
            let key = key?;
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, group)) => group.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        groups.iter().map(|(_, group)| self.together(group)).collect()
    }

    fn together(&self, group: &[&Row]) -> Result<Vec<Value>, OraError> {
        let mut out = Vec::new();
        for item in &self.select.projection {
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item
            else {
                return Err(unknown(item));
            };
            let of_group = |function: &Function| self.aggregate(function, group);
            let seen = Some(Seen { group: Some(&of_group), ..self.seen });
            out.push(match group.first() {
                Some(row) => evaluate(expr, &Scope { seen, ..self.scope(row.0, &row.1, 0) })?,
                None => {
                    let nothing = vec![Value::Null; self.names.len()];
                    evaluate(expr, &Scope { seen, ..self.scope(None, &nothing, 0) })?
                }
            });
        }
        Ok(out)
    }

    fn aggregate(&self, function: &Function, group: &[&Row]) -> Result<Value, OraError> {
        let mut values = Vec::new();
        for (place, row) in group {
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
        Ok(match name(function).as_str() {
            "COUNT" => Value::Number(Number::from(values.len() as u64)),
            "MIN" => values.into_iter().min_by(order).unwrap_or(Value::Null),
            "MAX" => values.into_iter().max_by(order).unwrap_or(Value::Null),
            other => return Err(unknown(other)),
        })
    }
}
