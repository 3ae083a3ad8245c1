//! `/v5/{project_id}/…` and `/v5.1/{project_id}/…`: one job at a time.

pub(crate) mod action;
mod additional;
pub(crate) mod batch_async;
pub(crate) mod compare;
pub(crate) mod compare_policy;
pub(crate) mod compare_run;
pub(crate) mod components;
pub(crate) mod connections;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod detail;
pub(crate) mod detail_view;
pub(crate) mod dirty_data;
pub(crate) mod endpoint;
pub(crate) mod enterprise;
pub(crate) mod export;
pub(crate) mod flavor;
pub(crate) mod item;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod mappings;
pub(crate) mod name;
pub(crate) mod object_file;
pub(crate) mod object_tree;
pub(crate) mod objects;
pub(crate) mod observe;
pub(crate) mod parameters;
pub(crate) mod position;
pub(crate) mod repair;
pub(crate) mod rereads;
pub(crate) mod rules;
pub(crate) mod tagged;
pub(crate) mod tags;
pub(crate) mod update;

use super::error::{ApiError, Dialect};
use crate::control::Refusal;

/// A refusal in v5's codes.
pub(crate) fn refused(refusal: Refusal) -> ApiError {
    ApiError::refused(Dialect::V5, refusal)
}

/// A mandatory member is absent.
pub(crate) fn missing(field: &str) -> Refusal {
    Refusal::Missing { field: field.to_owned() }
}
