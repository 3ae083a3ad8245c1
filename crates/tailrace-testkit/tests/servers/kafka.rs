//! Kafka, seen through its own tools.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tailrace_testkit::chaos::ChaosProxy;
use tailrace_testkit::env;
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions, password};
use tailrace_testkit::wait;

/// Client settings in a file, as Kafka's tools want them.
fn settings(cluster: &KafkaCluster, name: &str, lines: &[String]) -> String {
    let file: PathBuf = cluster.dir().join(name);
    fs::write(&file, lines.join("\n")).unwrap();
    file.display().to_string()
}

#[test]
fn sasl_over_tls_lets_the_right_password_in_and_no_other() {
    let cluster = KafkaCluster::start(env::shared_kafka_options()).unwrap();
    cluster.create_topic("t", 3).unwrap();
    let attempt = |mechanism: &str, module: &str, password: &str| {
        let lines = [
            "security.protocol=SASL_SSL".to_owned(),
            format!("ssl.truststore.location={}", cluster.tls_dir().join("ca.pem").display()),
            "ssl.truststore.type=PEM".to_owned(),
            format!("sasl.mechanism={mechanism}"),
            format!(
                "sasl.jaas.config=org.apache.kafka.common.security.{module} required \
                 username=\"alice\" password=\"{password}\";"
            ),
        ];
        let config = settings(&cluster, "client.properties", &lines);
        let server = cluster.bootstrap_sasl_ssl();
        let args = ["--bootstrap-server", server.as_str(), "--command-config", &config, "--list"];
        cluster.tool_with("topics", &args)
    };
    let good = password("alice");
    let scram = "scram.ScramLoginModule";
    assert_eq!(attempt("SCRAM-SHA-512", scram, &good).unwrap(), "t\n");
    assert_eq!(attempt("SCRAM-SHA-256", scram, &good).unwrap(), "t\n");
    assert_eq!(attempt("PLAIN", "plain.PlainLoginModule", &good).unwrap(), "t\n");
    let refused = attempt("SCRAM-SHA-512", scram, "wrong").unwrap_err().to_string();
    assert!(refused.contains("Authentication failed"), "{refused}");
}

#[test]
fn mutual_tls_wants_the_clients_certificate() {
    let cluster = KafkaCluster::start(KafkaOptions {
        tls: true,
        mutual_tls: true,
        ..KafkaOptions::default()
    })
    .unwrap();
    cluster.create_topic("t", 1).unwrap();
    let tls = cluster.tls_dir();
    let mut lines = vec![
        "security.protocol=SSL".to_owned(),
        format!("ssl.truststore.location={}", tls.join("ca.pem").display()),
        "ssl.truststore.type=PEM".to_owned(),
    ];
    let attempt = |lines: &[String]| {
        let config = settings(&cluster, "client.properties", lines);
        let server = cluster.bootstrap_ssl();
        let args = ["--bootstrap-server", server.as_str(), "--command-config", &config, "--list"];
        cluster.tool_with("topics", &args)
    };
    assert!(attempt(&lines).is_err());
    let mut store = fs::read_to_string(tls.join("client.key")).unwrap();
    store.push_str(&fs::read_to_string(tls.join("client.pem")).unwrap());
    fs::write(tls.join("client-keystore.pem"), store).unwrap();
    lines.push("ssl.keystore.type=PEM".to_owned());
    lines.push(format!("ssl.keystore.location={}", tls.join("client-keystore.pem").display()));
    assert_eq!(attempt(&lines).unwrap(), "t\n");
}

#[test]
fn three_brokers_survive_the_crash_of_one() {
    let _alone = env::alone();
    let mut cluster =
        KafkaCluster::start(KafkaOptions { brokers: 3, ..KafkaOptions::default() }).unwrap();
    cluster.create_topic("t", 3).unwrap();
    let pid = cluster.process(1).unwrap().pid();
    cluster.kill(1).unwrap();
    let leaders_of = |cluster: &KafkaCluster| {
        cluster.tool("topics", &["--describe", "--topic", "t"]).unwrap_or_default()
    };
    wait::until_true("all partitions led by brokers 2 and 3", Duration::from_secs(60), || {
        let leaders = leaders_of(&cluster);
        leaders.matches("Leader: ").count() == 3 && !leaders.contains("Leader: 1")
    });
    cluster.restart(1).unwrap();
    assert_ne!(cluster.process(1).unwrap().pid(), pid);
    wait::until_true("broker 1 in sync again", Duration::from_secs(60), || {
        leaders_of(&cluster).lines().filter(|line| line.contains("Leader: ")).all(|line| {
            let in_sync = line.split("Isr: ").nth(1).unwrap_or_default();
            in_sync.split_whitespace().next().is_some_and(|list| list.contains('1'))
        })
    });
}

#[test]
fn a_proxied_listener_leads_clients_through_the_proxy() {
    let cluster =
        KafkaCluster::start(KafkaOptions { proxied: true, ..KafkaOptions::default() }).unwrap();
    cluster.create_topic("t", 1).unwrap();
    let [(front, back)] = cluster.proxied_ports()[..] else { panic!("one broker") };
    let proxy = ChaosProxy::start_on(front, &format!("127.0.0.1:{back}")).unwrap();
    let server = proxy.address();
    let args = ["--bootstrap-server", server.as_str(), "--describe", "--topic", "t"];
    let described = cluster.tool_with("topics", &args).unwrap();
    assert!(described.contains("PartitionCount: 1"), "{described}");
    // The first connection asks for the brokers, the second goes to the one advertised.
    assert!(proxy.accepted() >= 2, "{}", proxy.accepted());
}

#[test]
fn without_auto_creation_an_unknown_topic_stays_unknown() {
    let cluster = KafkaCluster::start(KafkaOptions {
        auto_create_topics: false,
        extra: vec!["message.max.bytes=4096".to_owned()],
        ..KafkaOptions::default()
    })
    .unwrap();
    let args = ["--describe", "--all", "--entity-type", "brokers", "--entity-name", "1"];
    let settings = cluster.tool("configs", &args).unwrap();
    assert!(settings.contains("auto.create.topics.enable=false"), "{settings}");
    assert!(settings.contains("message.max.bytes=4096"), "{settings}");
}
