//! Making, finding and listing jobs.

use super::caller::Caller;
use super::command::Command;
use super::endpoint::{Endpoint, EndpointInput, EndpointSecrets, Side};
use super::job::{ChildJob, HeldParts, Job, JobFilter, JobTimes, NewJob, Page};
use super::job_state::JobState;
use super::refusal::{Refusal, Result};
use super::view::TimelineEntry;
use super::{Control, naming, secrets, settings};
use crate::store::{NewJobRow, SealedSecret, StoreError};

impl Control {
    /// Makes a job; its worker takes it to `CONFIGURATION`.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::NameTaken`], [`Refusal::QuotaReached`].
    pub async fn create(&self, caller: &Caller, new: NewJob) -> Result<Job> {
        let (job, sealed) = self.prepared(caller, naming::new_job_id(), new).await?;
        self.insert(caller, &job, &sealed, "create").await?;
        Ok(job)
    }

    /// A job as it would be stored, with its secrets, if all that is given of it is allowed.
    pub(crate) async fn prepared(
        &self,
        caller: &Caller,
        id: String,
        new: NewJob,
    ) -> Result<(Job, Vec<SealedSecret>)> {
        naming::check_job_name(&new.name)?;
        naming::check_description(&new.description)?;
        naming::check_expired_days(new.expired_days)?;
        naming::check_one_of("job_direction", &new.direction, &["up", "down", "non-dbs"])?;
        naming::check_one_of("net_type", &new.net_type, &["eip", "vpc", "vpn"])?;
        naming::check_tags(&new.tags)?;
        let source = self.connected_if_given(caller, new.source).await?;
        let target = self.connected_if_given(caller, new.target).await?;
        let mut sealed = Vec::new();
        let mut endpoint = |side: Side, input: Option<EndpointInput>| -> Result<Endpoint> {
            let wanted = settings::kind_of(new.engine, side);
            let Some(input) = input else { return Ok(Endpoint::empty(wanted)) };
            settings::check_endpoint(new.engine, side, &input, &EndpointSecrets::default())?;
            sealed.extend(secrets::seal(&self.inner.vault, &id, side, &input.secrets)?);
            Ok(input.endpoint)
        };
        let source = endpoint(Side::Source, source)?;
        let target = endpoint(Side::Target, target)?;
        let now_ms = self.inner.now_ms();
        let job = Job {
            id,
            domain_id: caller.domain_id.clone(),
            project_id: caller.project_id.clone(),
            parent_id: None,
            name: new.name,
            description: new.description,
            engine: new.engine,
            task: new.task,
            direction: new.direction,
            net_type: new.net_type,
            enterprise_project_id: new.enterprise_project_id,
            expired_days: new.expired_days,
            tags: new.tags,
            attributes: new.attributes,
            state: JobState::new(new.task),
            source,
            target,
            policy: None,
            selection: None,
            edited_selection: None,
            listed_databases: None,
            rereads: Vec::new(),
            progress_left: false,
            speed_windows: Vec::new(),
            compare_policy: None,
            held: HeldParts::default(),
            parameters: Default::default(),
            failure: None,
            times: JobTimes { created_ms: now_ms, updated_ms: now_ms, ..Default::default() },
            children: Vec::new(),
        };
        Ok((job, sealed))
    }

    /// Stores a new job; its worker takes it to `CONFIGURATION`.
    pub(crate) async fn insert(
        &self,
        caller: &Caller,
        job: &Job,
        sealed: &[SealedSecret],
        name: &str,
    ) -> Result<()> {
        let limit = self.inner.bounds.jobs_per_project_max;
        if self.inner.store.job_count(&caller.project_id).await? >= limit {
            return Err(Refusal::QuotaReached { what: "jobs in one project", limit });
        }
        let timeline = Some(TimelineEntry {
            name: name.to_owned(),
            success: true,
            at_ms: job.times.created_ms,
            user_name: caller.user_name.clone(),
            detail: None,
        });
        match self.inner.store.insert_job(NewJobRow { job, secrets: sealed, timeline }).await {
            Ok(()) => {
                tracing::info!(job_id = job.id, engine = job.engine.name(), "job created");
                self.inner.wake(&job.id);
                Ok(())
            }
            Err(StoreError::NameTaken) => Err(Refusal::NameTaken { name: job.name.clone() }),
            Err(e) => Err(e.into()),
        }
    }

    /// Makes a job of the same settings, without passwords and without objects' progress.
    ///
    /// # Errors
    /// As [`Control::create`], and [`Refusal::WrongState`].
    pub async fn clone_job(&self, caller: &Caller, job_id: &str, name: &str) -> Result<Job> {
        naming::check_job_name(name)?;
        let original = self.command(caller, job_id, Command::Clone, &super::change::unchanged);
        let mut job = original.await?;
        let now_ms = self.inner.now_ms();
        job.id = naming::new_job_id();
        job.name = name.to_owned();
        job.parent_id = None;
        job.state = JobState::new(job.task);
        job.edited_selection = None;
        job.listed_databases = None;
        job.rereads = Vec::new();
        job.progress_left = false;
        job.failure = None;
        job.children = Vec::new();
        job.times = JobTimes { created_ms: now_ms, updated_ms: now_ms, ..Default::default() };
        self.insert(caller, &job, &[], "clone").await?;
        Ok(job)
    }

    /// Whether a new job could have this name: its form, and that no other has it.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] or [`Refusal::NameTaken`].
    pub async fn check_name(&self, caller: &Caller, name: &str) -> Result<()> {
        naming::check_job_name(name)?;
        if self.inner.store.name_taken(&caller.project_id, name, None).await? {
            return Err(Refusal::NameTaken { name: name.to_owned() });
        }
        Ok(())
    }

    /// One job, with its children.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn get(&self, caller: &Caller, job_id: &str) -> Result<Job> {
        let mut job = self.inner.load(caller, job_id).await?.job;
        self.fill_children(std::slice::from_mut(&mut job)).await?;
        Ok(job)
    }

    /// Jobs with their children, and how many there are in all.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a page that is too large.
    pub async fn list(&self, caller: &Caller, filter: &JobFilter) -> Result<(u64, Vec<Job>)> {
        check_page(filter.page)?;
        let (count, mut jobs) = self.inner.store.jobs(&caller.project_id, filter).await?;
        self.fill_children(&mut jobs).await?;
        Ok((count, jobs))
    }

    async fn fill_children(&self, jobs: &mut [Job]) -> Result<()> {
        let ids: Vec<String> = jobs.iter().map(|job| job.id.clone()).collect();
        let mut children = self.inner.store.children(&ids).await?;
        for job in jobs {
            let (own, others): (Vec<_>, Vec<_>) = children
                .into_iter()
                .partition(|(parent, _): &(String, ChildJob)| *parent == job.id);
            job.children = own.into_iter().map(|(_, child)| child).collect();
            children = others;
        }
        Ok(())
    }
}

/// Checks a page's size.
///
/// # Errors
/// [`Refusal::Invalid`].
pub(crate) fn check_page(page: Page) -> Result<()> {
    if page.limit <= Page::LIMIT_MAX {
        return Ok(());
    }
    Err(Refusal::invalid("limit", page.limit, format!("at most {}", Page::LIMIT_MAX)))
}
