//! A MySQL source's settings, as the data path needs them: its servers, account and TLS.

use tailrace_pipeline::job::{DatabaseTls, MysqlEndpoint, TlsIdentity};

use super::endpoint::{Endpoint, EndpointSecrets};
use super::key_material::{self, Passwords};
use super::refusal::{Refusal, Result};
use super::spec::{needed, needed_secret};

/// Port of a source that names none.
const MYSQL_PORT: u16 = 3306;
/// Servers of one source.
const SERVERS_MAX: usize = 10;

/// A source, ready to connect to.
///
/// # Errors
/// As [`build`].
pub(crate) fn mysql(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<MysqlEndpoint> {
    let port = endpoint.port.filter(|p| *p != 0).unwrap_or(MYSQL_PORT);
    let address = needed(Some(endpoint.address.trim()), "the source's ip")?;
    let mut servers = servers(address, port)?;
    let (host, port) = servers.remove(0);
    Ok(MysqlEndpoint {
        host,
        port,
        others: servers,
        user: needed(endpoint.user.as_deref(), "the source's db_user")?.to_owned(),
        password: needed_secret(secrets.password.as_ref(), "the source's db_password")?,
        tls: tls(endpoint, secrets)?,
    })
}

/// TLS towards a database, if it is wanted.
///
/// # Errors
/// [`Refusal::Invalid`] for certificates that cannot be read, and a check of the name without any.
pub(crate) fn tls(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<Option<DatabaseTls>> {
    let tls = if endpoint.tls.enabled {
        let password = secrets.certificate_password.as_ref();
        let ca_pem = endpoint
            .tls
            .certificate
            .as_deref()
            .filter(|c| !c.is_empty())
            .map(|c| key_material::certificates("ssl_cert_key", c, password))
            .transpose()?;
        // DRS names sources by address and its certificates rarely do: the chain is checked, the
        // name is not unless it is asked for.
        let verify_host = endpoint.tls.verify_host;
        if verify_host && ca_pem.is_none() {
            let allowed =
                "false without ssl_cert_key: without a CA nothing of the certificate is checked";
            return Err(Refusal::invalid("ssl_client.verify_host", "true", allowed));
        }
        Some(DatabaseTls { ca_pem, verify_host, identity: identity(secrets)? })
    } else {
        None
    };
    Ok(tls)
}

/// The certificate and key that a source is shown, if there are some.
fn identity(secrets: &EndpointSecrets) -> Result<Option<TlsIdentity>> {
    let Some(material) = &secrets.key_store else { return Ok(None) };
    let passwords = Passwords {
        store: secrets.key_store_password.as_ref(),
        key: secrets.key_password.as_ref(),
    };
    let field = "ssl_client.key_store_key";
    let (chain_pem, key_pem) = key_material::certificates_and_key(field, material, passwords)?;
    Ok(Some(TlsIdentity { chain_pem, key_pem }))
}

/// Servers of a source: hosts, each with a port of its own or the common one; at least one.
pub(crate) fn servers(address: &str, port: u16) -> Result<Vec<(String, u16)>> {
    let server = |text: &str| {
        let bad = || Refusal::invalid("ip", text, "host[:port], separated by commas");
        // An IPv6 address has more than one colon, and brackets if a port follows.
        let (host, own) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(bad)?)),
            None if text.matches(':').count() == 1 => {
                let (host, own) = text.split_once(':').ok_or_else(bad)?;
                (host, Some(own))
            }
            None => (text, None),
        };
        let port = match own {
            None => port,
            Some(own) => own.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?,
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(bad());
        }
        Ok((host.to_owned(), port))
    };
    let servers: Vec<(String, u16)> =
        address.split(',').map(|text| server(text.trim())).collect::<Result<_>>()?;
    if servers.len() > SERVERS_MAX {
        let allowed = format!("at most {SERVERS_MAX} servers");
        return Err(Refusal::invalid("ip", format!("{} servers", servers.len()), allowed));
    }
    for (place, server) in servers.iter().enumerate() {
        if servers.iter().take(place).any(|other| other == server) {
            let given = format!("{}:{}", server.0, server.1);
            return Err(Refusal::invalid("ip", given, "each server once"));
        }
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_a_port_of_their_own_or_the_common_one() {
        let of = |text: &str| servers(text, 3306).expect("servers");
        let server = |host: &str, port| (host.to_owned(), port);
        assert_eq!(of("db.test"), [server("db.test", 3306)]);
        assert_eq!(
            of("a, b:3307,10.0.0.1"),
            [server("a", 3306), server("b", 3307), server("10.0.0.1", 3306)]
        );
        assert_eq!(
            of("::1,[fe80::1]:3307,[::2]"),
            [server("::1", 3306), server("fe80::1", 3307), server("::2", 3306)]
        );
        let many = (0..=SERVERS_MAX).map(|n| format!("h{n}")).collect::<Vec<_>>().join(",");
        for wrong in
            ["a,,b", "a:0", "a:x", ":3306", "[::1]3306", "a b", "a,a:3306", "a:70000", &many]
        {
            let refusal = servers(wrong, 3306).unwrap_err();
            assert!(matches!(&refusal, Refusal::Invalid { field, .. } if field == "ip"), "{wrong}");
        }
    }
}
