//! Settings of a job: notes, endpoints, policy, objects, limits, parameters.

use secrecy::SecretString;

use super::caller::Caller;
use super::change::Extra;
use super::command::Command;
use super::create::check_page;
use super::endpoint::{DbType, EndpointInput, EndpointSecrets, Side};
use super::job::{Description, Engine, Job, Page, SpeedWindow, StartPosition, Tag, TaskMode};
use super::objects::{ObjectScope, ObjectSelection};
use super::policy::{self, PolicyText, SyncPolicy};
use super::query::QueryStatus;
use super::refusal::{Refusal, Result};
use super::secrets::{self, JobSecrets};
use super::status::JobStatus;
use super::view::{Parameter, ParameterChange};
use super::{Control, gauss_plan, naming, node_type, parameter, running_policy, spec, speed};
use crate::store::{QueryKind, QueryRow};

/// Kind of endpoint a link has at an end.
pub(crate) fn kind_of(engine: Engine, side: Side) -> DbType {
    match side {
        Side::Source => engine.source(),
        Side::Target => engine.target(),
    }
}

/// Checks what can be checked about an endpoint without a connection. What is merely missing may
/// follow later.
pub(crate) fn check_endpoint(
    engine: Engine,
    side: Side,
    input: &EndpointInput,
    stored: &EndpointSecrets,
) -> Result<()> {
    let wanted = kind_of(engine, side);
    if input.endpoint.db_type != wanted {
        return Err(Refusal::invalid(
            "db_type",
            input.endpoint.db_type.name(),
            format!("{} as {side} of {}", wanted.name(), engine.name()),
        ));
    }
    let merged = secrets::merged(stored, &input.secrets);
    let checked = match side {
        Side::Source => spec::source(&input.endpoint, &merged).map(|_| ()),
        Side::Target => spec::target(&input.endpoint, &merged).map(|_| ()),
    };
    match checked {
        Err(Refusal::NotConfigured { .. } | Refusal::Missing { .. }) | Ok(()) => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

/// Checks that a link can take this selection.
pub(crate) fn check_link(engine: Engine, selection: &ObjectSelection) -> Result<()> {
    match engine.target() {
        DbType::GaussDbV5 => gauss_plan::check_selection(selection),
        _ if selection.target_database.is_some() => Err(Refusal::Unsupported {
            what: "target_root_db".to_owned(),
            instead: "no target database: the target is Kafka".to_owned(),
        }),
        _ => Ok(()),
    }
}

impl Control {
    /// Changes the notes on a job.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::NameTaken`], [`Refusal::WrongState`].
    pub async fn describe(&self, caller: &Caller, job_id: &str, to: Description) -> Result<Job> {
        if let Some(name) = &to.name {
            naming::check_job_name(name)?;
        }
        if let Some(text) = &to.description {
            naming::check_description(text)?;
        }
        if let Some(days) = to.expired_days {
            naming::check_expired_days(days)?;
        }
        self.command(caller, job_id, Command::Describe, &|job| {
            if let Some(name) = &to.name {
                job.name.clone_from(name);
            }
            if let Some(text) = &to.description {
                job.description.clone_from(text);
            }
            if let Some(days) = to.expired_days {
                job.expired_days = days;
            }
            for (key, value) in &to.attributes {
                if value.is_null() {
                    job.attributes.remove(key);
                } else {
                    job.attributes.insert(key.clone(), value.clone());
                }
            }
            Ok(Extra::default())
        })
        .await
    }

    /// Removes the tags of these keys, then adds or replaces the others.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::WrongState`].
    pub async fn set_tags(
        &self,
        caller: &Caller,
        job_id: &str,
        set: Vec<Tag>,
        remove: &[String],
    ) -> Result<()> {
        naming::check_tags(&set)?;
        self.command(caller, job_id, Command::Describe, &|job| {
            job.tags.retain(|tag| {
                !remove.contains(&tag.key) && set.iter().all(|new| new.key != tag.key)
            });
            job.tags.extend(set.iter().cloned());
            naming::check_tags(&job.tags)?;
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// Saves endpoints; `None` leaves one as it is. Secrets that are not given stay.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::WrongState`].
    pub async fn set_endpoints(
        &self,
        caller: &Caller,
        job_id: &str,
        source: Option<EndpointInput>,
        target: Option<EndpointInput>,
    ) -> Result<Job> {
        let sealed = self.inner.store.secrets(job_id).await?;
        let stored = JobSecrets::unseal(&self.inner.vault, job_id, &sealed)?;
        let source = self.connected_if_given(caller, source).await?;
        let target = self.connected_if_given(caller, target).await?;
        let inputs = [(Side::Source, &source), (Side::Target, &target)];
        self.command(caller, job_id, Command::SaveEndpoint, &|job| {
            let mut extra = Extra::default();
            for (side, input) in inputs {
                let Some(input) = input else { continue };
                check_endpoint(job.engine, side, input, stored.of(side))?;
                extra.secrets.extend(secrets::seal(
                    &self.inner.vault,
                    &job.id,
                    side,
                    &input.secrets,
                )?);
                match side {
                    Side::Source => job.source = input.endpoint.clone(),
                    Side::Target => job.target = input.endpoint.clone(),
                }
            }
            Ok(extra)
        })
        .await
    }

    /// Saves the policy.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Missing`], [`Refusal::WrongState`].
    pub async fn set_policy(&self, caller: &Caller, job_id: &str, text: &PolicyText) -> Result<()> {
        let sealed = self.inner.store.secrets(job_id).await?;
        let secrets = JobSecrets::unseal(&self.inner.vault, job_id, &sealed)?;
        self.command(caller, job_id, Command::SavePolicy, &|job| {
            let mut policy = SyncPolicy::parse(text, job.engine)?;
            if policy.start_position.is_none() {
                // A position may have been set by its own call before.
                policy.start_position =
                    job.policy.as_ref().and_then(|old| old.start_position.clone());
            }
            running_policy::check(job, &policy, &secrets)?;
            job.policy = Some(policy);
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// Sets the log position an increment-only job starts from.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Missing`], [`Refusal::Unsupported`] for other jobs,
    /// [`Refusal::WrongState`].
    pub async fn set_start_position(
        &self,
        caller: &Caller,
        job_id: &str,
        position: StartPosition,
    ) -> Result<()> {
        let position = policy::parse_start(&position.file_and_position, &position.gtid_set)?
            .ok_or_else(|| Refusal::Missing { field: "file_and_position".to_owned() })?;
        self.command(caller, job_id, Command::SetStartPosition, &|job| {
            if job.task != TaskMode::Incremental {
                return Err(Refusal::Unsupported {
                    what: format!("a start position of a {} job", job.task.name()),
                    instead: "only INCR_TRANS jobs have one".to_owned(),
                });
            }
            let policy = job.policy.get_or_insert_with(SyncPolicy::default_for_unset);
            policy.start_position = Some(position.clone());
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// Selects objects, or edits the selection of a running job. Saved when this returns; the query
    /// id is for clients that ask.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Missing`], [`Refusal::WrongState`], and
    /// [`Refusal::Unsupported`] for an edit that adds all databases of the server.
    pub async fn select_objects(
        &self,
        caller: &Caller,
        job_id: &str,
        selection: ObjectSelection,
    ) -> Result<String> {
        selection.validate()?;
        self.command(caller, job_id, Command::SelectObjects, &|job| {
            check_link(job.engine, &selection)?;
            if job.status() == JobStatus::Configuration {
                job.selection = Some(selection.clone());
                job.listed_databases = None;
            } else {
                check_edit(job, &selection)?;
                let now = job.selection.as_ref().and_then(|now| now.target_database.clone());
                let target_database = selection.target_database.clone().or(now);
                let edited = ObjectSelection { target_database, ..selection.clone() };
                job.edited_selection = Some(edited);
            }
            Ok(Extra::default())
        })
        .await?;
        let query = QueryRow {
            id: naming::new_id(),
            job_id: job_id.to_owned(),
            kind: QueryKind::Saving,
            owner: self.inner.owner.clone(),
            status: QueryStatus::Success,
            request: "{}".to_owned(),
            result: None,
            error: None,
            created_ms: self.inner.now_ms(),
        };
        self.inner.store.add_query(&query).await?;
        Ok(query.id)
    }

    /// How a saving of objects went.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`].
    pub async fn saving_status(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<QueryStatus> {
        self.query(caller, job_id, query_id, QueryKind::Saving).await.map(|query| query.status)
    }

    /// Changes an endpoint's password; a running data path takes it up at its next checkpoint.
    ///
    /// # Errors
    /// [`Refusal::WrongState`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        job_id: &str,
        side: Side,
        password: SecretString,
    ) -> Result<()> {
        let secrets = EndpointSecrets { password: Some(password), ..Default::default() };
        let sealed = secrets::seal(&self.inner.vault, job_id, side, &secrets)?;
        self.command(caller, job_id, Command::ChangePassword, &|_| {
            Ok(Extra { secrets: sealed.clone(), ..Default::default() })
        })
        .await
        .map(|_| ())
    }

    /// Sets the windows of the speed limit; none lifts it.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::WrongState`].
    pub async fn set_speed_limit(
        &self,
        caller: &Caller,
        job_id: &str,
        windows: Vec<SpeedWindow>,
    ) -> Result<()> {
        speed::validate(&windows)?;
        self.command(caller, job_id, Command::SetSpeedLimit, &|job| {
            job.speed_windows.clone_from(&windows);
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// Parameters of a job.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn parameters(&self, caller: &Caller, job_id: &str) -> Result<Vec<Parameter>> {
        let job = self.inner.load(caller, job_id).await?.job;
        let limits = node_type::limits(node_type::of(&job.attributes));
        Ok(parameter::list(&job.parameters, &limits))
    }

    /// Changes parameters; they hold from the next start.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::WrongState`].
    pub async fn set_parameters(
        &self,
        caller: &Caller,
        job_id: &str,
        values: &[(String, String)],
    ) -> Result<()> {
        let values = values
            .iter()
            .map(|(name, value)| Ok((name.as_str(), parameter::parse(name, value)?)))
            .collect::<Result<Vec<_>>>()?;
        self.command(caller, job_id, Command::ChangeParameters, &|job| {
            let mut extra = Extra::default();
            for (name, value) in &values {
                let limits = node_type::limits(node_type::of(&job.attributes));
                let present = parameter::list(&job.parameters, &limits);
                let old = present.into_iter().find(|p| p.name == *name).map(|p| p.value);
                if old.as_ref() == Some(value) {
                    continue;
                }
                job.parameters.insert((*name).to_owned(), value.clone());
                extra.parameters.push(ParameterChange {
                    name: (*name).to_owned(),
                    old_value: old.unwrap_or_default(),
                    new_value: value.clone(),
                    at_ms: self.inner.now_ms(),
                    user_name: caller.user_name.clone(),
                });
            }
            Ok(extra)
        })
        .await
        .map(|_| ())
    }

    /// Changes of parameters, newest first, and how many there are.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn parameter_history(
        &self,
        caller: &Caller,
        job_id: &str,
        page: Page,
    ) -> Result<(u64, Vec<ParameterChange>)> {
        check_page(page)?;
        self.inner.load(caller, job_id).await?;
        Ok(self.inner.store.parameter_changes(job_id, page).await?)
    }
}

/// Objects that a running job has keep their names and columns: their messages, or changes of their rows, would go on
/// elsewhere, and those before would stay.
fn check_appearance(now: &ObjectSelection, edited: &ObjectSelection) -> Result<()> {
    let differs = |name: String| {
        Err(Refusal::Unsupported {
            what: format!("changing how {name} appears at the target while the job runs"),
            instead: "create a job for it".to_owned(),
        })
    };
    for database in &edited.databases {
        let Some(old) = now.databases.iter().find(|old| old.name == database.name) else {
            continue;
        };
        let [before, after] =
            [now, edited].map(|selection| selection.mappings.databases.get(&database.name));
        if before.and_then(|m| m.target.as_ref()) != after.and_then(|m| m.target.as_ref()) {
            return differs(database.name.clone());
        }
        for table in database.tables.iter().flatten() {
            let is_old = old.tables.as_ref().is_none_or(|tables| tables.contains(table));
            let [before, after] = [before, after].map(|m| m.and_then(|m| m.tables.get(table)));
            if is_old && before != after {
                return differs(format!("{}.{table}", database.name));
            }
        }
    }
    Ok(())
}

/// An edit while running may take objects away and add others, by name. What a job has already keeps its name.
fn check_edit(job: &Job, edited: &ObjectSelection) -> Result<()> {
    let Some(now) = &job.selection else { return Ok(()) };
    let is_other = |database: &String| now.target_database.as_ref() != Some(database);
    if edited.target_database.as_ref().is_some_and(is_other) {
        return Err(Refusal::Unsupported {
            what: "another target_root_db for a job that has run".to_owned(),
            instead: "a job of its own".to_owned(),
        });
    }
    check_appearance(now, edited)?;
    let grows_whole = now.scope != ObjectScope::All && edited.scope == ObjectScope::All;
    if grows_whole && job.task != TaskMode::Incremental {
        return Err(Refusal::Unsupported {
            what: "adding all databases to a job that runs".to_owned(),
            instead: "databases by their names".to_owned(),
        });
    }
    Ok(())
}
