//! How a job logs in at Kafka: which mechanisms there are and what each needs.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tailrace_pipeline::job::{OAuthClient, PasswordMechanism, Sasl};

use super::endpoint::{Endpoint, EndpointSecrets, KafkaSecurity};
use super::key_material;
use super::refusal::{Refusal, Result};
use super::spec::{needed, needed_secret};

/// Names of all mechanisms.
const MECHANISMS: &str = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI";
/// First part of the brokers' principals, where none is given: what Kafka's own documentation has.
const SERVICE_NAME: &str = "kafka";
/// Longest address, scope, service name, and name or value of an extension, bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// Most extensions.
const EXTENSIONS_MAX: usize = 16;

/// The OAuth 2.0 server whose tokens log in at Kafka; the client's id and secret are the endpoint's user and password.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OAuthSettings {
    /// Where tokens are asked for.
    pub token_endpoint_url: String,
    /// What is asked for.
    pub scope: Option<String>,
    /// What the brokers are told beside the token.
    pub extensions: BTreeMap<String, String>,
    /// CA certificates, PEM or Base64 of PEM, as given; the system's if `None`.
    pub ca: Option<String>,
}

/// The login of an endpoint whose protocol has one.
///
/// # Errors
/// [`Refusal::Missing`] and [`Refusal::NotConfigured`] for what may follow later, [`Refusal::Invalid`] for what cannot be.
pub(super) fn login(
    endpoint: &Endpoint,
    security: &KafkaSecurity,
    secrets: &EndpointSecrets,
) -> Result<Sasl> {
    if security.delegation_tokens == Some(true) {
        let instead = "false: log in with the user and password that the token stands for";
        return Err(Refusal::invalid(field("delegation_tokens"), true, instead));
    }
    let mechanism = match security.sasl_mechanism.as_deref() {
        Some("PLAIN") => PasswordMechanism::Plain,
        Some("SCRAM-SHA-256") => PasswordMechanism::ScramSha256,
        Some("SCRAM-SHA-512") => PasswordMechanism::ScramSha512,
        Some("OAUTHBEARER") => return oauth(endpoint, security, secrets).map(Sasl::OAuthBearer),
        Some("GSSAPI") => return kerberos(security),
        None | Some("") => return Err(Refusal::Missing { field: field("sasl_mechanism") }),
        Some(other) => return Err(Refusal::invalid(field("sasl_mechanism"), other, MECHANISMS)),
    };
    let (user, password) = account(endpoint, secrets)?;
    Ok(Sasl::Password { mechanism, user, password })
}

fn field(name: &str) -> String {
    format!("kafka_security_config.{name}")
}

fn account(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<(String, SecretString)> {
    let user = needed(endpoint.user.as_deref(), "the target's db_user")?;
    let password = needed_secret(secrets.password.as_ref(), "the target's db_password")?;
    Ok((user.to_owned(), password))
}

fn oauth(
    endpoint: &Endpoint,
    security: &KafkaSecurity,
    secrets: &EndpointSecrets,
) -> Result<OAuthClient> {
    let missing = || Refusal::Missing { field: field("oauth.token_endpoint_url") };
    let settings = security.oauth.as_ref().ok_or_else(missing)?;
    if settings.token_endpoint_url.is_empty() {
        return Err(missing());
    }
    check_url(&settings.token_endpoint_url)?;
    if let Some(scope) = &settings.scope {
        check_text("oauth.scope", scope)?;
    }
    check_extensions(&settings.extensions)?;
    let ca_pem = settings
        .ca
        .as_deref()
        .map(|ca| key_material::certificates(&field("oauth.ca"), ca, None))
        .transpose()?;
    let (client_id, client_secret) = account(endpoint, secrets)?;
    Ok(OAuthClient {
        token_url: settings.token_endpoint_url.clone(),
        client_id,
        client_secret,
        scope: settings.scope.clone(),
        extensions: settings.extensions.clone().into_iter().collect(),
        ca_pem,
    })
}

fn check_url(url: &str) -> Result<()> {
    let allowed = "http(s)://host[:port][/path], without user and password";
    let is_one = reqwest::Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
    });
    // The value is not shown: it may have a password in it.
    if !is_one || url.len() > TEXT_BYTES_MAX {
        return Err(Refusal::invalid(field("oauth.token_endpoint_url"), "(not shown)", allowed));
    }
    Ok(())
}

fn check_text(name: &str, text: &str) -> Result<()> {
    if text.len() > TEXT_BYTES_MAX || text.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
        let allowed = format!("at most {TEXT_BYTES_MAX} printable ASCII characters");
        return Err(Refusal::invalid(field(name), text, allowed));
    }
    Ok(())
}

/// By RFC 7628, 3.1, a name has only letters, and `auth` is the token's own. The client library takes all of them in one
/// text with commas between.
fn check_extensions(extensions: &BTreeMap<String, String>) -> Result<()> {
    let name = "oauth.extensions";
    if extensions.len() > EXTENSIONS_MAX {
        let allowed = format!("at most {EXTENSIONS_MAX}");
        return Err(Refusal::invalid(field(name), format!("{} names", extensions.len()), allowed));
    }
    for (key, value) in extensions {
        let is_name = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphabetic());
        if !is_name || key == "auth" || key.len() > TEXT_BYTES_MAX {
            return Err(Refusal::invalid(field(name), key, "names of letters, but not auth"));
        }
        check_text(name, value)?;
        if value.is_empty() || value.contains(',') {
            let allowed = "values that are not empty and have no comma";
            return Err(Refusal::invalid(field(name), format!("{key}: {value}"), allowed));
        }
    }
    Ok(())
}

fn kerberos(security: &KafkaSecurity) -> Result<Sasl> {
    if !tailrace_pipeline::HAS_KERBEROS {
        let allowed = format!("{MECHANISMS}; this tailrace was built without the feature kerberos");
        return Err(Refusal::invalid(field("sasl_mechanism"), "GSSAPI", allowed));
    }
    let name = security.kerberos_service_name.as_deref().unwrap_or(SERVICE_NAME);
    let is_one = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > TEXT_BYTES_MAX || !name.bytes().all(is_one) {
        let allowed = "the part of the brokers' principals before the slash";
        return Err(Refusal::invalid(field("kerberos_service_name"), name, allowed));
    }
    Ok(Sasl::Kerberos { service_name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::DbType;
    use super::*;

    fn of(change: impl FnOnce(&mut KafkaSecurity)) -> Result<Sasl> {
        let mut endpoint = Endpoint::empty(DbType::Kafka);
        endpoint.user = Some("tailrace".to_owned());
        let password = Some(SecretString::from("hunter2"));
        let secrets = EndpointSecrets { password, ..EndpointSecrets::default() };
        let mut security = KafkaSecurity {
            sasl_mechanism: Some("OAUTHBEARER".to_owned()),
            oauth: Some(Box::new(OAuthSettings {
                token_endpoint_url: "https://login.example/token".to_owned(),
                ..OAuthSettings::default()
            })),
            ..KafkaSecurity::default()
        };
        change(&mut security);
        login(&endpoint, &security, &secrets)
    }

    fn refused(change: impl FnOnce(&mut OAuthSettings)) -> (String, String) {
        let answer = of(|security| change(security.oauth.as_mut().unwrap()));
        let Err(Refusal::Invalid { field, value, .. }) = answer else { panic!("{answer:?}") };
        (field, value)
    }

    #[test]
    fn tokens_come_from_the_server_that_is_named() {
        let login = of(|security| {
            let oauth = security.oauth.as_mut().unwrap();
            oauth.extensions = [("logicalCluster".to_owned(), "lkc-1".to_owned())].into();
        });
        let Ok(Sasl::OAuthBearer(client)) = login else { panic!("{login:?}") };
        assert_eq!(client.token_url, "https://login.example/token");
        assert_eq!(client.extensions, [("logicalCluster".to_owned(), "lkc-1".to_owned())]);
        let missing = of(|security| security.oauth = None);
        assert!(matches!(missing, Err(Refusal::Missing { field }) if field.ends_with("_url")));
    }

    #[test]
    fn settings_that_cannot_be_are_named_and_passwords_in_addresses_not_shown() {
        let extension = |name: &str, value: &str| {
            refused(|oauth| oauth.extensions = [(name.to_owned(), value.to_owned())].into()).0
        };
        for (name, value) in [("auth", "x"), ("a b", "x"), ("", "x"), ("a", ""), ("a", "b,c")] {
            assert_eq!(extension(name, value), "kafka_security_config.oauth.extensions");
        }
        for url in ["login.example", "ftp://login.example", "https://a:hunter2@login.example/"] {
            let (field, value) = refused(|oauth| oauth.token_endpoint_url = url.to_owned());
            assert_eq!(field, "kafka_security_config.oauth.token_endpoint_url");
            assert!(!value.contains("hunter2"));
        }
        let (field, _) = refused(|oauth| oauth.scope = Some("a\nb".to_owned()));
        assert_eq!(field, "kafka_security_config.oauth.scope");
        let (field, _) = refused(|oauth| oauth.ca = Some("no certificate".to_owned()));
        assert_eq!(field, "kafka_security_config.oauth.ca");
    }

    #[test]
    fn kerberos_needs_its_feature_and_delegation_tokens_are_refused() {
        let login = of(|security| security.sasl_mechanism = Some("GSSAPI".to_owned()));
        match login {
            Ok(Sasl::Kerberos { service_name }) if tailrace_pipeline::HAS_KERBEROS => {
                assert_eq!(service_name, "kafka");
            }
            Err(Refusal::Invalid { allowed, .. }) if !tailrace_pipeline::HAS_KERBEROS => {
                assert!(allowed.contains("feature kerberos"), "{allowed}");
            }
            other => panic!("{other:?}"),
        }
        let login = of(|security| security.delegation_tokens = Some(true));
        assert!(matches!(login, Err(Refusal::Invalid { field, .. }) if field.ends_with("_tokens")),);
    }
}
