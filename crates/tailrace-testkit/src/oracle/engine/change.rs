//! INSERT, UPDATE and DELETE.

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, SetExpr,
    TableFactor, TableObject, TableWithJoins, Update,
};

use super::assign::assign;
use super::expression::{Context, Scope, evaluate, folded, is_true, unknown};
use super::store::{Engine, State, TableName};
use super::table::{Table, Xid};
use crate::oracle::value::{RowId, Value};
use crate::oracle::wire::OraError;

/// Adds a row; how many that are.
pub(super) fn insert(
    insert: &Insert,
    engine: &Engine,
    context: &Context<'_>,
    xid: Xid,
) -> Result<u64, OraError> {
    let TableObject::TableName(name) = &insert.table else { return Err(unknown(&insert.table)) };
    let name = table_name(name, context.user);
    let source = insert.source.as_ref().map(|query| query.body.as_ref());
    let Some(SetExpr::Values(values)) = source else { return Err(unknown("INSERT … SELECT")) };
    let mut state = engine.lock();
    for row in &values.rows {
        let table = table_of(&state, &name)?;
        let columns = insert.columns.iter().map(|column| {
            let column = column.0.last().and_then(|part| part.as_ident()).map(folded);
            let column = column.unwrap_or_default();
            table.column(&column).ok_or_else(|| invalid_column(&column))
        });
        let mut columns = columns.collect::<Result<Vec<usize>, OraError>>()?;
        if columns.is_empty() {
            columns = (0..table.columns.len()).collect();
        }
        let row = &row.content;
        if row.len() != columns.len() {
            let (code, what) = if row.len() < columns.len() {
                (947, "not enough values")
            } else {
                (913, "too many values")
            };
            return Err(OraError::new(code, what));
        }
        let scope = Scope {
            columns: &[],
            values: &[],
            row_id: None,
            row_number: 0,
            session: context,
            seen: None,
        };
        let mut new = Vec::new();
        for (number, column) in table.columns.iter().enumerate() {
            let given = columns.iter().position(|column| *column == number);
            let value = match (given, &column.default) {
                (Some(place), _) => evaluate(&row[place], &scope)?,
                (None, Some(default)) => evaluate(&parsed(default)?, &scope)?,
                (None, None) => Value::Null,
            };
            new.push(assign(value, column, context.formats)?);
        }
        check_keys(table, &new, None)?;
        let found = state.tables.get_mut(&name).ok_or_else(missing)?;
        let place = found.new_row_id(&new)?;
        state.put(xid, &name, place, Some(new));
    }
    Ok(values.rows.len() as u64)
}

/// Changes the rows for which a condition holds; how many they are.
pub(super) fn update(
    update: &Update,
    engine: &Engine,
    context: &Context<'_>,
    xid: Xid,
) -> Result<u64, OraError> {
    let (name, alias) = relation(&update.table, context.user)?;
    let change = |table: &Table, place: RowId, values: &[Value]| -> Result<_, OraError> {
        let columns = names(table, &alias);
        let scope = Scope {
            columns: &columns,
            values,
            row_id: Some(place),
            row_number: 1,
            session: context,
            seen: None,
        };
        let mut new = values.to_vec();
        for Assignment { target, value } in &update.assignments {
            let AssignmentTarget::ColumnName(column) = target else { return Err(unknown(target)) };
            let column = column.0.last().and_then(|part| part.as_ident()).map(folded);
            let column = column.unwrap_or_default();
            let number = table.column(&column).ok_or_else(|| invalid_column(&column))?;
            new[number] =
                assign(evaluate(value, &scope)?, &table.columns[number], context.formats)?;
        }
        check_keys(table, &new, Some(place))?;
        Ok(Some(new))
    };
    each_row(engine, (&name, &alias), update.selection.as_ref(), context, xid, change)
}

/// Removes the rows for which a condition holds; how many they are.
pub(super) fn delete(
    delete: &Delete,
    engine: &Engine,
    context: &Context<'_>,
    xid: Xid,
) -> Result<u64, OraError> {
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
    let [table] = &tables[..] else { return Err(unknown("several tables in DELETE")) };
    let (name, alias) = relation(table, context.user)?;
    each_row(engine, (&name, &alias), delete.selection.as_ref(), context, xid, |_, _, _| Ok(None))
}

/// Gives every row for which a condition holds what `change` makes of it.
fn each_row(
    engine: &Engine,
    (name, alias): (&TableName, &str),
    condition: Option<&Expr>,
    context: &Context<'_>,
    xid: Xid,
    change: impl Fn(&Table, RowId, &[Value]) -> Result<Option<Vec<Value>>, OraError>,
) -> Result<u64, OraError> {
    let mut state = engine.lock();
    let holds = |table: &Table, place: RowId, values: &[Value]| {
        let columns = names(table, alias);
        let scope = Scope {
            columns: &columns,
            values,
            row_id: Some(place),
            row_number: 1,
            session: context,
            seen: None,
        };
        condition.map_or(Ok(true), |condition| is_true(condition, &scope))
    };
    let table = table_of(&state, name)?;
    let mut places = Vec::new();
    for (place, values) in table.visible(state.scn, Some(xid)) {
        if holds(table, place, values)? {
            places.push(place);
        }
    }
    let mut touched = 0;
    for place in places {
        state = engine.wait_for_row(state, name, place, xid)?;
        let table = table_of(&state, name)?;
        // Whoever was waited for may have changed the row.
        let now = state.scn;
        let current = table.visible_row(place, now, xid);
        let Some(values) = current.filter(|values| holds(table, place, values).unwrap_or(false))
        else {
            continue;
        };
        let new = change(table, place, values)?;
        let moved = match &new {
            Some(values) if table.moves(place, values)? => Some(values.clone()),
            _ => None,
        };
        match moved {
            None => state.put(xid, name, place, new),
            // A row that goes to another partition is another one there.
            Some(values) => {
                state.put(xid, name, place, None);
                let found = state.tables.get_mut(name).ok_or_else(missing)?;
                let place = found.new_row_id(&values)?;
                state.put(xid, name, place, Some(values));
            }
        }
        touched += 1;
    }
    Ok(touched)
}

/// Refuses values of a key that another row has.
fn check_keys(table: &Table, new: &[Value], own: Option<RowId>) -> Result<(), OraError> {
    for key in table.keys.iter().filter(|key| key.is_unique) {
        let values: Vec<&Value> = key.columns.iter().map(|column| &new[*column]).collect();
        if values.iter().all(|value| **value == Value::Null) {
            continue;
        }
        let taken = table.rows.iter().any(|(place, versions)| {
            // Another transaction's open change counts: it may be committed.
            let row = versions.last().and_then(|version| version.values.as_ref());
            Some(*place) != own
                && row
                    .is_some_and(|row| key.columns.iter().zip(&values).all(|(c, v)| row[*c] == **v))
        });
        if taken {
            let text = format!("unique constraint ({}.{}) violated", table.owner, key.name);
            return Err(OraError::new(1, text));
        }
    }
    Ok(())
}

fn missing() -> OraError {
    OraError::new(942, "table or view does not exist")
}

fn invalid_column(name: &str) -> OraError {
    OraError::new(904, format!("\"{name}\": invalid identifier"))
}

fn table_of<'s>(state: &'s State, name: &TableName) -> Result<&'s Table, OraError> {
    state.tables.get(name).ok_or_else(missing)
}

fn names(table: &Table, alias: &str) -> Vec<(String, String)> {
    table.columns.iter().map(|column| (alias.to_owned(), column.name.clone())).collect()
}

/// Owner and name; the user's own without an owner.
pub(super) fn table_name(name: &ObjectName, user: &str) -> TableName {
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
    match &parts[..] {
        [.., owner, table] => (owner.clone(), table.clone()),
        [table] => (user.to_owned(), table.clone()),
        [] => (user.to_owned(), String::new()),
    }
}

fn relation(table: &TableWithJoins, user: &str) -> Result<(TableName, String), OraError> {
    let TableFactor::Table { name, alias, .. } = &table.relation else {
        return Err(unknown(&table.relation));
    };
    let name = table_name(name, user);
    let alias = alias.as_ref().map_or_else(|| name.1.clone(), |alias| folded(&alias.name));
    Ok((name, alias))
}

/// An expression's text as an expression.
fn parsed(text: &str) -> Result<Expr, OraError> {
    use sqlparser::dialect::OracleDialect;
    use sqlparser::parser::Parser;
    let dialect = OracleDialect {};
    let parser = Parser::new(&dialect).try_with_sql(text);
    let expression = parser.and_then(|mut parser| parser.parse_expr());
    expression.map_err(|e| OraError::new(936, format!("missing expression: {e}")))
}
