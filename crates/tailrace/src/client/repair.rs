//! Repairs of what comparisons found.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::job::Waited;
use super::{Client, Result};

/// Pause between two looks at a repair.
const LOOK_PAUSE: Duration = Duration::from_millis(300);
/// Rows of one page.
const PAGE: usize = 1000;

impl Client {
    /// Asks for a repair of what a comparison found, of these tables or of all; gives its id.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn repair(
        &self,
        job: &str,
        comparison: &str,
        tables: &[(String, String)],
    ) -> Result<String> {
        let objects: Vec<Value> = tables
            .iter()
            .map(|(database, table)| json!({"database": database, "table": table}))
            .collect();
        let info = json!({"repair_info": {"query_id": comparison, "objects": objects}});
        let answer = self.act(job, "start_repair", info).await?;
        Ok(answer.get("query_id").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Stops the job's repair.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn stop_repair(&self, job: &str) -> Result<()> {
        self.act(job, "stop_repair", json!({})).await.map(drop)
    }

    /// Brings changes that a target database refused to an end: `reapply` or `discard`; what came of each.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn settle_dirty_rows(
        &self,
        job: &str,
        action: &str,
        ids: &[u64],
    ) -> Result<Vec<Value>> {
        let body = json!({"action": action, "ids": ids});
        let path = self.job_path(job, "/dirty-data");
        let answer = self.call(Method::POST, &path, None, Some(&body)).await?;
        let results = answer.get("results").and_then(Value::as_array);
        Ok(results.cloned().unwrap_or_default())
    }

    /// How far a repair is; the newest without an id, `null` if the job has none.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn repair_progress(&self, job: &str, id: Option<&str>) -> Result<Value> {
        let answer = self.repair_page(job, id, (0, 1)).await?;
        Ok(answer.pointer("/job/repair_progress_info").cloned().unwrap_or_default())
    }

    /// Its rows, all pages of them.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn repaired_rows(&self, job: &str, id: &str) -> Result<Vec<Value>> {
        let mut rows: Vec<Value> = Vec::new();
        loop {
            let answer = self.repair_page(job, Some(id), (rows.len(), PAGE)).await?;
            let place = "/job/repair_detail_info/repair_details";
            let Some(page) = answer.pointer(place).and_then(Value::as_array) else {
                return Ok(rows);
            };
            rows.extend_from_slice(page);
            if page.len() < PAGE {
                return Ok(rows);
            }
        }
    }

    async fn repair_page(
        &self,
        job: &str,
        id: Option<&str>,
        (offset, limit): (usize, usize),
    ) -> Result<Value> {
        let which = id.map(|id| format!("&query_id={id}")).unwrap_or_default();
        let query = format!("type=repair&offset={offset}&limit={limit}{which}");
        self.call(Method::GET, &self.job_path(job, ""), Some(&query), None).await
    }

    /// Waits until a repair has ended; `see` is shown how far it is.
    ///
    /// # Errors
    /// [`super::ClientError`].
    pub async fn wait_for_repair(
        &self,
        job: &str,
        id: &str,
        limit: Option<Duration>,
        mut see: impl FnMut(&Value),
    ) -> Result<Waited> {
        let until = limit.map(|limit| Instant::now() + limit);
        loop {
            let progress = self.repair_progress(job, Some(id)).await?;
            if progress.get("status").and_then(Value::as_str) != Some("RUNNING") {
                return Ok(Waited::Done);
            }
            see(&progress);
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Waited::TimedOut);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }
}
