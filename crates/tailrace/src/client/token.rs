//! Logging in with a user's name and password: a token, and the project that it is for.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::server::Call;
use super::{Client, ClientError, Login, Proof, Result, Server};

/// Header of a token.
pub(super) const TOKEN_HEADER: &str = "x-auth-token";
/// Header of the token that is asked for, or about.
const SUBJECT_HEADER: &str = "x-subject-token";
const TOKENS: &str = "/v3/auth/tokens";

/// A user with a password.
pub struct PasswordLogin {
    /// Domain (account).
    pub domain: String,
    /// User.
    pub user: String,
    /// Password.
    pub password: SecretString,
    /// Id or name of the project; the only one that there is, without.
    pub project: Option<String>,
}

/// A token of one project.
#[derive(Debug)]
pub struct IssuedToken {
    /// Its text.
    pub token: SecretString,
    /// Project.
    pub project_id: String,
    /// When it ends.
    pub expires: Timestamp,
}

impl IssuedToken {
    /// The login that it is.
    pub fn login(self) -> Login {
        Login { project_id: self.project_id, proof: Proof::Token(self.token) }
    }
}

impl Client {
    /// Id of the user whom a token of this client is for.
    pub(super) async fn user_of_token(&self, token: &SecretString) -> Result<String> {
        let mut headers = self.headers(&Method::GET, TOKENS, None, &[])?;
        headers.insert(SUBJECT_HEADER, token_value(token)?);
        let call =
            Call { method: Method::GET, path: TOKENS, query: None, headers, body: Vec::new() };
        let (_, answer) = self.server.send(call).await?;
        let id = answer.pointer("/token/user/id").and_then(Value::as_str);
        Ok(id.unwrap_or_default().to_owned())
    }
}

impl Server {
    /// Logs in.
    ///
    /// # Errors
    /// [`ClientError::Denied`] for a wrong name or password; [`ClientError::Settings`] if there is no such
    /// project, or no project is named and there are several.
    pub async fn log_in(&self, login: &PasswordLogin) -> Result<IssuedToken> {
        let identity = json!({"methods": ["password"], "password": {"user": {
            "name": login.user, "password": login.password.expose_secret(),
            "domain": {"name": login.domain}}}});
        let scope = json!({"domain": {"name": login.domain}});
        let (wide, _) = self.ask_token(&identity, &scope).await?;
        let project_id = self.project_of(&wide, login.project.as_deref()).await?;
        let by_token = json!({"methods": ["token"], "token": {"id": wide.expose_secret()}});
        let scope = json!({"project": {"id": project_id}});
        let issued = self.ask_token(&by_token, &scope).await;
        // It was for the search only.
        self.revoke(&wide).await?;
        let (token, expires) = issued?;
        Ok(IssuedToken { token, project_id, expires })
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke(&self, token: &SecretString) -> Result<()> {
        let mut headers = self.json_headers();
        headers.insert(TOKEN_HEADER, token_value(token)?);
        headers.insert(SUBJECT_HEADER, token_value(token)?);
        let call =
            Call { method: Method::DELETE, path: TOKENS, query: None, headers, body: Vec::new() };
        self.send(call).await.map(drop)
    }

    fn json_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.host().clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-language", HeaderValue::from_static("en-us"));
        headers
    }

    async fn ask_token(
        &self,
        identity: &Value,
        scope: &Value,
    ) -> Result<(SecretString, Timestamp)> {
        let body = json!({"auth": {"identity": identity, "scope": scope}}).to_string();
        let call = Call {
            method: Method::POST,
            path: TOKENS,
            query: Some("nocatalog=true"),
            headers: self.json_headers(),
            body: body.into_bytes(),
        };
        let (headers, answer) = self.send(call).await?;
        let unreadable = |what: &str| ClientError::Unreadable {
            endpoint: self.endpoint().to_owned(),
            what: what.to_owned(),
        };
        let token = headers.get(SUBJECT_HEADER).and_then(|value| value.to_str().ok());
        let token = token.ok_or_else(|| unreadable("a login without a token"))?;
        let expires = answer.pointer("/token/expires_at").and_then(Value::as_str);
        let expires = expires.and_then(|text| text.parse().ok());
        let expires = expires.ok_or_else(|| unreadable("a token without an end"))?;
        Ok((SecretString::from(token.to_owned()), expires))
    }

    /// Id of the project that is meant.
    async fn project_of(&self, token: &SecretString, wanted: Option<&str>) -> Result<String> {
        let mut headers = self.json_headers();
        headers.insert(TOKEN_HEADER, token_value(token)?);
        let path = "/v3/auth/projects";
        let call = Call { method: Method::GET, path, query: None, headers, body: Vec::new() };
        let (_, answer) = self.send(call).await?;
        let member = |project: &Value, name: &str| {
            project.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let projects: Vec<(String, String)> = answer
            .get("projects")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|project| (member(project, "id"), member(project, "name")))
            .collect();
        let names: Vec<&str> = projects.iter().map(|(_, name)| name.as_str()).collect();
        match (wanted, projects.as_slice()) {
            (Some(wanted), _) => projects
                .iter()
                .find(|(id, name)| id == wanted || name == wanted)
                .map(|(id, _)| id.clone())
                .ok_or_else(|| {
                    ClientError::Settings(format!(
                        "project {wanted:?} is not one of the user's: {}",
                        names.join(", ")
                    ))
                }),
            (None, [(id, _)]) => Ok(id.clone()),
            (None, _) => Err(ClientError::Settings(format!(
                "a project has to be named, one of {}",
                names.join(", ")
            ))),
        }
    }
}

/// A token as a header's value.
pub(super) fn token_value(token: &SecretString) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(token.expose_secret())
        .map_err(|_| ClientError::Settings("the token cannot be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
