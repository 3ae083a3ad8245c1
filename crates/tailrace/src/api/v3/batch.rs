//! What v3's batch operations have in common: a list of jobs in, a result per job out.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    api::{
        error::{ApiError, Dialect, ErrorBody},
        message::Message,
    },
    control::{Caller, Refusal},
};

/// Jobs in one request.
pub(crate) const JOBS_MAX: usize = 100;

/// Result of one item of a batch.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3ItemResult)]
pub(crate) struct ItemResult {
    /// Job.
    pub id: String,
    /// `success` or `failed`.
    pub status: &'static str,
    /// Code, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Answer of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchAnswer)]
pub(crate) struct BatchAnswer {
    /// Number of results.
    pub count: usize,
    /// A result per item.
    pub results: Vec<ItemResult>,
}

/// Which jobs to read, and which page of them.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3JobIds)]
pub(crate) struct JobIds {
    /// Job ids.
    #[serde(default)]
    pub jobs: Vec<String>,
    /// Page.
    pub page_req: Option<PageReq>,
}

/// A page.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3PageReq)]
pub(crate) struct PageReq {
    /// Number from 1; 1 by default.
    pub cur_page: Option<u64>,
    /// Jobs in a page, 0..=100; 5 by default, 0 is all.
    pub per_page: Option<u64>,
}

impl JobIds {
    /// The ids of the page, and how many there are in all.
    ///
    /// # Errors
    /// 400 for no id, too many, a repeated one, or an impossible page.
    pub(crate) fn page(self, paged: bool) -> Result<(usize, Vec<String>), ApiError> {
        check_ids(self.jobs.iter().map(String::as_str), "jobs")?;
        let total = self.jobs.len();
        let Some(page) = self.page_req.filter(|_| paged) else { return Ok((total, self.jobs)) };
        let number = page.cur_page.unwrap_or(1);
        let size = page.per_page.unwrap_or(5);
        if number == 0 {
            return Err(invalid("page_req.cur_page", number, "an integer from 1"));
        }
        if size > 100 {
            return Err(invalid("page_req.per_page", size, "0..=100"));
        }
        if size == 0 {
            return Ok((total, self.jobs));
        }
        let skip = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
        let take = usize::try_from(size).unwrap_or(usize::MAX);
        Ok((total, self.jobs.into_iter().skip(skip).take(take).collect()))
    }
}

/// Checks the ids of a batch: at least one, not too many, none empty, none twice.
///
/// # Errors
/// 400.
pub(crate) fn check_ids<'a>(
    ids: impl Iterator<Item = &'a str>,
    field: &str,
) -> Result<(), ApiError> {
    let mut seen = std::collections::HashSet::new();
    for (i, id) in ids.enumerate() {
        if id.is_empty() {
            return Err(missing(&format!("{field}[{i}].job_id")));
        }
        if !seen.insert(id) {
            return Err(bad(Message::Duplicate { value: id.to_owned() }));
        }
    }
    check_count(seen.len(), field)
}

/// Checks the number of items of a batch.
///
/// # Errors
/// 400.
pub(crate) fn check_count(count: usize, field: &str) -> Result<(), ApiError> {
    match count {
        0 => Err(missing(field)),
        n if n > JOBS_MAX => Err(invalid(field, format!("{n} items"), &format!("1..={JOBS_MAX}"))),
        _ => Ok(()),
    }
}

/// 400: a mandatory value is absent.
pub(crate) fn missing(field: &str) -> ApiError {
    bad(Message::Missing { field: field.to_owned() })
}

/// 400: a value that is not allowed.
pub(crate) fn invalid(field: &str, value: impl std::fmt::Display, allowed: &str) -> ApiError {
    bad(Message::Invalid {
        field: field.to_owned(),
        value: value.to_string(),
        allowed: allowed.to_owned(),
    })
}

/// 400 in v3's codes.
pub(crate) fn bad(message: Message) -> ApiError {
    ApiError::bad_request(Dialect::V3, message)
}

/// A refusal in v3's codes.
pub(crate) fn refused(refusal: Refusal) -> ApiError {
    ApiError::refused(Dialect::V3, refusal)
}

/// When a batch in which nothing succeeded is an error as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WholeError {
    /// Always: reads, and creation, where clients look at the HTTP status only.
    NothingDone,
    /// If it was the caller's input or our fault; a job that is missing or in another state is told
    /// by its item.
    BadInput,
}

/// The answer of a batch: per item its JSON and, if it failed, why. With an error as a whole, the
/// error's members stand beside `count` and `results`, so that every client finds what it reads.
pub(crate) fn answer(
    ok: StatusCode,
    rule: WholeError,
    count: usize,
    items: Vec<(Value, Option<ApiError>)>,
) -> Response {
    answer_as(ok, rule, ("count", count), items)
}

/// [`answer`], with another name for the count.
pub(crate) fn answer_as(
    ok: StatusCode,
    rule: WholeError,
    (count_name, count): (&str, usize),
    items: Vec<(Value, Option<ApiError>)>,
) -> Response {
    let errors: Vec<&ApiError> = items.iter().filter_map(|(_, error)| error.as_ref()).collect();
    let whole = match (errors.first(), rule) {
        (Some(first), _) if errors.len() < items.len() => {
            tracing::debug!(code = first.code, "a part of the batch failed");
            None
        }
        (Some(first), WholeError::NothingDone) => Some((*first).clone()),
        (Some(_), WholeError::BadInput) => {
            errors.iter().find(|e| is_input_or_internal(e)).map(|e| (*e).clone())
        }
        (None, _) => None,
    };
    let results: Vec<Value> = items.into_iter().map(|(item, _)| item).collect();
    match whole {
        Some(mut error) => {
            error.members = Map::from_iter([
                (count_name.to_owned(), json!(count)),
                ("results".to_owned(), json!(results)),
            ]);
            error.into_response()
        }
        None => (ok, Json(json!({count_name: count, "results": results}))).into_response(),
    }
}

fn is_input_or_internal(error: &ApiError) -> bool {
    error.status.is_server_error()
        || matches!(
            error.message,
            Message::Invalid { .. }
                | Message::Missing { .. }
                | Message::Malformed { .. }
                | Message::Unsupported { .. }
        )
}

/// The answer of a batch whose items say nothing but whether they worked.
pub(crate) fn answer_plain(
    ok: StatusCode,
    caller: &Caller,
    outcomes: Vec<(String, Result<(), ApiError>)>,
) -> Response {
    let count = outcomes.len();
    let items = outcomes
        .into_iter()
        .map(|(id, outcome)| {
            let error = outcome.err();
            (item(caller, id, error.as_ref()), error)
        })
        .collect();
    answer(ok, WholeError::BadInput, count, items)
}

/// Result of an item: `success`, or `failed` with code and text.
pub(crate) fn item(caller: &Caller, id: String, error: Option<&ApiError>) -> Value {
    let body = error.map(|e| e.body(caller.language));
    let (error_code, error_msg) = match body {
        Some(ErrorBody { error_code, error_msg }) => (Some(error_code), Some(error_msg)),
        None => (None, None),
    };
    let status = if error.is_some() { "failed" } else { "success" };
    json!(ItemResult { id, status, error_code, error_msg })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("job-{i}")).collect()
    }

    fn page(n: usize, cur: Option<u64>, per: Option<u64>) -> Result<(usize, usize), &'static str> {
        let page_req = Some(PageReq { cur_page: cur, per_page: per });
        JobIds { jobs: ids(n), page_req }.page(true).map(|(t, p)| (t, p.len())).map_err(|e| e.code)
    }

    #[test]
    fn pages_follow_the_documented_defaults() {
        assert_eq!(page(7, None, None), Ok((7, 5)));
        assert_eq!(page(7, Some(2), None), Ok((7, 2)));
        assert_eq!(page(7, Some(3), None), Ok((7, 0)));
        assert_eq!(page(7, None, Some(0)), Ok((7, 7)));
        assert_eq!(page(7, Some(u64::MAX), Some(100)), Ok((7, 0)));
        assert_eq!(page(7, Some(0), None), Err("DRS.M00202"));
        assert_eq!(page(7, None, Some(101)), Err("DRS.M00202"));
        assert_eq!(page(0, None, None), Err("DRS.M00201"));
        assert_eq!(page(101, None, None), Err("DRS.M00202"));
        let all = JobIds { jobs: ids(7), page_req: None }.page(true).expect("ids");
        assert_eq!(all.1.len(), 7);
    }

    #[test]
    fn repeated_and_empty_ids_are_refused() {
        let twice = check_ids(["a", "a"].into_iter(), "jobs").expect_err("twice");
        assert_eq!(twice.code, "DRS.M00301");
        let empty = check_ids(["a", ""].into_iter(), "jobs").expect_err("empty");
        assert_eq!(empty.message, Message::Missing { field: "jobs[1].job_id".into() });
    }

    #[test]
    fn a_batch_is_an_error_as_a_whole_only_by_its_rule() {
        let missing_job = || Some(refused(Refusal::JobMissing { job_id: "j".into() }));
        let bad_input = || Some(refused(Refusal::invalid("f", "v", "a")));
        let status = |rule, errors: Vec<Option<ApiError>>| {
            let count = errors.len();
            let items = errors.into_iter().map(|e| (json!({}), e)).collect();
            answer(StatusCode::ACCEPTED, rule, count, items).status().as_u16()
        };
        assert_eq!(status(WholeError::NothingDone, vec![missing_job()]), 400);
        assert_eq!(status(WholeError::NothingDone, vec![missing_job(), None]), 202);
        assert_eq!(status(WholeError::BadInput, vec![missing_job()]), 202);
        assert_eq!(status(WholeError::BadInput, vec![missing_job(), bad_input()]), 400);
        assert_eq!(status(WholeError::BadInput, vec![bad_input(), None]), 202);
        assert_eq!(status(WholeError::BadInput, vec![None]), 202);
        let internal = || Some(ApiError::internal("x"));
        assert_eq!(status(WholeError::BadInput, vec![internal()]), 500);
    }
}
