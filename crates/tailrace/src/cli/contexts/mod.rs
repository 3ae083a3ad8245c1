//! `tailrace contexts`, `login` and `logout`: servers that this user works with.

mod file;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

pub(super) use file::{ConfigDir, Context};

use super::client_options::{ClientOptions, DOMAIN_DEFAULT, no_context, variable};
use super::exit::{Exit, Failed};
use super::output::{Output, columns};
use super::prompt;
use crate::client::{Proof, Server};

/// Name the servers that you work with, and how you log in to each.
///
/// They are kept in contexts.toml in TAILRACE_CONFIG_DIR, else in tailrace/ of XDG_CONFIG_HOME or ~/.config
/// (mode 0600). Secrets are never on the command line: they are in the environment, or asked for and kept in
/// a file of their own beside it.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ContextsCommand {
    /// Form of the result.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    output: Output,
    #[command(subcommand)]
    command: Do,
}

const EXAMPLES: &str = "\
Examples:
  tailrace contexts add lab --credentials /var/lib/tailrace/credentials.json
  tailrace contexts add prod --endpoint https://drs.example:8443 --ca-file ca.pem --user ann
  tailrace login --context prod
  tailrace contexts use prod
  tailrace jobs list";

#[derive(Debug, Subcommand)]
enum Do {
    /// List the contexts.
    List,
    /// Use a context where none is named.
    Use {
        /// Its name.
        #[arg(value_parser = file::name)]
        name: String,
    },
    /// Add a context, or put another in its place. The first one is used from then on.
    Add(Box<Add>),
    /// Remove a context, and what is kept for it.
    Remove {
        /// Its name.
        #[arg(value_parser = file::name)]
        name: String,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// Its name.
    #[arg(value_parser = file::name)]
    name: String,
    /// Address of the server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    endpoint: String,
    /// Authorities that the server is known by (PEM), instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Id of the project; with --user also its name, and none if the user has one only.
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Log in with this file: credentials.json of the server's data directory.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["access_key", "user", "project"])]
    credentials: Option<PathBuf>,
    /// Log in with this access key. Its secret is in TAILRACE_SK, else asked for, and kept.
    #[arg(long, value_name = "AK", conflicts_with = "user", requires = "project")]
    access_key: Option<String>,
    /// Do not keep the access key's secret: it is in this variable of the environment at every call.
    #[arg(long, value_name = "VARIABLE", requires = "access_key")]
    secret_key_env: Option<String>,
    /// Log in as this user, by `tailrace login`.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Account of the user.
    #[arg(
        long,
        value_name = "NAME",
        requires = "user",
        default_value_if("user", clap::builder::ArgPredicate::IsPresent, DOMAIN_DEFAULT)
    )]
    domain: Option<String>,
    /// The user's password is in this variable of the environment; no need to log in.
    #[arg(long, value_name = "VARIABLE", requires = "user")]
    password_env: Option<String>,
}

impl ContextsCommand {
    pub(super) fn run(self) -> Result<(), Failed> {
        let dir = config_dir()?;
        let mut contexts = dir.read()?;
        match self.command {
            Do::List => {}
            Do::Use { name } => {
                if !contexts.by_name.contains_key(&name) {
                    return Err(no_context(&name, contexts.by_name.keys()));
                }
                contexts.current = Some(name);
                dir.write(&contexts)?;
            }
            Do::Add(add) => {
                let name = add.name.clone();
                let context = add.context(&dir)?;
                // What was kept for another server of this name is not for this one.
                dir.forget_token(&name)?;
                contexts.by_name.insert(name.clone(), context);
                contexts.current.get_or_insert(name);
                dir.write(&contexts)?;
            }
            Do::Remove { name } => {
                if contexts.by_name.remove(&name).is_none() {
                    return Err(no_context(&name, contexts.by_name.keys()));
                }
                contexts.current = contexts.current.filter(|current| *current != name);
                dir.write(&contexts)?;
                dir.forget(&name)?;
            }
        }
        print(self.output, &contexts)
    }
}

impl Add {
    fn context(self, dir: &ConfigDir) -> Result<Context, Failed> {
        // An address or a file that cannot be used is refused now.
        Server::new(&self.endpoint, self.ca_file.as_deref())?;
        let absolute = |path: PathBuf| std::path::absolute(path);
        let mut context = Context {
            endpoint: self.endpoint,
            ca_file: self.ca_file.map(absolute).transpose()?,
            ..Context::default()
        };
        match (self.credentials, self.access_key, self.user) {
            (Some(file), _, _) => {
                crate::client::Login::read(&file)?;
                context.credentials_file = Some(absolute(file)?);
            }
            (None, Some(access_key), _) if self.secret_key_env.is_some() => {
                context.project = self.project;
                context.access_key = Some(access_key);
                context.secret_key_env = self.secret_key_env;
            }
            (None, Some(access_key), _) => {
                let secret_key = match variable("TAILRACE_SK") {
                    Some(secret) => secret.into(),
                    None => prompt::secret(&format!("secret key of {access_key}"), "TAILRACE_SK")?,
                };
                let project = self.project.unwrap_or_default();
                let kept = dir.keep_key(&self.name, &project, &access_key, &secret_key)?;
                context.credentials_file = Some(kept);
            }
            (None, None, Some(user)) => {
                context.project = self.project;
                context.user = Some(user);
                context.domain = self.domain;
                context.password_env = self.password_env;
            }
            (None, None, None) => {
                let text =
                    "how to log in is missing: --credentials FILE, --access-key AK or --user NAME";
                return Err(Failed::new(Exit::Usage, text));
            }
        }
        Ok(context)
    }
}

fn config_dir() -> Result<ConfigDir, Failed> {
    ConfigDir::find(variable).ok_or_else(|| {
        let text = "there is no place for contexts: HOME, XDG_CONFIG_HOME and TAILRACE_CONFIG_DIR are not set";
        Failed::new(Exit::Usage, text)
    })
}

fn print(output: Output, contexts: &file::Contexts) -> Result<(), Failed> {
    let list: Vec<Value> = contexts
        .by_name
        .iter()
        .map(|(name, context)| {
            let login = match (&context.credentials_file, &context.access_key, &context.user) {
                (Some(file), ..) => file.display().to_string(),
                (_, Some(key), _) => format!("access key {key}"),
                (.., Some(user)) => format!("user {user}"),
                _ => String::new(),
            };
            json!({
                "name": name, "current": contexts.current.as_ref() == Some(name),
                "endpoint": context.endpoint, "ca_file": context.ca_file,
                "project": context.project, "login": login,
            })
        })
        .collect();
    let heads = [
        ("name", "/name"),
        ("current", "/current"),
        ("endpoint", "/endpoint"),
        ("project", "/project"),
        ("login", "/login"),
    ];
    output.print(&Value::Array(list), |list| columns(&heads, list))
}

/// Log in with the password of a context's user; the token is kept until it ends, after a day.
///
/// The password is in the context's variable or in TAILRACE_PASSWORD, else it is asked for.
#[derive(Debug, Args)]
pub(super) struct LogIn {
    #[command(flatten)]
    options: ClientOptions,
}

/// End the token that `tailrace login` got.
#[derive(Debug, Args)]
pub(super) struct LogOut {
    #[command(flatten)]
    options: ClientOptions,
}

fn needed(options: &ClientOptions) -> Result<(String, Context, ConfigDir), Failed> {
    options.context()?.ok_or_else(|| {
        let text = "a login belongs to a context: `tailrace contexts add NAME --endpoint URL --user NAME`, then --context NAME";
        Failed::new(Exit::Usage, text)
    })
}

impl LogIn {
    pub(super) fn run(self) -> Result<(), Failed> {
        let (name, context, dir) = needed(&self.options)?;
        let server = context.server()?;
        let login = context.password_login(&name)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let issued = runtime.block_on(server.log_in(&login))?;
        dir.keep_token(&name, &context.endpoint, &issued)?;
        let done = json!({"context": name, "user": login.user, "project_id": issued.project_id,
            "expires_at": issued.expires.to_string()});
        let heads = [
            ("context", "/context"),
            ("user", "/user"),
            ("project", "/project_id"),
            ("until", "/expires_at"),
        ];
        self.options.output.print(&done, |done| columns(&heads, done))
    }
}

impl LogOut {
    pub(super) fn run(self) -> Result<(), Failed> {
        let (name, context, dir) = needed(&self.options)?;
        let kept = dir.token(&name, &context.endpoint, jiff::Timestamp::now());
        if let Some(Proof::Token(token)) = kept.map(|login| login.proof) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(context.server()?.revoke(&token))?;
        }
        dir.forget_token(&name)
    }
}
