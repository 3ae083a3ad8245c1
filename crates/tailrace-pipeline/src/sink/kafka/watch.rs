//! What a client reports on its own, while a call waits.
//!
//! librdkafka goes on for ever when a broker refuses login or certificate: calls only time out. The
//! refusal is seen in an event of the client, so that every wait here looks at the events.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::{Error, ErrorKind};
use crate::sink::kafka::fault::{code_of, kind_of};

/// How long a refusal of login or certificate must stand before it is believed, while connecting. A
/// broker that just started may refuse for a moment.
const REFUSAL_STANDS: Duration = Duration::from_secs(2);
/// The same for a client that the brokers had let in before.
const REFUSAL_STANDS_LATER: Duration = Duration::from_secs(30);

/// Events of one client.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// First refusal since the last answer, and its text.
    refused: Option<(Instant, String)>,
    /// Some broker has answered.
    was_let_in: bool,
    /// Last trouble with a connection.
    trouble: Option<String>,
    /// Why there is no token for the login.
    no_token: Option<NoToken>,
}

/// Why the OAuth server gave no token.
#[derive(Debug)]
struct NoToken {
    /// What was asked and what was answered.
    reason: String,
    /// It may be another answer later.
    is_passing: bool,
}

/// Facility of librdkafka's log lines about tokens.
const TOKEN_FACILITY: &str = "OIDC";
/// Begin of its errors about tokens.
const TOKEN_ERROR: &str = "Failed to acquire SASL OAUTHBEARER token";

impl NoToken {
    /// Reads librdkafka's log line, which ends with the status of HTTP, or -1 without an answer, in parentheses.
    fn of(line: &str) -> Self {
        let status = line.rsplit_once('(').and_then(|(_, end)| end.strip_suffix(')'));
        let is_passing = match status.and_then(|status| status.parse::<i32>().ok()) {
            Some(-1) => !line.to_ascii_lowercase().contains("certificate"),
            Some(status) => matches!(status, 408 | 425 | 429 | 500..),
            None => false,
        };
        Self { reason: line.to_owned(), is_passing }
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A broker has answered.
    pub(crate) fn answered(&self) {
        let mut state = self.lock();
        state.was_let_in = true;
        state.refused = None;
        state.trouble = None;
    }

    /// A refusal that has stood for long enough.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let state = self.lock();
        let (since, reason) = state.refused.as_ref()?;
        let stands = if state.was_let_in { REFUSAL_STANDS_LATER } else { REFUSAL_STANDS };
        (since.elapsed() >= stands).then(|| refused(reason))
    }

    /// What explains a call that timed out: a refusal however young, else trouble with a connection.
    pub(crate) fn explain(&self, doing: &str) -> Error {
        let state = self.lock();
        match (&state.refused, &state.trouble) {
            (Some((_, reason)), _) => refused(reason),
            (None, Some(trouble)) => {
                // A broker closes the connection on bytes that it does not understand.
                let hint = if trouble.contains("APIVERSION_QUERY") {
                    "; the listener may want another security type: check TLS and SASL"
                } else {
                    ""
                };
                Error::new(ErrorKind::TargetConnection, format!("{doing}: {trouble}{hint}"))
            }
            (None, None) => Error::new(
                ErrorKind::TargetConnection,
                format!("{doing}: the brokers did not answer in time"),
            ),
        }
    }

    fn note(&self, error: &KafkaError, reason: &str) {
        // A client that cannot connect says so ten times a second; whoever waits for it says it once.
        if kind_of(error) == ErrorKind::TargetConnection {
            tracing::debug!(code = %error, reason, "kafka client");
        } else {
            tracing::warn!(code = %error, reason, "kafka client");
        }
        let mut state = self.lock();
        if reason.starts_with(TOKEN_ERROR) {
            match state.no_token.take() {
                Some(no_token) => {
                    let text = format!("{TOKEN_ERROR}: {}", no_token.reason);
                    if no_token.is_passing {
                        state.trouble = Some(text);
                    } else {
                        state.refused.get_or_insert_with(|| (Instant::now(), text));
                    }
                }
                // An answer that is no token. The library also takes a good answer behind a bad one for such, and asks
                // again ten seconds later.
                None => state.trouble = Some(reason.to_owned()),
            }
        } else if kind_of(error) == ErrorKind::TargetAuthentication
            || is_refused_certificate(reason)
        {
            state.refused.get_or_insert_with(|| (Instant::now(), reason.to_owned()));
        } else if code_of(error) != Some(Code::AllBrokersDown) || state.trouble.is_none() {
            // That all are down says less than what happened to the last one.
            state.trouble = Some(reason.to_owned());
        }
    }
}

/// A broker that wants another client certificate only closes the connection with a TLS alert.
fn is_refused_certificate(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("alert") && (reason.contains("certificate") || reason.contains("unknown ca"))
}

fn refused(reason: &str) -> Error {
    Error::new(ErrorKind::TargetAuthentication, reason)
}

impl ClientContext for Watch {
    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is what readers of progress records wait for.
        if matches!(error, KafkaError::PartitionEOF(_))
            || code_of(&error) == Some(Code::PartitionEOF)
        {
            return;
        }
        self.note(&error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // Some failures of a connection are not told as events.
        if facility == "FAIL" {
            self.lock().trouble = Some(message.to_owned());
        }
        if facility == TOKEN_FACILITY {
            self.lock().no_token = Some(NoToken::of(message));
        }
        log(level, facility, message);
    }
}

impl ConsumerContext for Watch {}

/// Passes a line of librdkafka's log on. Errors come as events too and are told there.
fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, message, "librdkafka");
        }
        RDKafkaLogLevel::Warning => tracing::warn!(facility, message, "librdkafka"),
        _ => tracing::debug!(facility, message, "librdkafka"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_must_stand_and_an_answer_takes_it_back() {
        let watch = Watch::default();
        watch.note(&KafkaError::Global(Code::Authentication), "bad password");
        assert!(watch.refusal().is_none(), "it is too young");
        assert_eq!(watch.explain("connect").kind(), ErrorKind::TargetAuthentication);
        watch.lock().refused = Some((Instant::now() - REFUSAL_STANDS, "bad password".into()));
        assert_eq!(watch.refusal().unwrap().message(), "bad password");
        watch.answered();
        assert!(watch.refusal().is_none());
        watch.lock().refused = Some((Instant::now() - REFUSAL_STANDS, "bad password".into()));
        assert!(watch.refusal().is_none(), "it was let in before");
    }

    #[test]
    fn a_token_that_was_refused_is_told_from_a_server_that_is_away() {
        for (line, kind) in [
            (
                "Failed to retrieve OIDC token from \"u\": invalid_client (401)",
                ErrorKind::TargetAuthentication,
            ),
            ("Failed to retrieve OIDC token from \"u\": busy (503)", ErrorKind::TargetConnection),
            (
                "Failed to retrieve OIDC token from \"u\": Connection refused (-1)",
                ErrorKind::TargetConnection,
            ),
            (
                "Failed to retrieve OIDC token from \"u\": SSL certificate problem (-1)",
                ErrorKind::TargetAuthentication,
            ),
        ] {
            let watch = Watch::default();
            watch.log(RDKafkaLogLevel::Error, TOKEN_FACILITY, line);
            let reason = format!("{TOKEN_ERROR}: …");
            watch.note(&KafkaError::Global(Code::Authentication), &reason);
            let error = watch.explain("connect");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(line), "{error}");
        }
    }

    #[test]
    fn an_answer_that_is_no_token_may_be_another_one_later() {
        let watch = Watch::default();
        let reason = format!("{TOKEN_ERROR}: Expected JSON response with \"access_token\" field");
        watch.note(&KafkaError::Global(Code::Authentication), &reason);
        let error = watch.explain("connect");
        assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}");
        assert!(error.message().contains("access_token"), "{error}");
    }

    #[test]
    fn trouble_with_a_connection_explains_a_time_out() {
        let watch = Watch::default();
        assert!(watch.explain("connect").message().contains("did not answer in time"));
        watch.note(&KafkaError::Global(Code::BrokerTransportFailure), "connection refused");
        let error = watch.explain("connect");
        assert_eq!(error.kind(), ErrorKind::TargetConnection);
        assert_eq!(error.message(), "connect: connection refused");
        watch.note(&KafkaError::Global(Code::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(watch.explain("connect").message(), "connect: connection refused");
        watch.note(
            &KafkaError::Global(Code::BrokerTransportFailure),
            "ssl/tls alert bad certificate: SSL alert number 42",
        );
        assert_eq!(watch.explain("connect").kind(), ErrorKind::TargetAuthentication);
    }
}
