//! The HTTP API: DRS v3 and v5, and the part of IAM its clients need.
//!
//! A request passes [`answer::finish`] (request id, time limit, error bodies), then for most routes
//! [`auth::authenticate`] (who calls, and whether [`permission`] lets them), then its handler. Handlers read DRS's JSON into types of their own, call
//! [`crate::control`], and write DRS's JSON. What a client can get wrong is refused with field, value
//! and what is allowed.

mod answer;
mod audit;
mod auth;
mod body;
mod call;
mod compare_input;
mod error;
mod file_body;
mod health;
mod iam;
mod job_input;
mod job_list;
mod json;
mod kept;
mod language;
mod message;
mod not_offered;
mod oauth;
mod openapi;
mod origin;
mod permission;
mod query;
mod rate;
mod refusal;
mod registry;
mod router;
mod safety_headers;
mod secret_text;
mod ssl_client;
mod state;
#[cfg(test)]
mod tests;
mod text_or_integer;
mod time;
mod v3;
mod v5;

pub(crate) use auth::{Unsigned, percent_decode, sign};
pub use origin::{ForwardedHeader, TrustedProxies};
pub use rate::Rate;
pub use router::{openapi_json, router};
pub use state::ApiLimits;
pub use v5::batch_async::batches;
