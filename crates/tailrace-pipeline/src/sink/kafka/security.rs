//! librdkafka's settings for an endpoint: addresses, TLS and login.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use secrecy::ExposeSecret as _;

use crate::error::{Error, ErrorKind, Result};
use crate::job::{KafkaEndpoint, KafkaTls, OAuthClient, PasswordMechanism, Sasl};

/// Brokers in a bootstrap list, as DRS allows.
const BROKERS_MAX: usize = 10;
/// Longest pause between two attempts to reach a broker, milliseconds.
const RECONNECT_MS_MAX: &str = "1000";

/// Settings that every client of an endpoint has.
///
/// # Errors
/// `Configuration` for a broker list or TLS material that cannot work.
pub(crate) fn client_config(endpoint: &KafkaEndpoint) -> Result<ClientConfig> {
    check_brokers(&endpoint.brokers)?;
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", endpoint.brokers.replace(' ', ""))
        .set("client.id", "tailrace")
        // Topics are made by the job's policy or not at all, never by a look-up.
        .set("allow.auto.create.topics", "false")
        // The brokers get no telemetry, for which every connection would keep histograms of a third of a megabyte.
        .set("enable.metrics.push", "false")
        .set("reconnect.backoff.max.ms", RECONNECT_MS_MAX)
        .set("socket.keepalive.enable", "true")
        // Commits are small requests that wait for each other; they must not wait for more bytes.
        .set("socket.nagle.disable", "true")
        .set_log_level(RDKafkaLogLevel::Info);
    let protocol = match (&endpoint.tls, &endpoint.sasl) {
        (None, None) => "PLAINTEXT",
        (Some(_), None) => "SSL",
        (None, Some(_)) => "SASL_PLAINTEXT",
        (Some(_), Some(_)) => "SASL_SSL",
    };
    config.set("security.protocol", protocol);
    if let Some(sasl) = &endpoint.sasl {
        set_sasl(&mut config, sasl)?;
    }
    if let Some(tls) = &endpoint.tls {
        set_tls(&mut config, tls)?;
    }
    Ok(config)
}

fn set_sasl(config: &mut ClientConfig, sasl: &Sasl) -> Result<()> {
    match sasl {
        Sasl::Password { mechanism, user, password } => {
            if user.is_empty() {
                return Err(bad("db_user: empty; SASL needs a user"));
            }
            let mechanism = match mechanism {
                PasswordMechanism::Plain => "PLAIN",
                PasswordMechanism::ScramSha256 => "SCRAM-SHA-256",
                PasswordMechanism::ScramSha512 => "SCRAM-SHA-512",
            };
            config
                .set("sasl.mechanism", mechanism)
                .set("sasl.username", user)
                .set("sasl.password", password.expose_secret());
        }
        Sasl::OAuthBearer(client) => set_oauth(config, client)?,
        Sasl::Kerberos { service_name } => set_kerberos(config, service_name)?,
    }
    Ok(())
}

/// The library asks for tokens itself, on a thread of its own, anew before they expire.
fn set_oauth(config: &mut ClientConfig, client: &OAuthClient) -> Result<()> {
    if client.client_id.is_empty() {
        return Err(bad("db_user: empty; OAUTHBEARER needs the client's id"));
    }
    config
        .set("sasl.mechanism", "OAUTHBEARER")
        .set("sasl.oauthbearer.method", "oidc")
        .set("sasl.oauthbearer.token.endpoint.url", &client.token_url)
        .set("sasl.oauthbearer.client.id", &client.client_id)
        .set("sasl.oauthbearer.client.secret", client.client_secret.expose_secret());
    if let Some(scope) = &client.scope {
        config.set("sasl.oauthbearer.scope", scope);
    }
    if !client.extensions.is_empty() {
        let each = client.extensions.iter().map(|(name, value)| format!("{name}={value}"));
        config.set("sasl.oauthbearer.extensions", each.collect::<Vec<_>>().join(","));
    }
    match &client.ca_pem {
        Some(pem) => {
            check_pem("kafka_security_config.oauth.ca", pem, "CERTIFICATE-----")?;
            config.set("https.ca.pem", pem);
        }
        None => {
            config.set("https.ca.location", "probe");
        }
    }
    Ok(())
}

/// Tickets are those of the process, from its cache or its client keytab: Kerberos has no others inside of one process.
fn set_kerberos(config: &mut ClientConfig, service_name: &str) -> Result<()> {
    if !crate::HAS_KERBEROS {
        return Err(bad(
            "kafka_security_config.sasl_mechanism: GSSAPI needs a tailrace that was built with the feature `kerberos`",
        ));
    }
    config
        .set("sasl.mechanism", "GSSAPI")
        .set("sasl.kerberos.service.name", service_name)
        // The library's own way to get tickets is a shell command, which would need the keytab in a file of this job.
        .set("sasl.kerberos.min.time.before.relogin", "0");
    Ok(())
}

fn set_tls(config: &mut ClientConfig, tls: &KafkaTls) -> Result<()> {
    let verify = if tls.verify_host { "https" } else { "none" };
    config.set("ssl.endpoint.identification.algorithm", verify);
    match &tls.ca_pem {
        Some(pem) => {
            check_pem("trust_store_key", pem, "CERTIFICATE-----")?;
            config.set("ssl.ca.pem", pem);
        }
        // The places where distributions keep the CAs of the system.
        None => {
            config.set("ssl.ca.location", "probe");
        }
    }
    match (&tls.certificate_pem, &tls.key_pem) {
        (None, None) => {}
        (Some(certificate), Some(key)) => {
            check_pem("key_store_key", certificate, "CERTIFICATE-----")?;
            check_pem("key_store_key", key.expose_secret(), "PRIVATE KEY-----")?;
            config.set("ssl.certificate.pem", certificate).set("ssl.key.pem", key.expose_secret());
        }
        (Some(_), None) => return Err(bad("key_store_key: a certificate without its private key")),
        (None, Some(_)) => return Err(bad("key_store_key: a private key without a certificate")),
    }
    Ok(())
}

/// Tells a wrong file from a refused one: librdkafka's own text for this is an OpenSSL error queue.
fn check_pem(field: &str, pem: &str, label: &str) -> Result<()> {
    let begins = pem.lines().any(|l| l.trim().starts_with("-----BEGIN ") && l.contains(label));
    if begins {
        return Ok(());
    }
    Err(bad(format!("{field}: no PEM block that ends in \"{label}\"")))
}

fn check_brokers(brokers: &str) -> Result<()> {
    let list: Vec<&str> = brokers.split(',').map(str::trim).filter(|b| !b.is_empty()).collect();
    if list.is_empty() || list.len() > BROKERS_MAX {
        return Err(bad(format!(
            "ip: {} brokers; 1 to {BROKERS_MAX} as host:port, separated by commas",
            list.len()
        )));
    }
    for broker in list {
        let port = broker
            .rsplit_once(':')
            .filter(|(host, _)| !host.is_empty())
            .and_then(|(_, port)| port.parse::<u16>().ok())
            .filter(|port| *port > 0);
        if port.is_none() {
            return Err(bad(format!("ip: {broker:?} is not host:port with a port of 1 to 65535")));
        }
    }
    Ok(())
}

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, text)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn endpoint(brokers: &str) -> KafkaEndpoint {
        KafkaEndpoint { brokers: brokers.into(), sasl: None, tls: None }
    }

    #[test]
    fn broker_lists_are_checked_by_entry() {
        for good in ["a:1", "a:9092, b:9092,", "[::1]:9092", "10.0.0.1:65535"] {
            client_config(&endpoint(good)).unwrap();
        }
        let eleven = ["a:1"; 11].join(",");
        for bad in ["", ",", "a", "a:", ":9092", "a:0", "a:65536", "a:9092,b", eleven.as_str()] {
            let error = client_config(&endpoint(bad)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
            assert!(error.message().starts_with("ip: "), "{error}");
        }
    }

    #[test]
    fn protocol_follows_from_what_is_given() {
        let sasl = Sasl::Password {
            mechanism: PasswordMechanism::ScramSha512,
            user: "alice".into(),
            password: SecretString::from("hunter2"),
        };
        let mut endpoint = endpoint("a:1");
        let protocol = |e: &KafkaEndpoint| {
            client_config(e).unwrap().get("security.protocol").map(str::to_owned).unwrap()
        };
        assert_eq!(protocol(&endpoint), "PLAINTEXT");
        endpoint.sasl = Some(sasl);
        assert_eq!(protocol(&endpoint), "SASL_PLAINTEXT");
        endpoint.tls = Some(KafkaTls::default());
        assert_eq!(protocol(&endpoint), "SASL_SSL");
        let config = client_config(&endpoint).unwrap();
        assert_eq!(config.get("ssl.ca.location"), Some("probe"));
        assert_eq!(config.get("ssl.endpoint.identification.algorithm"), Some("none"));
        assert_eq!(config.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
        assert!(!format!("{config:?}{endpoint:?}").contains("hunter2"));
        endpoint.sasl = None;
        assert_eq!(protocol(&endpoint), "SSL");
    }

    #[test]
    fn a_client_of_an_oauth_server_is_passed_on_without_its_secret_being_shown() {
        let client = OAuthClient {
            token_url: "https://login.example/token".into(),
            client_id: "tailrace".into(),
            client_secret: SecretString::from("hunter2"),
            scope: Some("kafka".into()),
            extensions: vec![
                ("logicalCluster".into(), "lkc-1".into()),
                ("identityPoolId".into(), "pool-2".into()),
            ],
            ca_pem: None,
        };
        let endpoint =
            KafkaEndpoint { sasl: Some(Sasl::OAuthBearer(client.clone())), ..endpoint("a:1") };
        let config = client_config(&endpoint).unwrap();
        assert_eq!(config.get("security.protocol"), Some("SASL_PLAINTEXT"));
        let extensions = config.get("sasl.oauthbearer.extensions");
        assert_eq!(extensions, Some("logicalCluster=lkc-1,identityPoolId=pool-2"));
        assert!(!format!("{config:?}{endpoint:?}").contains("hunter2"));
        let bad = OAuthClient { ca_pem: Some("MIIC".into()), ..client.clone() };
        let error = set_oauth(&mut ClientConfig::new(), &bad).unwrap_err();
        assert!(error.message().starts_with("kafka_security_config.oauth.ca: "), "{error}");
        let nobody = OAuthClient { client_id: String::new(), ..client };
        let error = set_oauth(&mut ClientConfig::new(), &nobody).unwrap_err();
        assert!(error.message().starts_with("db_user: "), "{error}");
    }

    #[test]
    fn tls_material_that_cannot_work_is_named() {
        const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
        let of = |tls: KafkaTls| {
            client_config(&KafkaEndpoint { tls: Some(tls), ..endpoint("a:1") }).unwrap_err()
        };
        let error = of(KafkaTls { ca_pem: Some("MIIC".into()), ..KafkaTls::default() });
        assert!(error.message().starts_with("trust_store_key: "), "{error}");
        let error =
            of(KafkaTls { certificate_pem: Some(CERTIFICATE.into()), ..KafkaTls::default() });
        assert!(error.message().contains("without its private key"), "{error}");
        let error = of(KafkaTls {
            certificate_pem: Some(CERTIFICATE.into()),
            key_pem: Some(SecretString::from("hunter2")),
            ..KafkaTls::default()
        });
        assert!(error.message().contains("PRIVATE KEY-----"), "{error}");
        assert!(!error.message().contains("hunter2"), "{error}");
    }
}
