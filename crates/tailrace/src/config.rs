//! Configuration of the server: defaults, then the file, then the command line.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

use crate::api::{ForwardedHeader, TrustedProxies};
use crate::telemetry::LogFormat;

/// Address served where none is given.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// Seconds for a graceful stop where none are given.
const STOP_AGE_S_MAX: u64 = 10;

/// The configuration file (TOML). Every member may be left out; unknown ones are an error.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Address to serve, e.g. `0.0.0.0:8080`.
    pub listen: Option<String>,
    /// Store, e.g. `sqlite:/var/lib/tailrace/tailrace.db`.
    pub store: Option<String>,
    /// TLS.
    pub tls: TlsConfig,
    /// Proxies in front of the server.
    pub proxy: ProxyConfig,
    /// Log.
    pub log: LogConfig,
    /// Bounds.
    pub limits: LimitsConfig,
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Certificate chain, the server's own first: PEM.
    pub certificate_file: Option<PathBuf>,
    /// Its private key: PEM.
    pub key_file: Option<PathBuf>,
}

/// `[proxy]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyConfig {
    /// Addresses or networks of proxies whose word is taken for where a request comes from.
    pub trusted: Option<Vec<String>>,
    /// Which header they tell it in: `x-forwarded` or `forwarded`.
    pub header: Option<ForwardedHeader>,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `text` or `json`.
    pub format: Option<LogFormat>,
    /// Level, or a list of `target=level`.
    pub filter: Option<String>,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Jobs of one project, 1..=100000.
    pub jobs_per_project_max: Option<u64>,
    /// Connection tests, collections and prechecks at the same time, 1..=256.
    pub probes_max: Option<usize>,
    /// Requests of one access key in a second, 1..=1000000; five seconds' worth at once.
    pub requests_per_key_per_s_max: Option<u32>,
    /// Requests from one address in a second, 1..=1000000; five seconds' worth at once.
    pub requests_per_address_per_s_max: Option<u32>,
    /// Seconds for a graceful stop, 1..=3600.
    pub stop_age_s_max: Option<u64>,
}

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// Files of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<String>,
    /// `--store`
    pub store: Option<String>,
    /// `--tls-certificate`
    pub tls_certificate: Option<PathBuf>,
    /// `--tls-key`
    pub tls_key: Option<PathBuf>,
    /// `--trusted-proxy`
    pub trusted_proxies: Vec<String>,
    /// `--proxy-header`
    pub proxy_header: Option<ForwardedHeader>,
    /// `--log-format`
    pub log_format: Option<LogFormat>,
    /// `--log-filter`
    pub log_filter: Option<String>,
}

/// The configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Directory of everything that is kept.
    pub data_dir: PathBuf,
    /// Address to serve.
    pub listen: SocketAddr,
    /// Store.
    pub store: StoreLocation,
    /// Certificate; without, there is no TLS.
    pub tls: Option<TlsFiles>,
    /// Proxies that are trusted.
    pub proxies: TrustedProxies,
    /// Form of the log.
    pub log_format: LogFormat,
    /// Filter of the log.
    pub log_filter: String,
    /// Jobs of one project.
    pub jobs_per_project_max: Option<u64>,
    /// Probes at the same time.
    pub probes_max: Option<usize>,
    /// Requests of one access key in a second.
    pub requests_per_key_per_s_max: Option<u32>,
    /// Requests from one address in a second.
    pub requests_per_address_per_s_max: Option<u32>,
    /// Seconds for a graceful stop.
    pub stop_age_s_max: u64,
}

/// A configuration that cannot be used: which member, what it was, what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

fn bad(member: &str, value: impl std::fmt::Display, allowed: &str) -> ConfigError {
    ConfigError(format!("{member}: {value} is not allowed; allowed is {allowed}"))
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read, is no TOML, or has an unknown member.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError(format!("{}: {e}", path.display())))?;
        toml::from_str(&text).map_err(|e| ConfigError(format!("{}: {e}", path.display())))
    }
}

impl Config {
    /// Puts command line over file over defaults, and checks the result.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn build(
        data_dir: PathBuf,
        file: ConfigFile,
        over: Overrides,
    ) -> Result<Self, ConfigError> {
        let listen = over.listen.or(file.listen).unwrap_or_else(|| LISTEN_DEFAULT.to_owned());
        let listen = listen.parse().map_err(|_| {
            bad("listen", format!("{listen:?}"), "an address with a port, e.g. 127.0.0.1:8080")
        })?;
        let store = store_location(over.store.or(file.store), &data_dir)?;
        let tls = tls_files(
            over.tls_certificate.or(file.tls.certificate_file),
            over.tls_key.or(file.tls.key_file),
        )?;
        let trusted = if over.trusted_proxies.is_empty() {
            file.proxy.trusted.unwrap_or_default()
        } else {
            over.trusted_proxies
        };
        let proxies = TrustedProxies {
            networks: trusted.iter().map(|text| network(text)).collect::<Result<_, _>>()?,
            header: over.proxy_header.or(file.proxy.header).unwrap_or_default(),
        };
        let in_range = |member: &str, value: Option<u64>, max: u64| match value {
            Some(n) if !(1..=max).contains(&n) => Err(bad(member, n, &format!("1 to {max}"))),
            _ => Ok(()),
        };
        let limits = &file.limits;
        in_range("limits.jobs_per_project_max", limits.jobs_per_project_max, 100_000)?;
        in_range("limits.probes_max", limits.probes_max.map(|n| n as u64), 256)?;
        for (member, value) in [
            ("limits.requests_per_key_per_s_max", limits.requests_per_key_per_s_max),
            ("limits.requests_per_address_per_s_max", limits.requests_per_address_per_s_max),
        ] {
            in_range(member, value.map(u64::from), 1_000_000)?;
        }
        in_range("limits.stop_age_s_max", limits.stop_age_s_max, 3600)?;
        Ok(Self {
            data_dir,
            listen,
            store,
            tls,
            proxies,
            log_format: over.log_format.or(file.log.format).unwrap_or_default(),
            log_filter: over.log_filter.or(file.log.filter).unwrap_or_else(|| "info".to_owned()),
            jobs_per_project_max: limits.jobs_per_project_max,
            probes_max: limits.probes_max,
            requests_per_key_per_s_max: limits.requests_per_key_per_s_max,
            requests_per_address_per_s_max: limits.requests_per_address_per_s_max,
            stop_age_s_max: limits.stop_age_s_max.unwrap_or(STOP_AGE_S_MAX),
        })
    }
}

fn tls_files(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<TlsFiles>, ConfigError> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (Some(_), None) => Err(ConfigError(
            "tls.key_file is missing: a certificate needs its private key (--tls-key)".to_owned(),
        )),
        (None, Some(_)) => Err(ConfigError(
            "tls.certificate_file is missing: a key needs its certificate (--tls-certificate)"
                .to_owned(),
        )),
    }
}

/// Reads an address or a network.
fn network(text: &str) -> Result<IpNet, ConfigError> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| {
        let allowed = "an address or a network, e.g. 10.1.2.3 or 10.0.0.0/8";
        bad("proxy.trusted", format!("{text:?}"), allowed)
    })
}

fn store_location(url: Option<String>, data_dir: &Path) -> Result<StoreLocation, ConfigError> {
    let Some(url) = url else { return Ok(StoreLocation::Sqlite(data_dir.join("tailrace.db"))) };
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    match path {
        Some(path) if !path.is_empty() => Ok(StoreLocation::Sqlite(PathBuf::from(path))),
        // A URL may hold a password: only its scheme is repeated.
        _ => Err(bad(
            "store",
            format!("{:?}", url.split(':').next().unwrap_or_default()),
            "sqlite:FILE (other engines are not built in)",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(file: &str, over: Overrides) -> Result<Config, ConfigError> {
        let file = toml::from_str(file).map_err(|e| ConfigError(e.to_string()))?;
        Config::build(PathBuf::from("/data"), file, over)
    }

    #[test]
    fn defaults_then_file_then_command_line() {
        let config = build("", Overrides::default()).unwrap();
        assert_eq!(config.listen.to_string(), LISTEN_DEFAULT);
        assert_eq!(config.store, StoreLocation::Sqlite(PathBuf::from("/data/tailrace.db")));
        assert_eq!((config.log_format, config.log_filter.as_str()), (LogFormat::Text, "info"));

        let file = "listen = '[::1]:9'\nstore = 'sqlite:/x.db'\n\
                    [log]\nformat = 'json'\nfilter = 'debug'\n\
                    [limits]\njobs_per_project_max = 5\nprobes_max = 2\nstop_age_s_max = 3\n";
        let config = build(file, Overrides::default()).unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:9");
        assert_eq!(config.store, StoreLocation::Sqlite(PathBuf::from("/x.db")));
        assert_eq!((config.log_format, config.log_filter.as_str()), (LogFormat::Json, "debug"));
        assert_eq!((config.jobs_per_project_max, config.probes_max), (Some(5), Some(2)));
        assert_eq!(config.stop_age_s_max, 3);

        let file = format!(
            "{file}[tls]\ncertificate_file = 'c.pem'\nkey_file = 'k.pem'\n\
             [proxy]\ntrusted = ['10.0.0.0/8', '::1']\nheader = 'forwarded'\n"
        );
        let config = build(&file, Overrides::default()).unwrap();
        let files = TlsFiles { certificate: "c.pem".into(), key: "k.pem".into() };
        assert_eq!(config.tls, Some(files));
        assert_eq!(config.proxies.header, ForwardedHeader::Forwarded);
        let networks: Vec<String> =
            config.proxies.networks.iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["10.0.0.0/8", "::1/128"]);
        let over = Overrides {
            tls_key: Some("other.pem".into()),
            trusted_proxies: vec!["192.0.2.0/24".to_owned()],
            ..Default::default()
        };
        let config = build(&file, over).unwrap();
        assert_eq!(config.tls.unwrap().key, PathBuf::from("other.pem"));
        assert_eq!(config.proxies.networks.len(), 1);

        let over = Overrides { listen: Some("127.0.0.1:1".to_owned()), ..Default::default() };
        assert_eq!(build(&file, over).unwrap().listen.port(), 1);
    }

    #[test]
    fn bad_values_are_named() {
        for (file, needle) in [
            ("lissen = 'x'", "lissen"),
            ("[log]\nformat = 'xml'", "xml"),
            ("listen = 'localhost'", "listen: \"localhost\""),
            ("store = 'postgres://u:secret@h/d'", "store: \"postgres\""),
            ("store = 'sqlite:'", "store: \"sqlite\""),
            ("[tls]\ncertificate_file = 'c.pem'", "tls.key_file"),
            ("[tls]\nkey_file = 'k.pem'", "tls.certificate_file"),
            ("[tls]\nmin_version = '1.0'", "min_version"),
            ("[proxy]\ntrusted = ['10.0.0.0/33']", "proxy.trusted: \"10.0.0.0/33\""),
            ("[proxy]\ntrusted = ['lb.example']", "proxy.trusted: \"lb.example\""),
            ("[proxy]\nheader = 'via'", "x-forwarded"),
            ("[limits]\njobs_per_project_max = 0", "limits.jobs_per_project_max: 0"),
            ("[limits]\nprobes_max = 257", "limits.probes_max: 257"),
            ("[limits]\nstop_age_s_max = 3601", "limits.stop_age_s_max: 3601"),
            ("[limits]\nrequests_per_key_per_s_max = 0", "limits.requests_per_key_per_s_max: 0"),
            (
                "[limits]\nrequests_per_address_per_s_max = 1000001",
                "limits.requests_per_address_per_s_max: 1000001",
            ),
        ] {
            let text = build(file, Overrides::default()).unwrap_err().to_string();
            assert!(text.contains(needle) && !text.contains("secret"), "{file}: {text}");
        }
    }
}
