//! What is done to a job, call by call.

use std::time::Duration;

use axum::http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Client, ClientError, Result, only_item};
use crate::job_file::JobFile;

/// Pause between two looks at a job.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// A check of a precheck.
#[derive(Debug, Clone, Serialize)]
pub struct PrecheckItem {
    /// DRS's name of it.
    pub item: String,
    /// `PASSED`, `ALARM` or `FAILED`
    pub result: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// What a precheck is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckedFor {
    /// The first start (`forStartJob`).
    Start,
    /// A new beginning of a job that has run (`forRetryJob`).
    Retry,
}

/// How a wait goes on, as the one who waits sees it.
pub enum Wait {
    /// Keep waiting.
    More,
    /// This is it.
    Done,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for is there.
    Done,
    /// The time was over.
    TimedOut,
}

pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

impl Client {
    pub(super) fn job_path(&self, job: &str, rest: &str) -> String {
        self.path("v5", &format!("/jobs/{}{rest}", encoded(job)))
    }

    /// All jobs of the project, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn jobs(&self) -> Result<Vec<Value>> {
        const PAGE: usize = 1000;
        let mut jobs = Vec::new();
        loop {
            let query = format!("job_type=sync&limit={PAGE}&offset={}", jobs.len());
            let answer =
                self.call(Method::GET, &self.path("v5", "/jobs"), Some(&query), None).await?;
            let page = answer.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
            let total = answer.get("total_count").and_then(Value::as_u64).unwrap_or(0);
            let is_last = page.len() < PAGE;
            jobs.extend(page);
            if is_last || jobs.len() as u64 >= total {
                return Ok(jobs);
            }
        }
    }

    /// The id of a job that is named by id or name.
    ///
    /// # Errors
    /// [`ClientError::Missing`] if there is none.
    pub async fn find(&self, id_or_name: &str) -> Result<String> {
        let text = |job: &Value, member: &str| {
            job.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let jobs = self.jobs().await?;
        let found = jobs
            .iter()
            .find(|job| text(job, "id") == id_or_name)
            .or_else(|| jobs.iter().find(|job| text(job, "name").eq_ignore_ascii_case(id_or_name)));
        found.map(|job| text(job, "id")).ok_or_else(|| ClientError::Missing {
            code: "DRS.10000010".to_owned(),
            message: format!("there is no job with the id or name {id_or_name:?} in the project"),
        })
    }

    /// A view of a job: `overview`, `detail`, `progress`, `precheck`, `network` or `log`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn show(&self, job: &str, view: &str) -> Result<Value> {
        let query = format!("type={}", encoded(view));
        let answer = self.call(Method::GET, &self.job_path(job, ""), Some(&query), None).await?;
        Ok(answer.get("job").cloned().unwrap_or(Value::Null))
    }

    /// Status of a job.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self, job: &str) -> Result<String> {
        let view = self.show(job, "overview").await?;
        Ok(view.get("status").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Looks at a view of a job again and again until `look` says that it is done.
    ///
    /// # Errors
    /// [`ClientError`] of a look, or what `look` fails with.
    pub async fn wait<E: From<ClientError>>(
        &self,
        job: &str,
        view: &str,
        limit: Option<Duration>,
        mut look: impl FnMut(&Value) -> std::result::Result<Wait, E>,
    ) -> std::result::Result<Waited, E> {
        let begun = Instant::now();
        loop {
            if let Wait::Done = look(&self.show(job, view).await?)? {
                return Ok(Waited::Done);
            }
            if limit.is_some_and(|limit| begun.elapsed() >= limit) {
                return Ok(Waited::TimedOut);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Makes a job; gives its id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create(&self, file: &JobFile) -> Result<String> {
        let path = self.path("v3", "/jobs/batch-creation");
        let answer = self.call(Method::POST, &path, None, Some(&file.creation())).await?;
        let item = only_item(&answer)?;
        Ok(item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Tests both ends of a file for a job and saves them.
    ///
    /// # Errors
    /// [`ClientError`]; a connection that fails is one.
    pub async fn save_endpoints(&self, job: &str, file: &JobFile) -> Result<()> {
        let settings = |e: crate::job_file::JobFileError| ClientError::Settings(e.to_string());
        let (source, target) =
            (file.source_endpoint().map_err(settings)?, file.target_endpoint().map_err(settings)?);
        for (kind, endpoint) in [("so", &source), ("ta", &target)] {
            let mut test = endpoint.clone();
            test.insert("id".into(), job.into());
            test.insert("end_point_type".into(), kind.into());
            test.insert("net_type".into(), "vpc".into());
            let path = self.path("v3", "/jobs/batch-connection");
            let body = json!({"jobs": [test]});
            only_item(&self.call(Method::POST, &path, None, Some(&body)).await?)?;
        }
        let body = json!({"jobs": [{
            "job_id": job, "store_db_info": true, "engine_type": file.engine_type(),
            "source_endpoint": source, "target_endpoint": target,
        }]});
        let path = self.path("v3", "/jobs/batch-modification");
        only_item(&self.call(Method::PUT, &path, None, Some(&body)).await?).map(drop)
    }

    /// Sets the policy of a job, also of one that runs.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn save_policy(&self, job: &str, file: &JobFile) -> Result<()> {
        let body = json!({"jobs": [file.policy_request(job)]});
        let path = self.path("v3", "/jobs/batch-sync-policy");
        only_item(&self.call(Method::POST, &path, None, Some(&body)).await?).map(drop)
    }

    /// Sets policy, objects and parameters of a job.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn save_settings(&self, job: &str, file: &JobFile) -> Result<()> {
        self.save_policy(job, file).await?;
        if !file.limits.is_empty() {
            let values: Vec<Value> = file
                .limits
                .iter()
                .map(|(name, value)| json!({"parameter_name": name, "parameter_value": value.to_string()}))
                .collect();
            let path = self.job_path(job, "/modify-configuration");
            let body = json!({"values": values});
            self.call(Method::PUT, &path, None, Some(&body)).await?;
        }
        self.save_objects(job, file).await
    }

    /// Sets the objects of a job, or edits those of one that runs.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn save_objects(&self, job: &str, file: &JobFile) -> Result<()> {
        let body = json!({"job": {"type": "db_object", "params": {"db_object": file.db_object()}}});
        let answer = self.call(Method::PUT, &self.job_path(job, ""), None, Some(&body)).await?;
        let query_id = answer.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.wait_for_objects(job, &query_id).await
    }

    async fn wait_for_objects(&self, job: &str, query_id: &str) -> Result<()> {
        let path = self.job_path(job, "/db-objects/saving-status");
        let query = format!("query_id={}", encoded(query_id));
        loop {
            let answer = self.call(Method::GET, &path, Some(&query), None).await?;
            match answer.get("status").and_then(Value::as_str) {
                Some("success") => return Ok(()),
                Some("failed") => {
                    let reason = answer.get("error_msg").and_then(Value::as_str);
                    return Err(ClientError::Refused {
                        code: "objects".to_owned(),
                        message: reason.unwrap_or("the objects were not saved").to_owned(),
                    });
                }
                _ => tokio::time::sleep(LOOK_PAUSE).await,
            }
        }
    }

    /// Does something to a job: an `action_name` of DRS with its parameters.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn act(&self, job: &str, action: &str, params: Value) -> Result<Value> {
        let body = json!({"job": {"action_name": action, "action_params": params}});
        self.call(Method::POST, &self.job_path(job, "/action"), None, Some(&body)).await
    }

    /// Checks whether a job can start; gives all checks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn precheck(&self, job: &str, purpose: CheckedFor) -> Result<Vec<PrecheckItem>> {
        let mode = match purpose {
            CheckedFor::Start => "forStartJob",
            CheckedFor::Retry => "forRetryJob",
        };
        let started = self.act(job, "precheck", json!({"precheck_mode": mode})).await?;
        let query_id = started.get("query_id").and_then(Value::as_str).unwrap_or_default();
        let query = format!("type=precheck&query_id={}", encoded(query_id));
        loop {
            let path = self.job_path(job, "");
            let answer = self.call(Method::GET, &path, Some(&query), None).await?;
            let result = answer.pointer("/job/precheck_result").cloned().unwrap_or(Value::Null);
            if result.get("process").and_then(Value::as_str) == Some("100%") {
                let items = result.get("precheck_results").and_then(Value::as_array);
                return Ok(items.map_or_else(Vec::new, |items| items.iter().map(item).collect()));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// All items of a list that belongs to a job: `path` under the job's own, and the member of the
    /// answer that holds them.
    ///
    /// # Errors
    /// [`ClientError`]; `Unreadable` for an answer without that member.
    pub async fn list(&self, job: &str, path: &str, member: &str) -> Result<Vec<Value>> {
        const PAGE: usize = 1000;
        let path = self.job_path(job, path);
        let mut items = Vec::new();
        loop {
            let query = format!("limit={PAGE}&offset={}", items.len());
            let answer = self.call(Method::GET, &path, Some(&query), None).await?;
            let Some(page) = answer.get(member).and_then(Value::as_array) else {
                return Err(ClientError::Unreadable {
                    endpoint: self.endpoint().to_owned(),
                    what: format!("{path} without a list {member}"),
                });
            };
            let is_last = page.len() < PAGE;
            items.extend_from_slice(page);
            if is_last {
                return Ok(items);
            }
        }
    }

    /// Sets parameters: a list of `parameter_name` and `parameter_value`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_parameters(&self, job: &str, values: Value) -> Result<()> {
        let path = self.job_path(job, "/modify-configuration");
        self.call(Method::PUT, &path, None, Some(&json!({"values": values}))).await.map(drop)
    }

    /// Has a table, or some of its rows, read again while the job goes on; gives its id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reread(
        &self,
        job: &str,
        database: &str,
        table: &str,
        condition: Option<&str>,
    ) -> Result<String> {
        let body = json!({"database": database, "table": table, "condition": condition});
        let path = self.job_path(job, "/rereads");
        let answer = self.call(Method::POST, &path, None, Some(&body)).await?;
        Ok(answer.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Waits until nothing is left to be read beside the stream.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn wait_for_rereads(&self, job: &str, limit: Option<Duration>) -> Result<Waited> {
        let until = limit.map(|limit| Instant::now() + limit);
        loop {
            if self.list(job, "/rereads", "rereads").await?.is_empty() {
                return Ok(Waited::Done);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Waited::TimedOut);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Stops the reading of a table beside the stream.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stop_reread(&self, job: &str, id: &str) -> Result<()> {
        let (path, query) = (self.job_path(job, "/rereads"), format!("id={}", encoded(id)));
        self.call(Method::DELETE, &path, Some(&query), None).await.map(drop)
    }

    /// Deletes an ended job.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete(&self, job: &str) -> Result<()> {
        self.call(Method::DELETE, &self.job_path(job, ""), None, None).await.map(drop)
    }
}

fn item(value: &Value) -> PrecheckItem {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    PrecheckItem { item: text("item"), result: text("result"), reason: text("failed_reason") }
}
