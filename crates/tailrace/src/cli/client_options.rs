//! Which server a command speaks to, as whom, and how it prints: the options of all commands that are
//! clients.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use secrecy::SecretString;

use super::contexts::{ConfigDir, Context};
use super::exit::{Exit, Failed};
use super::output::Output;
use super::prompt;
use crate::client::{Client, ClientError, Login, PasswordLogin, Proof, Server};

/// Server that is spoken to where none is named.
const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:8080";
/// Account that a server's first start makes, where nothing else is said.
pub(super) const DOMAIN_DEFAULT: &str = "tailrace";

/// Which server, as whom, and the form of the result. A context is taken whole or not at all: an address
/// from one place never gets a secret from another.
#[derive(Debug, Args)]
pub(super) struct ClientOptions {
    /// Context: a server and a login that `tailrace contexts add` made. [env: TAILRACE_CONTEXT]
    #[arg(long, global = true, value_name = "NAME", conflicts_with_all = ["endpoint", "ca_file", "credentials"])]
    context: Option<String>,
    /// Address of the server [default: http://127.0.0.1:8080]. [env: TAILRACE_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// Authorities that a server with HTTPS is known by (PEM), instead of the system's. [env: TAILRACE_CA_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// credentials.json of the server's data directory. [env: TAILRACE_CREDENTIALS]
    #[arg(long, global = true, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Form of the result.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub(super) output: Output,
}

/// Variables of the environment that say which server, or who.
const VARIABLES: [&str; 6] = [
    "TAILRACE_ENDPOINT",
    "TAILRACE_CREDENTIALS",
    "TAILRACE_AK",
    "TAILRACE_USER",
    "TAILRACE_TOKEN",
    "TAILRACE_CA_FILE",
];

/// A variable of the environment; an empty one is none.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

impl ClientOptions {
    /// A client of the server that is meant.
    pub(super) async fn client(&self) -> Result<Client, Failed> {
        if let Some((name, context, dir)) = self.context()? {
            let server = context.server()?;
            let login = context.login(&name, &dir, &server).await?;
            return Ok(Client::new(server, login));
        }
        let endpoint = self.endpoint.clone().or_else(|| variable("TAILRACE_ENDPOINT"));
        let ca_file =
            self.ca_file.clone().or_else(|| variable("TAILRACE_CA_FILE").map(PathBuf::from));
        let endpoint = endpoint.as_deref().unwrap_or(ENDPOINT_DEFAULT);
        let server = Server::new(endpoint, ca_file.as_deref())?;
        let login = self.login(&server).await?;
        Ok(Client::new(server, login))
    }

    /// The context that is meant, with its name; none if options or the environment say it themselves.
    pub(super) fn context(&self) -> Result<Option<(String, Context, ConfigDir)>, Failed> {
        let by_options =
            self.endpoint.is_some() || self.ca_file.is_some() || self.credentials.is_some();
        if by_options {
            return Ok(None);
        }
        let named = self.context.clone().or_else(|| variable("TAILRACE_CONTEXT"));
        if named.is_none() && VARIABLES.iter().any(|name| variable(name).is_some()) {
            return Ok(None);
        }
        let Some(dir) = ConfigDir::find(variable) else { return Ok(None) };
        let mut contexts = dir.read()?;
        let Some(name) = named.or(contexts.current.take()) else { return Ok(None) };
        match contexts.by_name.remove(&name) {
            Some(context) => Ok(Some((name, context, dir))),
            None => Err(no_context(&name, contexts.by_name.keys())),
        }
    }

    /// A login by options or the environment.
    async fn login(&self, server: &Server) -> Result<Login, Failed> {
        if let Some(path) = self.credentials.clone() {
            return Ok(Login::read(&path)?);
        }
        if let Some(path) = variable("TAILRACE_CREDENTIALS") {
            return Ok(Login::read(path.as_ref())?);
        }
        let value = |name: &str| {
            variable(name).ok_or_else(|| {
                Failed::new(
                    Exit::Usage,
                    format!(
                        "{name} is not set; give --credentials FILE (credentials.json of the server's data directory), a context (`tailrace contexts add`), TAILRACE_PROJECT_ID with TAILRACE_AK and TAILRACE_SK or TAILRACE_TOKEN, or TAILRACE_USER and TAILRACE_PASSWORD"
                    ),
                )
            })
        };
        if let Some(user) = variable("TAILRACE_USER") {
            let login = PasswordLogin {
                domain: variable("TAILRACE_DOMAIN").unwrap_or_else(|| DOMAIN_DEFAULT.to_owned()),
                password: password(None, &user)?,
                user,
                project: variable("TAILRACE_PROJECT_ID"),
            };
            return Ok(server.log_in(&login).await?.login());
        }
        let project_id = value("TAILRACE_PROJECT_ID")?;
        if let Some(token) = variable("TAILRACE_TOKEN") {
            return Ok(Login { project_id, proof: Proof::Token(token.into()) });
        }
        let secret_key = value("TAILRACE_SK");
        let access_key = value("TAILRACE_AK")?;
        Ok(Login { project_id, proof: Proof::Key { access_key, secret_key: secret_key?.into() } })
    }
}

/// An error that names a context that is not there, and those that are.
pub(super) fn no_context<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Failed {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Failed::new(Exit::Usage, format!("there is no context {name:?}; there is {known}"))
}

/// A user's password: from a variable of the environment, else asked for on a terminal.
pub(super) fn password(env: Option<&str>, user: &str) -> Result<SecretString, Failed> {
    let env = env.unwrap_or("TAILRACE_PASSWORD");
    match variable(env) {
        Some(password) => Ok(password.into()),
        None => prompt::secret(&format!("password of {user}"), env),
    }
}

impl Context {
    pub(super) fn server(&self) -> Result<Server, Failed> {
        Ok(Server::new(&self.endpoint, self.ca_file.as_deref())?)
    }

    async fn login(&self, name: &str, dir: &ConfigDir, server: &Server) -> Result<Login, Failed> {
        if let Some(file) = &self.credentials_file {
            return Ok(Login::read(file)?);
        }
        if let Some(access_key) = &self.access_key {
            let missing = |what: &str| {
                let text = format!("context {name:?}: {what}");
                Failed::new(Exit::Usage, text)
            };
            let env = self.secret_key_env.as_deref();
            let env = env.ok_or_else(|| missing("access_key without secret_key_env"))?;
            let secret_key = variable(env).ok_or_else(|| missing(&format!("{env} is not set")))?;
            let project_id = self.project.clone();
            let project_id = project_id.ok_or_else(|| missing("project is missing"))?;
            let proof =
                Proof::Key { access_key: access_key.clone(), secret_key: secret_key.into() };
            return Ok(Login { project_id, proof });
        }
        if let Some(login) = dir.token(name, &self.endpoint, Timestamp::now()) {
            return Ok(login);
        }
        // Without its variable the password is `tailrace login`'s to ask for: a script must not stop here.
        if self.password_env.as_deref().is_none_or(|env| variable(env).is_none()) {
            return Err(ClientError::Denied {
                code: "no token".to_owned(),
                message: format!("nobody is logged in; run `tailrace login --context {name}`"),
            }
            .into());
        }
        Ok(server.log_in(&self.password_login(name)?).await?.login())
    }

    /// What `tailrace login` logs in with.
    pub(super) fn password_login(&self, name: &str) -> Result<PasswordLogin, Failed> {
        let user = self.user.clone().ok_or_else(|| {
            let text = format!("context {name:?} logs in with an access key; there is no user");
            Failed::new(Exit::Usage, text)
        })?;
        Ok(PasswordLogin {
            domain: self.domain.clone().unwrap_or_else(|| DOMAIN_DEFAULT.to_owned()),
            password: password(self.password_env.as_deref(), &user)?,
            user,
            project: self.project.clone(),
        })
    }
}
