//! Files of jobs whose target is a database: Oracle → GaussDB Distributed.

use serde_json::{Map, Value};
use tailrace_pipeline::job::Limits;
use tailrace_pipeline::mapping::Mappings;
use tailrace_pipeline::plan::JobPlan;

use super::request::{file_base64, put, put_secret};
use super::{JobFile, JobFileError, PartitionWord, Policy, SourceEngine, TopicWord};
use crate::control::database_policy::DatabasePolicy;
use crate::control::endpoint::{DbType, Endpoint, EndpointSecrets, EndpointTls};
use crate::control::policy::PolicyText;
use crate::control::{GaussSettings, check_job_name, gauss_job};

/// Port of a MySQL or TaurusDB that names none.
const MYSQL_PORT: u16 = 3306;
/// Port of a listener of Oracle that is not named.
const ORACLE_PORT: u16 = 1521;

impl JobFile {
    /// What the data path runs, whatever the kinds of source and target. The job's id is its name, so that a later run goes on
    /// where this one ended.
    ///
    /// # Errors
    /// [`JobFileError`] with the field, its value and what is allowed.
    pub fn plan(&self) -> Result<JobPlan, JobFileError> {
        if !self.is_to_gauss() {
            return self.spec().map(JobPlan::from);
        }
        check_job_name(&self.name)?;
        let (source, target) = (self.source_parts()?, self.gauss_parts()?);
        let selection = self.selection();
        let mappings = Mappings { databases: self.mapping.clone() };
        Ok(gauss_job(GaussSettings {
            job_id: self.name.clone(),
            task: self.task.mode(),
            source: (&source.0, &source.1),
            target: (&target.0, &target.1),
            database: self.target.database.as_deref(),
            policy: DatabasePolicy::parse(&self.policy.database_text())?,
            selection: &selection,
            mappings: &mappings,
            rereads: &[],
            limits: Limits::default(),
            parameters: &self.parameters(),
        })?
        .into())
    }

    /// Whether its target is GaussDB.
    pub(super) fn is_to_gauss(&self) -> bool {
        self.source.engine == SourceEngine::Oracle
    }

    pub(super) fn source_port(&self) -> u16 {
        let port = if self.is_to_gauss() { ORACLE_PORT } else { MYSQL_PORT };
        self.source.port.unwrap_or(port)
    }

    /// DRS's `db_name` of the source.
    pub(super) fn source_database(&self) -> Option<String> {
        let service = self.source.service.as_ref().map(|name| format!("serviceName.{name}"));
        let database =
            service.or_else(|| self.source.sid.as_ref().map(|name| format!("sid.{name}")));
        database.map(|name| match &self.source.pluggable {
            Some(pluggable) => format!("{name}/{pluggable}"),
            None => name,
        })
    }

    /// Refuses members that belong to another kind of source or target, and names those that are not there.
    pub(super) fn check_kinds(&self) -> Result<(), JobFileError> {
        let refused = |text: String| Err(JobFileError(text));
        let (source, target) = (&self.source, &self.target);
        let of_gauss = [
            ("source.service", source.service.is_some()),
            ("source.sid", source.sid.is_some()),
            ("source.pluggable", source.pluggable.is_some()),
            ("target.host", target.host.is_some()),
            ("target.port", target.port.is_some()),
            ("target.database", target.database.is_some()),
            ("target.ssl", target.ssl),
            ("target.ssl_ca_file", target.ssl_ca_file.is_some()),
            ("target.ssl_verify_host", target.ssl_verify_host),
            ("policy.conflict_policy", self.policy.conflict_policy.is_some()),
            ("policy.sync_type_policy", self.policy.sync_type_policy.is_some()),
            ("policy.ddl_trans", self.policy.ddl_trans.is_some()),
        ];
        let of_kafka = [
            ("target.brokers", !target.brokers.is_empty()),
            ("target.sasl_mechanism", target.sasl_mechanism.is_some()),
            ("target.oauth", target.oauth.is_some()),
            ("target.trust_store_file", target.trust_store_file.is_some()),
            ("target.key_store_file", target.key_store_file.is_some()),
            ("target.schema_registry", target.schema_registry.is_some()),
            ("policy.topic_policy", self.policy.topic_policy != TopicWord::default()),
            ("policy.partition_policy", self.policy.partition_policy != PartitionWord::default()),
        ];
        let (foreign, engine): (&[(&str, bool)], _) =
            if self.is_to_gauss() { (&of_kafka, "oracle") } else { (&of_gauss, "mysql or taurus") };
        if let Some((field, _)) = foreign.iter().find(|(_, is_given)| *is_given) {
            return refused(format!(
                "{field}: it does not belong to a job whose source.engine is {engine}"
            ));
        }
        if !self.is_to_gauss() {
            return match target.brokers.is_empty() {
                true => refused("target: missing field `brokers`".to_owned()),
                false => Ok(()),
            };
        }
        if source.service.is_some() == source.sid.is_some() {
            return refused("source: one of service and sid is to be given".to_owned());
        }
        let needed = [
            ("host", target.host.is_none()),
            ("database", target.database.is_none()),
            ("user", target.user.is_none()),
            ("password", target.password.is_none()),
        ];
        match needed.iter().find(|(_, is_missing)| *is_missing) {
            Some((field, _)) => refused(format!("target: missing field `{field}`")),
            None => Ok(()),
        }
    }

    fn gauss_parts(&self) -> Result<(Endpoint, EndpointSecrets), JobFileError> {
        let target = &self.target;
        let certificate = target.ssl_ca_file.as_deref();
        let certificate =
            certificate.map(|path| file_base64("target.ssl_ca_file", path)).transpose()?;
        let endpoint = Endpoint {
            address: target.host.clone().unwrap_or_default(),
            port: target.port,
            user: target.user.clone(),
            database: target.database.clone(),
            tls: EndpointTls {
                enabled: target.ssl,
                certificate,
                verify_host: target.ssl_verify_host,
                ..EndpointTls::default()
            },
            ..Endpoint::empty(DbType::GaussDbV5)
        };
        let password = target.password.as_ref();
        let secrets = EndpointSecrets {
            password: password.map(|secret| secret.reveal("target.password")).transpose()?,
            ..EndpointSecrets::default()
        };
        Ok((endpoint, secrets))
    }

    /// The target in v3's form, with its secrets.
    pub(super) fn gauss_endpoint(&self) -> Result<Map<String, Value>, JobFileError> {
        let target = &self.target;
        let mut out = Map::new();
        put(&mut out, "db_type", Some(self.target_type()));
        put(&mut out, "ip", target.host.as_deref());
        put(&mut out, "db_port", target.port);
        put(&mut out, "db_user", target.user.as_deref());
        put(&mut out, "db_name", target.database.as_deref());
        put_secret(&mut out, "db_password", "target.password", target.password.as_ref())?;
        put(&mut out, "ssl_link", Some(target.ssl));
        if let Some(path) = &target.ssl_ca_file {
            put(&mut out, "ssl_cert_key", Some(file_base64("target.ssl_ca_file", path)?));
        }
        if target.ssl_verify_host {
            let mut client = Map::new();
            put(&mut client, "verify_host", Some(true));
            put(&mut out, "ssl_client", Some(client));
        }
        Ok(out)
    }

    /// The policy in v3's form.
    pub fn policy_request(&self, job_id: &str) -> Value {
        if !self.is_to_gauss() {
            return self.policy.kafka_request(job_id);
        }
        let mut out = Map::new();
        put(&mut out, "job_id", Some(job_id));
        put(&mut out, "conflict_policy", self.policy.conflict_policy.as_deref());
        put(&mut out, "sync_type_policy", self.policy.sync_type_policy.as_deref());
        put(&mut out, "ddl_trans", self.policy.ddl_trans);
        Value::Object(out)
    }
}

impl Policy {
    /// The policy of a database in the API's form.
    fn database_text(&self) -> PolicyText {
        let members = [
            ("conflict_policy", &self.conflict_policy),
            ("sync_type_policy", &self.sync_type_policy),
        ];
        let given = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value.clone()?))));
        PolicyText {
            ddl_trans: self.ddl_trans,
            attributes: given.collect(),
            ..PolicyText::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_pipeline::job::OracleDatabase;

    const FILE: &str = r#"
name = "shop-to-gauss"
[source]
engine = "oracle"
host = "ora.example"
service = "pdb1.example"
pluggable = "SALES"
user = "capture"
password = "s3cret"
[target]
host = "cn1,cn2:8001"
database = "shop"
user = "repl"
password = "t0p"
[objects]
SHOP = ["ORDERS", "NOTES"]
[mapping.SHOP]
target = "sales"
tables.ORDERS.target = "orders2"
[policy]
conflict_policy = "stop"
[limits]
chunk_rows_max = 500
datamove_copy_mode = "insert"
datamove_split_partition = false
full_scn = 4711
"#;

    fn error(text: &str) -> String {
        match JobFile::parse(text) {
            Err(e) => e.to_string(),
            Ok(file) => file.plan().unwrap_err().to_string(),
        }
    }

    #[test]
    fn a_file_is_the_same_in_a_run_and_in_requests() {
        let file = JobFile::parse(FILE).unwrap();
        let JobPlan::Gauss(job) = file.plan().unwrap() else { panic!("another link") };
        assert_eq!((job.source.listeners[0].1, job.job_id.as_str()), (1521, "shop-to-gauss"));
        assert_eq!(job.source.database, OracleDatabase::Service("pdb1.example".to_owned()));
        assert_eq!(job.source.pluggable.as_deref(), Some("SALES"));
        assert_eq!(job.target.nodes, [("cn1".to_owned(), 8000), ("cn2".to_owned(), 8001)]);
        assert_eq!(job.target.database, "shop");
        assert_eq!((job.limits.chunk_rows_max, job.limits.inserts_rows), (500, true));
        let names: Vec<String> =
            job.tables.iter().map(|t| format!("{t} {} {}", t.schema, t.target)).collect();
        assert_eq!(names, ["SHOP.ORDERS sales orders2", "SHOP.NOTES sales NOTES"]);
        let made = &file.creation()["jobs"][0];
        assert_eq!(made["engine_type"], "oracle-to-gaussdbv5");
        assert_eq!(made["target_endpoint"]["db_type"], "gaussdbv5");
        assert_eq!(file.source_endpoint().unwrap()["db_name"], "serviceName.pdb1.example/SALES");
        assert_eq!(file.target_endpoint().unwrap()["db_password"], "t0p");
        assert_eq!(file.db_object()["target_root_db"]["db_name"], "shop");
        assert_eq!(file.policy_request("j")["conflict_policy"], "stop");
        assert!(file.policy_request("j").get("topic_policy").is_none());
        assert!(job.apply_definitions);
        let skips = FILE.replace("chunk_rows_max = 500", "skip_all_ddl = 1");
        let skips = JobFile::parse(&skips).unwrap().plan().unwrap();
        assert!(matches!(skips, JobPlan::Gauss(job) if !job.apply_definitions));
    }

    #[test]
    fn what_does_not_belong_together_is_named() {
        for (from, to, wanted) in [
            ("service = \"pdb1.example\"", "", "one of service and sid"),
            ("service = \"pdb1.example\"", "service = \"a b\"", "db_name"),
            ("database = \"shop\"\n", "", "target: missing field `database`"),
            (
                "host = \"cn1,cn2:8001\"",
                "brokers = \"k:9092\"",
                "target.brokers: it does not belong",
            ),
            ("engine = \"oracle\"", "engine = \"mysql\"", "source.service: it does not belong"),
            ("SHOP = [\"ORDERS\", \"NOTES\"]", "SHOP = \"*\"", "SHOP"),
            (
                "conflict_policy = \"stop\"",
                "conflict_policy = \"merge\"",
                "overwrite, ignore or stop",
            ),
            ("\"insert\"", "\"upsert\"", "COPY, INSERT"),
            ("conflict_policy = \"stop\"", "topic_policy = \"one_topic\"", "policy.topic_policy"),
        ] {
            assert!(FILE.contains(from), "{from}");
            let text =
                error(&FILE.replace("tables.ORDERS.target = \"orders2\"", "").replace(from, to));
            assert!(text.contains(wanted), "{to}: {text}");
        }
    }
}
