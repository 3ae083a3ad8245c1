//! What belongs to a job beside its life: log, objects, tags, small settings.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::job::encoded;
use super::{Client, ClientError, Result, only_item};

/// Pause between two looks at something that goes on.
const LOOK_PAUSE: Duration = Duration::from_millis(300);
/// Entries of a look at the log.
const LOG_PAGE: usize = 1000;

impl Client {
    /// Lets some time pass between two looks.
    pub async fn pause(&self) {
        tokio::time::sleep(LOOK_PAUSE).await;
    }

    /// The number of a job's log entries, and the newest of them, newest first; of one level or of all.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn log(&self, job: &str, level: Option<&str>) -> Result<(u64, Vec<Value>)> {
        let level = level.map(|level| format!("&log_level={level}")).unwrap_or_default();
        let query = format!("type=log&offset=0&limit={LOG_PAGE}{level}");
        let answer = self.call(Method::GET, &self.job_path(job, ""), Some(&query), None).await?;
        let total = answer.pointer("/job/total_count").and_then(Value::as_u64).unwrap_or(0);
        let entries = answer.pointer("/job/logs").and_then(Value::as_array);
        Ok((total, entries.cloned().unwrap_or_default()))
    }

    /// Objects that are selected: `modified`, or `synchronized` for those in force.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn objects(&self, job: &str, kind: &str) -> Result<Value> {
        let query = format!("type={kind}");
        self.call(Method::GET, &self.job_path(job, "/db-objects"), Some(&query), None).await
    }

    /// Objects of the source, read anew: of these databases, or of all.
    ///
    /// # Errors
    /// [`ClientError`]; `Refused` if the source cannot be read.
    pub async fn source_objects(&self, job: &str, databases: &[String]) -> Result<Value> {
        let body = json!({"type": "source", "is_refresh": "true", "db_names": databases});
        let path = self.path("v5.1", &format!("/jobs/{}/db-objects/collect", encoded(job)));
        let begun = self.call(Method::POST, &path, None, Some(&body)).await?;
        let id = begun.get("id").and_then(Value::as_str).unwrap_or_default();
        let path = self.job_path(job, "/db-objects/collection-status");
        let query = format!("query_id={}", encoded(id));
        loop {
            let found = self.call(Method::GET, &path, Some(&query), None).await?;
            match found.get("status").and_then(Value::as_str) {
                Some("pending") => self.pause().await,
                Some("success") => return Ok(found),
                _ => {
                    let reason = found.get("error_msg").and_then(Value::as_str);
                    return Err(ClientError::Refused {
                        code: "objects".to_owned(),
                        message: reason.unwrap_or("the source was not read").to_owned(),
                    });
                }
            }
        }
    }

    /// An answer about a job that is no list: as a list of one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn alone(&self, job: &str, path: &str) -> Result<Vec<Value>> {
        let answer = self.call(Method::GET, &self.job_path(job, path), None, None).await?;
        Ok(vec![answer.get("job_action").cloned().unwrap_or(answer)])
    }

    /// Parameters of a job with the phase that each is about: `path` under the job's own of v3.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tuning(&self, job: &str, path: &str) -> Result<Vec<Value>> {
        let path = self.path("v3", &format!("/job/{}{path}", encoded(job)));
        let answer = self.call(Method::GET, &path, None, None).await?;
        let text = |one: &Value, name: &str| one.get(name).cloned().unwrap_or_default();
        let mut all = Vec::new();
        for (phase, parameters) in answer.as_object().into_iter().flatten() {
            for one in parameters.as_array().into_iter().flatten() {
                all.push(json!({
                    "phase": phase, "name": text(one, "param_name"),
                    "value": text(one, "param_value"), "range": text(one, "range"),
                }));
            }
        }
        Ok(all)
    }

    /// Tags of a job.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tags(&self, job: &str) -> Result<Vec<Value>> {
        let path = self.path("v5", &format!("/sync/{}/tags", encoded(job)));
        let answer = self.call(Method::GET, &path, None, None).await?;
        Ok(answer.get("tags").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Sets (`create`) or removes (`delete`) tags of a job.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn change_tags(&self, job: &str, action: &str, tags: Vec<Value>) -> Result<()> {
        let path = self.path("v5", &format!("/sync/{}/tags/{action}", encoded(job)));
        self.call(Method::POST, &path, None, Some(&json!({"tags": tags}))).await.map(drop)
    }

    /// Changes a setting of a job by its `type` of DRS.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update(&self, job: &str, kind: &str, params: Value) -> Result<()> {
        let body = json!({"job": {"type": kind, "params": params}});
        self.call(Method::PUT, &self.job_path(job, ""), None, Some(&body)).await.map(drop)
    }

    /// Makes a job of the settings of another one; gives its id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn copy(&self, job: &str, name: &str) -> Result<String> {
        let body = json!({"job_id": job, "name": name});
        let path = self.path("v5", "/jobs/clone");
        let made = self.call(Method::POST, &path, None, Some(&body)).await?;
        Ok(made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Sets the password of an end's account: `so` or `ta`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_password(&self, job: &str, end: &str, password: &str) -> Result<()> {
        let path = self.path("v3", "/jobs/batch-modify-pwd");
        let body = json!({"jobs": [
            {"job_id": job, "end_point_type": end, "db_password": password}]});
        only_item(&self.call(Method::PUT, &path, None, Some(&body)).await?).map(drop)
    }

    /// Sets the speed limits of a job, by hours of the day.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn limit_speed(&self, job: &str, windows: Vec<Value>) -> Result<()> {
        let path = self.path("v3", "/jobs/batch-limit-speed");
        let body = json!({"speed_limits": [{"job_id": job, "speed_limit": windows}]});
        only_item(&self.call(Method::PUT, &path, None, Some(&body)).await?).map(drop)
    }

    /// Says where a job begins in the source's log.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_position(
        &self,
        job: &str,
        file_and_position: Option<&str>,
        gtid_set: Option<&str>,
    ) -> Result<()> {
        let body = json!({"file_and_position": file_and_position, "gtid_set": gtid_set});
        let path = self.job_path(job, "/start-position");
        self.call(Method::PUT, &path, None, Some(&body)).await.map(drop)
    }
}
