//! A broker's `server.properties`.

use std::path::Path;

use super::{KafkaOptions, USERS, password};

/// Ports that one broker has.
pub(super) const STRIDE: u16 = 8;

/// A broker's listeners; the number is the distance from the broker's first port.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listener {
    Plaintext = 0,
    Controller = 1,
    Ssl = 2,
    SaslSsl = 3,
    SaslPlaintext = 4,
    /// Where the broker listens for a proxy.
    Proxied = 5,
    /// What it advertises instead: where the proxy listens.
    ProxiedFront = 6,
}

/// A port of a broker; `first` is the cluster's first port, brokers are counted from 1.
pub(super) fn port(first: u16, broker: u16, listener: Listener) -> u16 {
    first + STRIDE * (broker - 1) + listener as u16
}

/// The whole file of one broker.
pub(super) fn server(options: &KafkaOptions, dir: &Path, first: u16, broker: u16) -> String {
    let mut lines = vec![
        "process.roles=broker,controller".to_owned(),
        format!("node.id={broker}"),
        format!("controller.quorum.voters={}", voters(options.brokers, first)),
        format!("log.dirs={}", dir.join(format!("broker-{broker}/data")).display()),
        format!("auto.create.topics.enable={}", options.auto_create_topics),
    ];
    lines.extend(listeners(options, first, broker));
    lines.extend(replication(options.brokers));
    if options.tls {
        let tls = dir.join("tls");
        lines.push("ssl.keystore.type=PEM".to_owned());
        lines.push(format!("ssl.keystore.location={}", tls.join("server-keystore.pem").display()));
        lines.push("ssl.truststore.type=PEM".to_owned());
        lines.push(format!("ssl.truststore.location={}", tls.join("ca.pem").display()));
    }
    if options.mutual_tls {
        lines.push("listener.name.ssl.ssl.client.auth=required".to_owned());
    }
    if options.sasl {
        lines.extend(sasl("sasl_plaintext"));
        lines.extend(sasl("sasl_ssl"));
    }
    if options.acl {
        lines.push(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer"
                .to_owned(),
        );
        // Brokers talk to each other over PLAINTEXT, so without a login.
        lines.push("super.users=User:ANONYMOUS;User:admin".to_owned());
    }
    lines.extend(options.extra.iter().cloned());
    lines.push(String::new());
    lines.join("\n")
}

fn voters(brokers: u16, first: u16) -> String {
    let each = (1..=brokers)
        .map(|broker| format!("{broker}@127.0.0.1:{}", port(first, broker, Listener::Controller)));
    each.collect::<Vec<_>>().join(",")
}

fn listeners(options: &KafkaOptions, first: u16, broker: u16) -> Vec<String> {
    let at = |name: &str, listener| format!("{name}://127.0.0.1:{}", port(first, broker, listener));
    let mut open = vec![at("PLAINTEXT", Listener::Plaintext)];
    if options.tls {
        open.push(at("SSL", Listener::Ssl));
    }
    if options.sasl {
        open.push(at("SASL_PLAINTEXT", Listener::SaslPlaintext));
        if options.tls {
            open.push(at("SASL_SSL", Listener::SaslSsl));
        }
    }
    let named = |address: &String| match address.starts_with("SASL_PLAINTEXT") {
        true => address.replace("127.0.0.1", &options.sasl_host),
        false => address.clone(),
    };
    let mut advertised: Vec<String> = open.iter().map(named).collect();
    open.push(at("CONTROLLER", Listener::Controller));
    if options.proxied {
        open.push(at("PROXIED", Listener::Proxied));
        advertised.push(at("PROXIED", Listener::ProxiedFront));
    }
    vec![
        format!("listeners={}", open.join(",")),
        format!("advertised.listeners={}", advertised.join(",")),
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,\
         SASL_PLAINTEXT:SASL_PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"
            .to_owned(),
        "controller.listener.names=CONTROLLER".to_owned(),
        "inter.broker.listener.name=PLAINTEXT".to_owned(),
    ]
}

fn replication(brokers: u16) -> Vec<String> {
    let in_sync = brokers.saturating_sub(1).max(1);
    let mut lines = vec![
        "num.partitions=1".to_owned(),
        format!("default.replication.factor={brokers}"),
        format!("min.insync.replicas={in_sync}"),
        format!("offsets.topic.replication.factor={brokers}"),
        format!("transaction.state.log.replication.factor={brokers}"),
        format!("transaction.state.log.min.isr={in_sync}"),
        format!("share.coordinator.state.topic.replication.factor={brokers}"),
        format!("share.coordinator.state.topic.min.isr={in_sync}"),
        // Few partitions of the internal topics, and no wait for more members of a group: the
        // first transaction and the first poll of a test come sooner.
        "offsets.topic.num.partitions=8".to_owned(),
        "transaction.state.log.num.partitions=8".to_owned(),
        "share.coordinator.state.topic.num.partitions=8".to_owned(),
        "group.initial.rebalance.delay.ms=0".to_owned(),
        "log.cleaner.dedupe.buffer.size=16777216".to_owned(),
    ];
    if brokers > 1 {
        // A killed broker is noticed in 3 s instead of 9 s.
        lines.push("broker.session.timeout.ms=3000".to_owned());
        lines.push("broker.heartbeat.interval.ms=500".to_owned());
    }
    lines
}

fn sasl(listener: &str) -> Vec<String> {
    const MODULES: &str = "org.apache.kafka.common.security";
    let key = |rest: &str| format!("listener.name.{listener}.{rest}");
    let users: Vec<String> =
        USERS.iter().map(|user| format!("user_{user}=\"{}\"", password(user))).collect();
    let mut lines = vec![
        format!("{}=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", key("sasl.enabled.mechanisms")),
        format!(
            "{}={MODULES}.plain.PlainLoginModule required {};",
            key("plain.sasl.jaas.config"),
            users.join(" "),
        ),
    ];
    for mechanism in ["scram-sha-256", "scram-sha-512"] {
        lines.push(format!(
            "{}={MODULES}.scram.ScramLoginModule required;",
            key(&format!("{mechanism}.sasl.jaas.config")),
        ));
    }
    lines
}
