//! The file of contexts: servers that this user works with, and how to log in to each. It holds no secret;
//! a secret that is kept has a file of its own beside it.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::exit::{Exit, Failed};
use crate::client::{IssuedToken, Login, Proof};

/// Characters of a context's name, at most.
const NAME_CHARS_MAX: usize = 64;
/// A kept token is not used in its last minute: it could end on the way.
const TOKEN_MARGIN_S: i64 = 60;

/// A server, and how to log in to it: by a file of an access key, by an access key whose secret is in the
/// environment, or by a user with a password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Context {
    /// Address.
    pub(in crate::cli) endpoint: String,
    /// Authorities that are trusted, instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) ca_file: Option<PathBuf>,
    /// Id of the project; of a user with a password also its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) project: Option<String>,
    /// Project, access key and secret key, in the form of a server's credentials.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) credentials_file: Option<PathBuf>,
    /// Access key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) access_key: Option<String>,
    /// Environment variable of its secret key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) secret_key_env: Option<String>,
    /// Domain (account) of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) domain: Option<String>,
    /// User.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) user: Option<String>,
    /// Environment variable of the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) password_env: Option<String>,
}

/// All contexts, and which one is used where none is named.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Contexts {
    /// The one that is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) current: Option<String>,
    /// By name.
    #[serde(default, rename = "context")]
    pub(in crate::cli) by_name: BTreeMap<String, Context>,
}

/// Folder of this user's settings.
#[derive(Debug, Clone)]
pub(in crate::cli) struct ConfigDir(PathBuf);

impl ConfigDir {
    /// `TAILRACE_CONFIG_DIR`, else `tailrace` in `XDG_CONFIG_HOME` or `~/.config`.
    pub(in crate::cli) fn find(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        if let Some(dir) = variable("TAILRACE_CONFIG_DIR") {
            return Some(Self(dir.into()));
        }
        let base = variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")))?;
        Some(Self(base.join("tailrace")))
    }

    fn contexts_file(&self) -> PathBuf {
        self.0.join("contexts.toml")
    }

    /// File of an access key's secret that is kept for a context.
    pub(in crate::cli) fn credentials_file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.credentials.json"))
    }

    fn token_file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.token.json"))
    }

    /// All contexts; none where there is no file yet.
    pub(in crate::cli) fn read(&self) -> Result<Contexts, Failed> {
        let file = self.contexts_file();
        let wrong = |what: String| Failed::new(Exit::Usage, format!("{}: {what}", file.display()));
        let text = match std::fs::read_to_string(&file) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Contexts::default()),
            text => text.map_err(|e| wrong(e.to_string()))?,
        };
        toml::from_str(&text).map_err(|e| wrong(e.to_string()))
    }

    /// Writes all contexts.
    pub(in crate::cli) fn write(&self, contexts: &Contexts) -> Result<(), Failed> {
        let text = toml::to_string(contexts).map_err(|e| {
            Failed::new(Exit::Failure, format!("the contexts cannot be written: {e}"))
        })?;
        self.put(&self.contexts_file(), text.as_bytes())
    }

    /// Keeps an access key for a context.
    pub(in crate::cli) fn keep_key(
        &self,
        name: &str,
        project_id: &str,
        access_key: &str,
        secret_key: &SecretString,
    ) -> Result<PathBuf, Failed> {
        let text = json!({"project_id": project_id, "access_key": access_key,
            "secret_key": secret_key.expose_secret()});
        let file = self.credentials_file(name);
        self.put(&file, text.to_string().as_bytes())?;
        Ok(file)
    }

    /// Keeps a token of a context's server.
    pub(in crate::cli) fn keep_token(
        &self,
        name: &str,
        endpoint: &str,
        issued: &IssuedToken,
    ) -> Result<(), Failed> {
        let text = json!({"endpoint": endpoint, "project_id": issued.project_id,
            "expires_at": issued.expires.to_string(), "token": issued.token.expose_secret()});
        self.put(&self.token_file(name), text.to_string().as_bytes())
    }

    /// The token that is kept for a context, if it is one of this server and holds for a while.
    pub(in crate::cli) fn token(
        &self,
        name: &str,
        endpoint: &str,
        now: Timestamp,
    ) -> Option<Login> {
        #[derive(Deserialize)]
        struct Kept {
            endpoint: String,
            project_id: String,
            expires_at: String,
            token: String,
        }
        let bytes = std::fs::read(self.token_file(name)).ok()?;
        let kept: Kept = serde_json::from_slice(&bytes).ok()?;
        let expires: Timestamp = kept.expires_at.parse().ok()?;
        let holds = expires.as_second() - now.as_second() > TOKEN_MARGIN_S;
        // A context that names another server now must not send it there.
        (holds && kept.endpoint == endpoint).then(|| Login {
            project_id: kept.project_id,
            proof: Proof::Token(SecretString::from(kept.token)),
        })
    }

    /// Forgets the token of a context.
    pub(in crate::cli) fn forget_token(&self, name: &str) -> Result<(), Failed> {
        remove(&self.token_file(name))
    }

    /// Forgets what is kept for a context beside the file of contexts.
    pub(in crate::cli) fn forget(&self, name: &str) -> Result<(), Failed> {
        self.forget_token(name)?;
        remove(&self.credentials_file(name))
    }

    /// Puts a file in its place in one step, for its owner's eyes only.
    fn put(&self, file: &Path, bytes: &[u8]) -> Result<(), Failed> {
        let wrong =
            |e: std::io::Error| Failed::new(Exit::Failure, format!("{}: {e}", file.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(wrong)?;
        let mut new = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(&self.0)
            .map_err(wrong)?;
        new.write_all(bytes).map_err(wrong)?;
        new.as_file().sync_all().map_err(wrong)?;
        new.persist(file).map_err(|e| wrong(e.error))?;
        Ok(())
    }
}

fn remove(file: &Path) -> Result<(), Failed> {
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            Err(Failed::new(Exit::Failure, format!("{}: {e}", file.display())))
        }
        _ => Ok(()),
    }
}

/// Reads a context's name on the command line; it is part of file names.
pub(in crate::cli) fn name(text: &str) -> Result<String, String> {
    let fits = (1..=NAME_CHARS_MAX).contains(&text.len())
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!(
        "a name has 1 to {NAME_CHARS_MAX} letters, digits, -, _ and ., and does not begin with ."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(file: &Path) -> u32 {
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_folder_is_the_users() {
        let find = |pairs: &[(&str, &str)]| {
            let find = |name: &str| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            ConfigDir::find(find).map(|dir| dir.0.display().to_string())
        };
        assert_eq!(find(&[]), None);
        assert_eq!(find(&[("HOME", "/h")]).unwrap(), "/h/.config/tailrace");
        assert_eq!(find(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]).unwrap(), "/x/tailrace");
        let all = [("HOME", "/h"), ("XDG_CONFIG_HOME", "/x"), ("TAILRACE_CONFIG_DIR", "/t")];
        assert_eq!(find(&all).unwrap(), "/t");
    }

    #[test]
    fn what_is_kept_is_for_its_owner_and_found_again() {
        let root = tempfile::tempdir().unwrap();
        let dir = ConfigDir(root.path().join("new"));
        assert_eq!(dir.read().unwrap(), Contexts::default());
        let context = Context { endpoint: "https://h:1".to_owned(), ..Context::default() };
        let contexts = Contexts {
            current: Some("a".to_owned()),
            by_name: [("a".to_owned(), context)].into_iter().collect(),
        };
        dir.write(&contexts).unwrap();
        assert_eq!(dir.read().unwrap(), contexts);
        let secret = SecretString::from("sk");
        let kept = dir.keep_key("a", "p", "ak", &secret).unwrap();
        assert!(matches!(Login::read(&kept).unwrap().proof, Proof::Key { .. }));
        for file in [&dir.contexts_file(), &kept] {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        assert_eq!(mode(&dir.0), 0o700);
        std::fs::write(dir.contexts_file(), "colour = 'red'").unwrap();
        assert!(format!("{:?}", dir.read().unwrap_err()).contains("contexts.toml"));
        dir.forget("a").unwrap();
        dir.forget("a").unwrap();
        assert!(!kept.exists());
    }

    #[test]
    fn a_token_is_for_its_server_and_its_time() {
        let root = tempfile::tempdir().unwrap();
        let dir = ConfigDir(root.path().to_owned());
        let expires: Timestamp = "2026-11-25T02:00:00Z".parse().unwrap();
        let issued =
            IssuedToken { token: SecretString::from("t"), project_id: "p".to_owned(), expires };
        dir.keep_token("a", "https://h:1", &issued).unwrap();
        assert_eq!(mode(&dir.token_file("a")), 0o600);
        let at = |text: &str, endpoint: &str| dir.token("a", endpoint, text.parse().unwrap());
        assert_eq!(at("2026-11-25T01:58:59Z", "https://h:1").unwrap().project_id, "p");
        assert!(at("2026-11-25T01:59:00Z", "https://h:1").is_none());
        assert!(at("2026-11-25T01:00:00Z", "https://evil:1").is_none());
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        for good in ["prod", "a.b-c_1"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "..", ".x", "a/b", "a b", "ä", &"a".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
