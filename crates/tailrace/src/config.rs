//! Configuration of the server: defaults, then the file, then the command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

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
    /// Log.
    pub log: LogConfig,
    /// Bounds.
    pub limits: LimitsConfig,
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

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<String>,
    /// `--store`
    pub store: Option<String>,
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

        let over = Overrides { listen: Some("127.0.0.1:1".to_owned()), ..Default::default() };
        assert_eq!(build(file, over).unwrap().listen.port(), 1);
    }

    #[test]
    fn bad_values_are_named() {
        for (file, needle) in [
            ("lissen = 'x'", "lissen"),
            ("[log]\nformat = 'xml'", "xml"),
            ("listen = 'localhost'", "listen: \"localhost\""),
            ("store = 'postgres://u:secret@h/d'", "store: \"postgres\""),
            ("store = 'sqlite:'", "store: \"sqlite\""),
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
