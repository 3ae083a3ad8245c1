//! Which of a source's servers a run reads.
//!
//! A run stays with one server, so that its views, its schemas and its log are of one mind. When that server is lost the
//! run ends, and the next one looks for another.

use tailrace_codec::position::GtidSet;

use crate::checkpoint::StreamPosition;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Limits, MysqlEndpoint};
use crate::run::StopSignal;
use crate::source::mysql::connection::Connection;

/// The first server that answers; the endpoint itself if there is only one.
///
/// # Errors
/// The first server's own, if none answers.
pub(crate) fn answering(
    endpoint: &MysqlEndpoint,
    limits: &Limits,
    stop: &StopSignal,
) -> Result<MysqlEndpoint> {
    elect(endpoint, limits, None, stop)
}

/// The first server that answers and has all that was delivered up to a position; the endpoint itself if there is only
/// one. If all answer and none has it, the first: it is told then what it lacks.
///
/// # Errors
/// `SourceConnection` as long as one that does not answer may have it.
pub(crate) fn elect(
    endpoint: &MysqlEndpoint,
    limits: &Limits,
    delivered: Option<&StreamPosition>,
    stop: &StopSignal,
) -> Result<MysqlEndpoint> {
    if endpoint.others.is_empty() {
        return Ok(endpoint.clone());
    }
    let (mut silent, mut behind) = (None, None);
    for candidate in candidates(endpoint) {
        stop.check()?;
        let asked = Connection::connect(&candidate, limits, stop.clone())
            .and_then(|mut connection| has(&mut connection, delivered));
        match asked {
            Ok(true) => return Ok(candidate),
            Ok(false) => {
                let (host, port) = (&candidate.host, candidate.port);
                tracing::info!(host, port, "a server of the source lacks what was delivered");
                behind.get_or_insert(candidate);
            }
            Err(e) if e.kind() == ErrorKind::SourceConnection => {
                tracing::info!(error = %e, "a server of the source does not answer");
                silent.get_or_insert(e);
            }
            Err(e) => return Err(e),
        }
    }
    match (silent, behind) {
        (None, Some(first)) => Ok(first),
        (Some(error), Some(first)) => Err(Error::new(
            ErrorKind::SourceConnection,
            format!(
                "{}; {}:{} answers, and lacks transactions that were delivered already",
                error.message(),
                first.host,
                first.port
            ),
        )),
        (Some(error), None) => Err(error),
        (None, None) => Err(Error::new(ErrorKind::Bug, "a source without a server")),
    }
}

/// Each server as the one that is read, with the others beside it, in the order given.
pub(crate) fn candidates(endpoint: &MysqlEndpoint) -> Vec<MysqlEndpoint> {
    let mut all = vec![(endpoint.host.clone(), endpoint.port)];
    all.extend(endpoint.others.iter().cloned());
    let candidate = |place: usize| {
        let mut others = all.clone();
        let (host, port) = others.remove(place);
        MysqlEndpoint { host, port, others, ..endpoint.clone() }
    };
    (0..all.len()).map(candidate).collect()
}

/// Whether a server has all that was delivered.
///
/// # Errors
/// `SourceSetting` for a server without GTIDs, and those of the connection.
fn has(connection: &mut Connection, delivered: Option<&StreamPosition>) -> Result<bool> {
    if connection.version()?.mariadb {
        // Whether its log goes on from there shows when it is asked for it.
        return Ok(true);
    }
    if connection.one_row("SELECT @@GLOBAL.gtid_mode")?.text(0)? != "ON" {
        return Err(Error::new(
            ErrorKind::SourceSetting,
            "the source is a list of servers, and gtid_mode is not ON: a place in one server's log says nothing about another's",
        ));
    }
    let Some(delivered) = delivered else { return Ok(true) };
    // Without a set the job began before its source had GTIDs, with one server.
    let Some(set) = &delivered.gtid_set else { return Ok(true) };
    let set: GtidSet = set
        .parse()
        .map_err(|e| Error::new(ErrorKind::Checkpoint, format!("gtid_set of the position: {e}")))?;
    let query = format!("SELECT GTID_SUBSET('{set}', @@GLOBAL.gtid_executed)");
    Ok(connection.one_row(&query)?.number(0)? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_a_candidate_in_the_order_given() {
        let endpoint = MysqlEndpoint {
            host: "a".into(),
            port: 1,
            others: vec![("b".into(), 2), ("c".into(), 3)],
            user: "u".into(),
            password: "p".into(),
            tls: None,
        };
        let all: Vec<_> = candidates(&endpoint)
            .into_iter()
            .map(|one| {
                let others: Vec<u16> = one.others.iter().map(|(_, port)| *port).collect();
                (one.host, one.port, others)
            })
            .collect();
        let of = |host: &str, port, others: [u16; 2]| (host.to_owned(), port, others.to_vec());
        assert_eq!(all, [of("a", 1, [2, 3]), of("b", 2, [1, 3]), of("c", 3, [1, 2])]);
    }
}
