//! From a stored job of Oracle → GaussDB Distributed to what the data path needs to know.

use std::collections::BTreeMap;

use tailrace_pipeline::job::{
    GaussEndpoint, Limits, OracleDatabase, OracleEndpoint, Selection, TaskType,
};
use tailrace_pipeline::mapping::{Mappings, TableMapping};
use tailrace_pipeline::oracle_gaussdb::{OracleJob, TableChoice};

use super::database_policy::DatabasePolicy;
use super::endpoint::{Endpoint, EndpointSecrets};
use super::job::{Job, TaskMode};
use super::objects::{ObjectScope, ObjectSelection};
use super::refusal::{Refusal, Result};
use super::rereads::{self, JobReread};
use super::secrets::JobSecrets;
use super::source_endpoint::{servers, tls};
use super::spec::{needed, needed_secret};
use super::{node_type, parameter};

/// Port of a listener of Oracle that is not named.
const ORACLE_PORT: u16 = 1521;
/// Port of a coordinator of GaussDB that is not named.
const GAUSS_PORT: u16 = 8000;
/// Database that a connection test uses if none is named.
const GAUSS_DATABASE: &str = "postgres";

/// An Oracle source, ready to connect to.
///
/// # Errors
/// [`Refusal::NotConfigured`] for what is missing, [`Refusal::Invalid`] for what cannot be.
pub(crate) fn oracle(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<OracleEndpoint> {
    let port = endpoint.port.filter(|port| *port != 0).unwrap_or(ORACLE_PORT);
    let address = needed(Some(endpoint.address.trim()), "the source's ip")?;
    let listeners = servers(address, port)?;
    let name = needed(endpoint.database.as_deref(), "the source's db_name (serviceName.NAME)")?;
    let (database, pluggable) = database(name)?;
    Ok(OracleEndpoint {
        listeners,
        database,
        pluggable,
        user: needed(endpoint.user.as_deref(), "the source's db_user")?.to_owned(),
        password: needed_secret(secrets.password.as_ref(), "the source's db_password")?,
        tls: tls(endpoint, secrets)?,
    })
}

/// `serviceName.NAME`, `sid.NAME`, or a service's name as it is; behind a `/` the name of a pluggable database.
fn database(given: &str) -> Result<(OracleDatabase, Option<String>)> {
    let (name, pluggable) = match given.split_once('/') {
        Some((name, pluggable)) => (name, Some(pluggable)),
        None => (given, None),
    };
    let behind = |prefix: &str| {
        let (head, rest) = name.split_once('.')?;
        head.eq_ignore_ascii_case(prefix).then(|| rest.to_owned())
    };
    let database = match (behind("serviceName"), behind("sid")) {
        (_, Some(sid)) => OracleDatabase::Sid(sid),
        (Some(service), None) => OracleDatabase::Service(service),
        (None, None) => OracleDatabase::Service(name.to_owned()),
    };
    let (OracleDatabase::Service(text) | OracleDatabase::Sid(text)) = &database;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '#');
    let fits = |c: char| plain(c) || matches!(c, '.' | '-');
    let is_name = |name: &str| !name.is_empty() && name.chars().all(plain);
    if text.is_empty() || !text.chars().all(fits) || !pluggable.is_none_or(is_name) {
        let allowed = "serviceName.NAME or sid.NAME, of letters, digits, `.`, `_`, `-`, `$` and `#`; behind it \
                       `/PLUGGABLE` if NAME is the root of a container database";
        return Err(Refusal::invalid("db_name", given, allowed));
    }
    Ok((database, pluggable.map(str::to_owned)))
}

/// A target of GaussDB Distributed, ready to connect to; its database is that of the objects, or of the endpoint.
///
/// # Errors
/// As [`oracle`].
pub(crate) fn gauss(
    endpoint: &Endpoint,
    database: Option<&str>,
    secrets: &EndpointSecrets,
) -> Result<GaussEndpoint> {
    let port = endpoint.port.filter(|port| *port != 0).unwrap_or(GAUSS_PORT);
    let address = needed(Some(endpoint.address.trim()), "the target's ip")?;
    let database = database.or(endpoint.database.as_deref()).unwrap_or(GAUSS_DATABASE);
    Ok(GaussEndpoint {
        nodes: servers(address, port)?,
        database: database.to_owned(),
        user: needed(endpoint.user.as_deref(), "the target's db_user")?.to_owned(),
        password: needed_secret(secrets.password.as_ref(), "the target's db_password")?,
        tls: tls(endpoint, secrets)?,
    })
}

/// Checks what a job of this link may select: tables by their names, with other names at most.
///
/// # Errors
/// [`Refusal::Invalid`] for another scope, [`Refusal::Unsupported`] for what differs more than a name does.
pub(crate) fn check_selection(selection: &ObjectSelection) -> Result<()> {
    if selection.scope != ObjectScope::Table {
        let allowed = "table, for a source of Oracle";
        return Err(Refusal::invalid("object_scope", selection.scope.name(), allowed));
    }
    if let Some(whole) = selection.databases.iter().find(|schema| schema.tables.is_none()) {
        let allowed = "tables by their names, for a source of Oracle";
        return Err(Refusal::invalid("object_info", &whole.name, allowed));
    }
    for (schema, mapping) in &selection.mappings.databases {
        for (table, mapping) in &mapping.tables {
            let names_only = TableMapping {
                database: mapping.database.clone(),
                target: mapping.target.clone(),
                ..TableMapping::default()
            };
            if *mapping != names_only {
                return Err(Refusal::Unsupported {
                    what: format!("filters and columns of {schema}.{table}"),
                    instead: "other names of schemas and tables".to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// What a run is made of, without the job's life around it.
pub struct GaussSettings<'a> {
    /// The job's id, by which the target knows it.
    pub job_id: String,
    /// Phases.
    pub task: TaskMode,
    /// Source with its secrets.
    pub source: (&'a Endpoint, &'a EndpointSecrets),
    /// Target with its secrets.
    pub target: (&'a Endpoint, &'a EndpointSecrets),
    /// Database at the target.
    pub database: Option<&'a str>,
    /// Policy.
    pub policy: DatabasePolicy,
    /// Objects.
    pub selection: &'a Selection,
    /// Their names at the target.
    pub mappings: &'a Mappings,
    /// Tables that were added since the job began and are still to be told of.
    pub rereads: &'a [JobReread],
    /// Bounds where no parameter says more.
    pub limits: Limits,
    /// Parameters that were set.
    pub parameters: &'a BTreeMap<String, String>,
}

/// Builds what the data path needs, from settings alone.
///
/// # Errors
/// [`Refusal::NotConfigured`] for what is missing, [`Refusal::Invalid`] and [`Refusal::Unsupported`] for what cannot be.
pub fn gauss_job(settings: GaussSettings<'_>) -> Result<OracleJob> {
    let mut limits = settings.limits;
    for (name, value) in settings.parameters {
        parameter::apply(name, value, &mut limits)?;
    }
    if let Some(whole) = settings.selection.databases.iter().find(|schema| schema.tables.is_none())
    {
        let allowed = "tables by their names, for a source of Oracle";
        return Err(Refusal::invalid("object_info", &whole.name, allowed));
    }
    let what = "the target's database (db_name, or target_root_db.db_name of the objects)";
    let database = needed(settings.database, what)?;
    Ok(OracleJob {
        job_id: settings.job_id,
        task: match settings.task {
            TaskMode::Full => TaskType::Full,
            TaskMode::FullIncremental => TaskType::FullIncremental,
            TaskMode::Incremental => TaskType::Incremental,
        },
        source: oracle(settings.source.0, settings.source.1)?,
        target: gauss(settings.target.0, Some(database), settings.target.1)?,
        tables: tables(settings.selection, settings.mappings),
        rereads: rereads::of_spec(settings.rereads, |database, table| {
            settings.selection.includes(database, table)
        }),
        conflict: settings.policy.conflict.into(),
        make_structure: settings.policy.structure,
        make_indexes: settings.policy.indexes,
        apply_definitions: settings.policy.apply_ddl && !limits.skips_definitions,
        limits,
    })
}

/// What the data path of a stored job needs.
///
/// # Errors
/// As [`gauss_job`].
pub(crate) fn plan(
    job: &Job,
    selection: &Selection,
    mappings: &Mappings,
    secrets: &JobSecrets,
) -> Result<OracleJob> {
    let database = job.selection.as_ref().and_then(|chosen| chosen.target_database.as_deref());
    gauss_job(GaussSettings {
        job_id: job.id.clone(),
        task: job.task,
        source: (&job.source, &secrets.source),
        target: (&job.target, &secrets.target),
        database: database.or(job.target.database.as_deref()),
        policy: job.policy.as_ref().and_then(|policy| policy.database.clone()).unwrap_or_default(),
        selection,
        mappings,
        rereads: &job.rereads,
        limits: node_type::limits(node_type::of(&job.attributes)),
        parameters: &job.parameters,
    })
}

/// The selected tables with their names at the target.
fn tables(selection: &Selection, mappings: &Mappings) -> Vec<TableChoice> {
    let mut choices = Vec::new();
    for schema in &selection.databases {
        let mapping = mappings.databases.get(&schema.name);
        for table in schema.tables.iter().flatten() {
            let own = mapping.and_then(|mapping| mapping.tables.get(table));
            let of_schema = mapping.and_then(|mapping| mapping.target.clone());
            let of_table = own.and_then(|own| own.database.clone());
            let target = own.and_then(|own| own.target.clone());
            choices.push(TableChoice {
                owner: schema.name.clone(),
                name: table.clone(),
                schema: of_table.or(of_schema).unwrap_or_else(|| schema.name.clone()),
                target: target.unwrap_or_else(|| table.clone()),
            });
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_service_or_a_sid() {
        let service = |name: &str| (OracleDatabase::Service(name.to_owned()), None);
        let sid = |name: &str| OracleDatabase::Sid(name.to_owned());
        assert_eq!(
            database("serviceName.cdb1.example.com/ORCLPDB1").unwrap(),
            (OracleDatabase::Service("cdb1.example.com".to_owned()), Some("ORCLPDB1".to_owned()))
        );
        assert_eq!(database("serviceName.orcl").unwrap(), service("orcl"));
        assert_eq!(database("SERVICENAME.pdb1.example.com").unwrap(), service("pdb1.example.com"));
        assert_eq!(database("sid.ORCL").unwrap(), (sid("ORCL"), None));
        assert_eq!(database("pdb1.example.com").unwrap(), service("pdb1.example.com"));
        for wrong in
            ["", "sid.", "serviceName.", "a b", "x)(HOST=y", "a/", "/b", "a/b c", "a/b.c", "a/b/c"]
        {
            let refusal = database(wrong).unwrap_err();
            assert!(
                matches!(refusal, Refusal::Invalid { field, .. } if field == "db_name"),
                "{wrong}"
            );
        }
    }
}
