//! Comparisons of a job's tables with its topics.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::job::Waited;
use super::{Client, Result};

/// Pause between two looks at a comparison.
const LOOK_PAUSE: Duration = Duration::from_millis(300);
/// Entries of one page.
const PAGE: usize = 1000;

impl Client {
    /// Asks for a comparison: `task` has its `type`, `option` and so on, as DRS's `compare_task_param`; of these tables or of
    /// all. Gives its id.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn compare(
        &self,
        job: &str,
        mut task: Value,
        tables: &[(String, String)],
    ) -> Result<String> {
        let mut objects = json!({});
        for (database, table) in tables {
            objects[database]["tables"][table] = json!({});
        }
        task["db_object"] = objects;
        let answer = self.act(job, "create_compare", json!({"compare_task_param": task})).await?;
        Ok(answer.get("query_id").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// When a job compares by itself.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn compare_policy(&self, job: &str) -> Result<Value> {
        self.call(Method::GET, &self.job_path(job, "/compare-policy"), None, None).await
    }

    /// Sets when a job compares by itself.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn set_compare_policy(&self, job: &str, policy: Value) -> Result<()> {
        let path = self.job_path(job, "/compare-policy");
        self.call(Method::PUT, &path, None, Some(&policy)).await.map(drop)
    }

    /// Lets a comparison rest, or go on.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn pause_comparison(&self, job: &str, id: &str, pauses: bool) -> Result<()> {
        let call = if pauses { "/compare/pause" } else { "/compare/restart" };
        let ids = json!({"compare_job_ids": [id]});
        self.call(Method::POST, &self.job_path(job, call), None, Some(&ids)).await.map(drop)
    }

    /// Stops a comparison.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn cancel_comparison(&self, job: &str, id: &str) -> Result<()> {
        let task = json!({"compare_task_param": {"compare_task_id": id}});
        self.act(job, "cancel_compare", task).await.map(drop)
    }

    /// The comparisons of a job, the newest first; or one of them.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn comparisons(&self, job: &str, id: Option<&str>) -> Result<Vec<Value>> {
        let which = id.map(|id| format!("&compare_task_id={id}")).unwrap_or_default();
        self.compared(job, &format!("compare_type=data_compare{which}"), "data_compare_task_list")
            .await
    }

    /// A list of what came of comparisons, all pages of it; `query` says which one.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn compared(&self, job: &str, query: &str, member: &str) -> Result<Vec<Value>> {
        let mut items: Vec<Value> = Vec::new();
        loop {
            let query = format!("type=compare&{query}&limit={PAGE}&offset={}", items.len());
            let path = self.job_path(job, "");
            let answer = self.call(Method::GET, &path, Some(&query), None).await?;
            let place = format!("/job/compare_result/{member}");
            let Some(page) = answer.pointer(&place).and_then(Value::as_array) else {
                return Ok(items);
            };
            items.extend_from_slice(page);
            if page.len() < PAGE {
                return Ok(items);
            }
        }
    }

    /// Waits until a comparison has ended; `see` is shown how far it is.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn wait_for_comparison(
        &self,
        job: &str,
        id: &str,
        limit: Option<Duration>,
        mut see: impl FnMut(&Value),
    ) -> Result<Waited> {
        let until = limit.map(|limit| Instant::now() + limit);
        loop {
            let task = self.comparisons(job, Some(id)).await?.pop().unwrap_or_default();
            let status = task.get("status").and_then(Value::as_str).unwrap_or_default();
            if !matches!(status, "WAITING_FOR_RUNNING" | "RUNNING") {
                return Ok(Waited::Done);
            }
            see(&task);
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Waited::TimedOut);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }
}
