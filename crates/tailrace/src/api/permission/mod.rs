//! Which right an operation needs, and the look whether the caller has it.
//!
//! [`Permissions`] is asked for every request that is authenticated, before its handler. Where the right depends on a value
//! of the body, the look there lets pass who has any of the rights, and the handler asks [`require`] with the value.

mod rights;
mod table;

use std::collections::HashMap;

use axum::http::Method;
use utoipa::openapi::{OpenApi, PathItem, path::Operation};

use crate::control::{
    Caller, Refusal,
    iam::{Right, Rights},
};

use self::table::{OPERATIONS, READ_BY_POST};

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: nobody logs in for it.
    Open,
    /// A login. Everybody sees and changes what is their own; with the right, the others' too.
    Own(Right),
    /// A right.
    Right(Right),
    /// A right that depends on a value of the request.
    ByValue(&'static [(&'static str, Right)]),
}

/// Whether an operation changes something.
pub(crate) fn is_write(method: &Method, operation: &str) -> bool {
    !matches!(*method, Method::GET | Method::HEAD) && !READ_BY_POST.contains(&operation)
}

/// What an operation of this name needs.
pub(crate) fn needs(operation: &str) -> Option<Needs> {
    OPERATIONS.iter().find(|(name, _)| *name == operation).map(|(_, needs)| *needs)
}

/// Refuses without the right that an operation needs for a value. A value that the operation does not have passes: it is
/// refused as what it is.
///
/// # Errors
/// [`Refusal::Forbidden`].
pub(crate) fn require(caller: &Caller, operation: &str, value: &str) -> Result<(), Refusal> {
    let Some(Needs::ByValue(values)) = needs(operation) else {
        return Err(Refusal::internal(format!("{operation} has no rights by value")));
    };
    let right = values.iter().find(|(name, _)| *name == value).map(|(_, right)| *right);
    right.map_or(Ok(()), |right| caller.rights.require(right))
}

/// The values by which an operation's right is chosen, as its refusals list them.
#[cfg(test)]
pub(crate) fn values(operation: &str) -> String {
    let Some(Needs::ByValue(values)) = needs(operation) else { return String::new() };
    values.iter().map(|(value, _)| *value).collect::<Vec<_>>().join(", ")
}

/// The right of an operation in words, for the table of operations.
#[cfg(test)]
pub(crate) fn words(operation: &str) -> String {
    let names =
        |right: Right| right.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ");
    match needs(operation) {
        Some(Needs::Right(right)) => names(right),
        Some(Needs::ByValue(values)) => {
            let mut rights: Vec<(String, Vec<&str>)> = Vec::new();
            for (value, right) in values {
                let right = names(right);
                match rights.iter_mut().find(|(known, _)| *known == right) {
                    Some((_, values)) => values.push(value),
                    None => rights.push((right, vec![value])),
                }
            }
            let one =
                |(right, values): (String, Vec<&str>)| format!("{}: {right}", values.join(", "));
            rights.into_iter().map(one).collect::<Vec<_>>().join("; ")
        }
        Some(Needs::Open | Needs::Own(_)) | None => String::new(),
    }
}

/// What every route needs.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    routes: HashMap<(Method, String), (&'static str, Needs)>,
}

impl Permissions {
    /// Of the routes of documents.
    pub(crate) fn of<'a>(documents: impl IntoIterator<Item = &'a OpenApi>) -> Self {
        let mut routes = HashMap::new();
        for (path, item) in documents.into_iter().flat_map(|document| &document.paths.paths) {
            for (method, operation) in operations(item) {
                let name = operation.operation_id.as_deref().unwrap_or_default();
                if let Some((name, needs)) = OPERATIONS.iter().find(|(known, _)| *known == name) {
                    routes.insert((method, path.clone()), (*name, *needs));
                }
            }
        }
        Self { routes }
    }

    /// The operation behind a route, and what it needs.
    pub(crate) fn of_route(&self, method: &Method, path: &str) -> Option<(&'static str, Needs)> {
        let find = |method: &Method| self.routes.get(&(method.clone(), path.to_owned())).copied();
        // A GET answers HEAD too.
        find(method).or_else(|| (method == Method::HEAD).then(|| find(&Method::GET)).flatten())
    }
}

/// Refuses who has no right to an operation, whatever its values are.
///
/// # Errors
/// [`Refusal::Forbidden`].
pub(crate) fn check(needs: Needs, rights: &Rights) -> Result<(), Refusal> {
    let is_allowed = match needs {
        Needs::Open | Needs::Own(_) => true,
        Needs::Right(right) => rights.allow(right),
        Needs::ByValue(values) => values.iter().any(|(_, right)| rights.allow(right)),
    };
    if is_allowed { Ok(()) } else { Err(Refusal::Forbidden) }
}

fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::HEAD, &item.head),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

#[cfg(test)]
mod tests;
