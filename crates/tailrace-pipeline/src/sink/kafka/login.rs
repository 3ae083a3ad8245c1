//! Whether a login that was refused stays refused.

use crate::error::{Error, ErrorKind};
use crate::job::{KafkaEndpoint, Sasl};
use crate::sink::kafka::probe::probe;

/// The error with which a job ends that ran into this one.
///
/// Tokens and tickets run out: a login with one of them is also refused when there was no new one in time, which passes.
/// What a new login gets decides.
pub(crate) fn confirmed(endpoint: &KafkaEndpoint, error: Error) -> Error {
    let runs_out = matches!(endpoint.sasl, Some(Sasl::OAuthBearer(_) | Sasl::Kerberos { .. }));
    if error.kind() != ErrorKind::TargetAuthentication || !runs_out {
        return error;
    }
    let now = match probe(endpoint) {
        Err(e) if e.kind() == ErrorKind::TargetAuthentication => return e,
        Err(e) => e.message().to_owned(),
        Ok(_) => "a new login is let in".to_owned(),
    };
    Error::new(ErrorKind::TargetConnection, format!("{}; now: {now}", error.message()))
        .caused_by(error)
}
