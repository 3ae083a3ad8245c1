use super::*;

const SMALL: &str = r#"
name = "shop-to-kafka"
[source]
host = "db.example"
user = "repl"
password = "s3cret"
[target]
brokers = "k1:9092,k2:9092"
[objects]
shop = "*"
crm = ["customers", "notes"]
"#;

fn error(text: &str) -> String {
    match JobFile::parse(text) {
        Err(e) => e.to_string(),
        Ok(file) => file.spec().unwrap_err().to_string(),
    }
}

/// [`SMALL`] in the other forms.
const SMALL_YAML: &str = "
name: shop-to-kafka
source:
  host: db.example
  user: repl
  password: s3cret
target: {brokers: 'k1:9092,k2:9092'}
objects:
  shop: '*'
  crm: [customers, notes]
";
const SMALL_JSON: &str = r#"{"name": "shop-to-kafka",
"source": {"host": "db.example", "user": "repl", "password": "s3cret"},
"target": {"brokers": "k1:9092,k2:9092"},
"objects": {"shop": "*", "crm": ["customers", "notes"]}}"#;

#[test]
fn toml_yaml_and_json_say_the_same_and_are_checked_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = JobFile::parse(SMALL).unwrap();
    for (name, text, line) in [
        ("a.toml", SMALL, 4),
        ("a.yaml", SMALL_YAML, 4),
        ("a.yml", SMALL_YAML, 4),
        ("a.json", SMALL_JSON, 2),
    ] {
        let path = dir.path().join(name);
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            JobFile::read(&path)
        };
        let file = read(text).unwrap();
        assert_eq!(file.db_object(), wanted.db_object(), "{name}");
        assert_eq!(file.source_endpoint().unwrap(), wanted.source_endpoint().unwrap(), "{name}");
        assert_eq!(file.creation(), wanted.creation(), "{name}");
        let error = read(&text.replace("host", "hostt")).unwrap_err().to_string();
        assert!(error.contains(&format!("{name}: line {line}: ")), "{error}");
        assert!(error.contains("unknown field `hostt`") && !error.contains("s3cret"), "{error}");
        let bare = text.replace("\"s3cret\"", "55").replace(" s3cret", " 55");
        let error = read(&bare).unwrap_err().to_string();
        assert!(error.contains("VARIABLE") && !error.contains("55"), "{error}");
    }
    let path = dir.path().join("b.yaml");
    std::fs::write(&path, "a: [").unwrap();
    let error = JobFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("b.yaml: line 1"), "{error}");
}

fn with(section: &str, line: &str) -> String {
    SMALL.replace(&format!("[{section}]\n"), &format!("[{section}]\n{line}\n"))
}

#[test]
fn a_small_file_has_the_defaults_of_the_api() {
    let file = JobFile::parse(SMALL).unwrap();
    let spec = file.spec().unwrap();
    assert_eq!((spec.job_id.as_str(), spec.source.port), ("shop-to-kafka", 3306));
    assert!(spec.selection.includes("shop", "anything") && spec.selection.includes("crm", "notes"));
    assert!(!spec.selection.includes("crm", "other"));
    assert_eq!(spec.policy.progress_topic, crate::control::policy::PROGRESS_TOPIC);
    assert!(spec.target.tls.is_none() && spec.target.sasl.is_none());
    let body = file.creation();
    assert_eq!(body["jobs"][0]["task_type"], "FULL_INCR_TRANS");
    assert_eq!(file.source_endpoint().unwrap()["db_password"], "s3cret");
    assert_eq!(file.db_object()["object_info"]["crm"]["tables"]["notes"]["all"], true);
}

#[test]
fn a_mapping_is_the_same_in_a_run_and_in_a_request() {
    let mapping = "[mapping.crm]\ntarget = 'sales'\n[mapping.crm.tables.notes]\ntarget = 'remarks'\n\
                   columns = ['id', 'text']\npartition_columns = ['text']\nrenamed = { text = 'body' }\n\
                   added.at = { operation = 'create_time', type = 'long' }\n\
                   added.home = { operation = 'server_database_table', type = 'varchar(256)', value = 'eu' }\n[policy]\ndml_types = 'i,d'\npartition_policy = 'primary_key'";
    let file = JobFile::parse(&format!("{SMALL}{mapping}")).unwrap();
    let spec = file.spec().unwrap();
    assert_eq!(spec.mappings.names("crm", "notes"), ("sales", "remarks"));
    assert_eq!(spec.mappings.names("crm", "customers"), ("sales", "customers"));
    assert!(spec.policy.kinds.insert && !spec.policy.kinds.update);
    assert_eq!(file.policy_request("j")["dml_types"], "i,d");
    let object = &file.db_object()["object_info"]["crm"];
    assert_eq!(object["name"], "sales");
    assert_eq!(
        object["tables"]["notes"],
        serde_json::json!({"name": "remarks", "type": "table", "all": false, "partition_columns": ["text"], "columns": {
            "id": {"name": "id", "filtered": true}, "text": {"name": "body", "filtered": true},
            "at": {"name": "at", "additional": true, "type": "long", "operation_type": "ADDITIONALCOLUMN,create_time"},
            "home": {"name": "home", "additional": true, "type": "varchar(256)", "value": "eu",
                "operation_type": "ADDITIONALCOLUMN,server_database_table"}}})
    );
    for (mapping, wanted) in [
        ("[mapping.other]\ntarget = 'x'", "objects.other: it is mapped and not selected"),
        ("[mapping.shop.tables.t]\ntarget = 'x'", "objects.shop.t: it is mapped and not named"),
        ("[mapping.shop]\ntarget = 'crm'", "both appear as crm."),
        ("[mapping.shop]\nname = 'x'", "unknown field `name`"),
        ("[policy]\ndml_types = 'insert'", "dml_types"),
        (
            "[mapping.crm.tables.notes]\nadded.at = { operation = 'create_time', type = 'int' }",
            "objects.crm.notes.added.at.type: it is \"int\", allowed is long, datetime, timestamp",
        ),
        ("[mapping.crm.tables.notes]\npartition_columns = ['id']", "needs partition_policy 2"),
    ] {
        let text = error(&format!("{SMALL}{mapping}"));
        assert!(text.contains(wanted), "{text}");
    }
}

#[test]
fn a_filter_and_a_registry_are_the_same_in_a_run_and_in_a_request() {
    let more = "[mapping.crm.tables.notes]\nfilter = \"id > 5 AND state = 'open'\"\n\
                [policy]\nkafka_data_format = 'avro'\nsubject_naming = 'record'\n\
                [target.schema_registry]\nurl = 'http://r:8081/x'\nuser = 'u'\npassword = 'hidden'";
    let file = JobFile::parse(&format!("{SMALL}{more}")).unwrap();
    let spec = file.spec().unwrap();
    let filter = &spec.mappings.databases["crm"].tables["notes"].filter;
    assert_eq!(filter.as_deref(), Some("id > 5 AND state = 'open'"));
    let object = &file.db_object()["object_info"]["crm"]["tables"]["notes"];
    assert_eq!(object["filter_conditions"][0], "id > 5 AND state = 'open'");
    let registry = spec.registry.unwrap();
    assert_eq!((registry.url.as_str(), registry.user.as_deref()), ("http://r:8081/x", Some("u")));
    assert!(registry.password.is_some() && registry.ca_pem.is_none());
    let target = file.target_endpoint().unwrap();
    assert_eq!(
        target["schema_registry"],
        serde_json::json!({"url": "http://r:8081/x", "user": "u", "registry_password": "hidden"})
    );
    assert_eq!(file.policy_request("j")["subject_naming"], "record");
    for (more, wanted) in [
        (
            "[mapping.crm.tables.notes]\nfilter = 'id >'",
            "objects.crm.notes: the filter, character 5",
        ),
        ("[policy]\nkafka_data_format = 'avro'", "needs a schema registry"),
        (
            "[policy]\nkafka_data_format = 'avro'\n[target.schema_registry]\nurl = 'r'",
            "allowed is http",
        ),
        ("[policy]\nsubject_naming = 'x'", "topic, record, topic_record"),
    ] {
        let text = error(&format!("{SMALL}{more}"));
        assert!(text.contains(wanted) && !text.contains("hidden"), "{text}");
    }
}

#[test]
fn words_and_codes_of_policies_are_the_same() {
    let words =
        "[policy]\ntopic_policy = 'one_topic'\ntopic = 't'\npartition_policy = 'primary_key'";
    let codes = "[policy]\ntopic_policy = '0'\ntopic = 't'\npartition_policy = '2'";
    let request = |policy: &str| {
        JobFile::parse(&format!("{SMALL}{policy}")).unwrap().policy_request("j").to_string()
    };
    assert_eq!(request(words), request(codes));
    let spec = JobFile::parse(&format!("{SMALL}{words}")).unwrap().spec().unwrap();
    assert_eq!(spec.policy.topic, tailrace_pipeline::job::TopicPolicy::One("t".into()));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_is_allowed() {
    for (text, wanted) in [
        (SMALL.replace("name = \"shop-to-kafka\"", ""), vec!["missing field `name`"]),
        (with("source", "hots = 'x'"), vec!["line 4", "unknown field `hots`", "`host`"]),
        (with("source", "engine = 'db2'"), vec!["unknown variant `db2`", "`mysql`"]),
        (with("source", "port = 70000"), vec!["line 4", "70000"]),
        (SMALL.replace("shop = \"*\"", "shop = 7"), vec!["\"*\"", "list of tables"]),
        (
            SMALL.replace("[objects]\nshop = \"*\"\ncrm = [\"customers\", \"notes\"]", "[objects]"),
            vec!["no object is selected"],
        ),
        (SMALL.replace("[\"customers\", \"notes\"]", "[]"), vec!["crm", "no table"]),
        (format!("{SMALL}[policy]\ntopic_policy = 'many'"), vec!["`many`", "`per_table`"]),
        (format!("{SMALL}[policy]\ntopic_policy = 'one_topic'"), vec!["topic"]),
        (
            format!("{SMALL}[policy]\npartition_policy = 'database'"),
            vec!["partition_policy", "2 (primary_key)", "with topic_policy 1 (per_table)"],
        ),
        (
            format!("{SMALL}[policy]\nkafka_data_format = 'protobuf'"),
            vec!["kafka_data_format", "protobuf", "json_c"],
        ),
        (format!("{SMALL}[policy]\ndelivery = 'twice'"), vec!["delivery", "twice", "exactly_once"]),
        (
            format!("{SMALL}[policy]\ntopic = 'a b'\ntopic_policy = 'one_topic'"),
            vec!["topic", "a b"],
        ),
        (format!("{SMALL}[limits]\nread_task_num = 99"), vec!["read_task_num", "99", "1 to 32"]),
        (format!("{SMALL}[limits]\nfoo = 1"), vec!["foo", "read_task_num"]),
        (with("target", "security = 'TLS'"), vec!["TLS", "SASL_SSL"]),
        (with("target", "security = 'SASL_SSL'"), vec!["sasl_mechanism"]),
        (
            with("target", "security = 'SASL_SSL'\nsasl_mechanism = 'OAUTHBEARER'"),
            vec!["oauth.token_endpoint_url"],
        ),
        (
            with("target", "trust_store_file = '/nowhere/ca.pem'"),
            vec!["trust_store_file", "/nowhere/ca.pem"],
        ),
        (SMALL.replace("k1:9092,k2:9092", "k1"), vec!["k1", "host:port"]),
        (
            SMALL.replace("\"shop-to-kafka\"", "\"shop-to-kafka\"\ntask = 'incremental'"),
            vec!["start position"],
        ),
    ] {
        let error = error(&text);
        for part in wanted {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }
}

#[test]
fn secrets_come_from_where_they_are_said_to_be_and_are_in_no_error() {
    let from_env = SMALL.replace("\"s3cret\"", "{ env = \"TAILRACE_NO_SUCH_VARIABLE\" }");
    assert!(error(&from_env).contains("source.password"), "{}", error(&from_env));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    std::fs::write(&path, "from file\n").unwrap();
    let from_file = SMALL.replace("\"s3cret\"", &format!("{{ file = \"{}\" }}", path.display()));
    let endpoint = JobFile::parse(&from_file).unwrap().source_endpoint().unwrap();
    assert_eq!(endpoint["db_password"], "from file");
    for bad in ["12345678", "[\"hunter22\"]", "\"hunter22\" \"x\""] {
        let error = error(&SMALL.replace("\"s3cret\"", bad));
        assert!(!error.contains("12345678") && !error.contains("hunter22"), "{error}");
    }
    assert!(!format!("{:?}", JobFile::parse(SMALL).unwrap()).contains("s3cret"));
}

#[test]
fn a_login_with_tokens_is_the_same_for_a_run_and_for_a_server() {
    let target = "[target]\nsecurity = 'SASL_SSL'\nsasl_mechanism = 'OAUTHBEARER'\nuser = 'c'\npassword = 'p'";
    let file = SMALL.replace("[target]", target)
        + "[target.oauth]\ntoken_endpoint_url = 'https://login.example/token'\nextensions = { pool = '1' }\n";
    let file = JobFile::parse(&file).unwrap();
    let spec = file.spec().unwrap();
    let Some(tailrace_pipeline::job::Sasl::OAuthBearer(client)) = spec.target.sasl else {
        panic!("{:?}", spec.target)
    };
    assert_eq!(client.client_id, "c");
    assert_eq!(client.extensions, [("pool".to_owned(), "1".to_owned())]);
    let sent = file.target_endpoint().unwrap();
    let security = &sent["kafka_security_config"];
    assert_eq!(security["oauth"]["token_endpoint_url"], "https://login.example/token");
    assert_eq!(security["oauth"]["extensions"]["pool"], "1");
}
