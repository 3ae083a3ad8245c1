//! What control refuses, in DRS's codes and words.

use axum::http::StatusCode;

use crate::control::{Command, Refusal};

use super::{
    error::{ApiError, Dialect},
    message::Message,
};

impl ApiError {
    /// The answer for a refusal in one generation of the API.
    pub(crate) fn refused(dialect: Dialect, refusal: Refusal) -> Self {
        let (v5, v3) = match &refusal {
            Refusal::JobMissing { .. } => ("DRS.10000010", "DRS.M00289"),
            Refusal::JobDeleted { .. } => ("DRS.10000010", "DRS.M05004"),
            Refusal::WrongState { .. }
            | Refusal::WrongBatchStatus { .. }
            | Refusal::NotPrechecked { .. }
            | Refusal::NotConfigured { .. }
            | Refusal::Unreachable { .. } => ("DRS.10000024", "DRS.M00304"),
            Refusal::Busy { .. } => ("DRS.10000024", "DRS.M01504"),
            Refusal::NameTaken { .. } => ("DRS.M00277", "DRS.M00277"),
            Refusal::NotCollected => ("DRS.10030014", "DRS.M00303"),
            Refusal::QuotaReached { .. } => ("DRS.10000001", "DRS.M00300"),
            Refusal::Forbidden => {
                return Self::drs(StatusCode::FORBIDDEN, "DRS.M00102", Message::Forbidden);
            }
            Refusal::IamMissing { .. } | Refusal::LastAdministrator => {
                let status = match refusal {
                    Refusal::IamMissing { .. } => StatusCode::NOT_FOUND,
                    _ => StatusCode::CONFLICT,
                };
                return Self::keystone(status, message(dialect, refusal));
            }
            Refusal::WrongProject => return Self::wrong_project(),
            Refusal::LoginFailed | Refusal::Locked { .. } => {
                return Self::unauthenticated("verify aksk signature fail");
            }
            Refusal::Internal(internal) => return Self::internal(&internal.detail),
            Refusal::DiskFull => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Self::drs(status, "DRS.M00004", Message::DiskFull);
            }
            Refusal::Missing { .. }
            | Refusal::Invalid { .. }
            | Refusal::Unsupported { .. }
            | Refusal::QueryMissing { .. } => {
                return Self::bad_request(dialect, message(dialect, refusal));
            }
        };
        let code = if dialect == Dialect::V5 { v5 } else { v3 };
        Self::drs(StatusCode::BAD_REQUEST, code, message(dialect, refusal))
    }

    /// The project of the path is not one of the caller's, or not the token's.
    pub(crate) fn wrong_project() -> Self {
        Self::drs(StatusCode::FORBIDDEN, "DRS.M00261", Message::ProjectMismatch)
    }
}

fn message(dialect: Dialect, refusal: Refusal) -> Message {
    match refusal {
        Refusal::JobMissing { .. } => Message::JobMissing,
        // v5 has one text for both.
        Refusal::JobDeleted { .. } if dialect == Dialect::V5 => Message::JobMissing,
        Refusal::JobDeleted { .. } => Message::JobDeleted,
        Refusal::WrongState { status, command: Command::Delete, .. } => {
            Message::NotEnded { status: status.to_string() }
        }
        Refusal::WrongState { status, command, allowed } => Message::WrongState {
            status: status.to_string(),
            command: command.to_string(),
            allowed: allowed.iter().map(|s| s.name()).collect::<Vec<_>>().join(", "),
        },
        Refusal::WrongBatchStatus { status, allowed } => Message::WrongBatchStatus {
            status: status.name(),
            allowed: allowed.iter().map(|s| s.name()).collect::<Vec<_>>().join(", "),
        },
        Refusal::NotPrechecked { reason } => Message::NotPrechecked { reason },
        Refusal::NotConfigured { reason } => Message::NotConfigured { reason },
        Refusal::Unreachable { why } => Message::NotConfigured { reason: why },
        Refusal::Busy { what } => Message::Busy { what },
        Refusal::NameTaken { .. } => Message::NameTaken,
        Refusal::Missing { field } => Message::Missing { field },
        Refusal::Invalid { field, value, allowed } => Message::Invalid { field, value, allowed },
        Refusal::Unsupported { what, instead } => Message::Unsupported { what, instead },
        Refusal::NotCollected => Message::NotCollected,
        Refusal::QueryMissing { query_id } => Message::Invalid {
            field: "query_id".into(),
            value: query_id,
            allowed: "an id that this job's own request returned".into(),
        },
        Refusal::QuotaReached { what, limit } => Message::QuotaReached { what, limit },
        Refusal::IamMissing { what, id } => Message::IamNotFound { what: format!("{what} {id}") },
        Refusal::LastAdministrator => Message::LastAdministrator,
        Refusal::Forbidden => Message::Forbidden,
        Refusal::WrongProject => Message::ProjectMismatch,
        Refusal::LoginFailed => Message::LoginRefused,
        Refusal::Locked { .. } => Message::LoginLocked,
        Refusal::DiskFull => Message::DiskFull,
        Refusal::Internal(_) => Message::Internal,
    }
}

/// Puts the path of the enclosing member before the field that a refusal names.
pub(crate) fn at(path: &str, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Invalid { field, value, allowed } => {
            Refusal::Invalid { field: join(path, &field), value, allowed }
        }
        Refusal::Missing { field } => Refusal::Missing { field: join(path, &field) },
        other => other,
    }
}

/// `path.field`, or one of them if the other is empty.
pub(crate) fn join(path: &str, field: &str) -> String {
    match (path, field) {
        ("", field) => field.to_owned(),
        (path, "") => path.to_owned(),
        (path, field) => format!("{path}.{field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::language::of_text,
        control::{JobStatus, Language, batch::BatchStatus},
    };

    fn every_refusal() -> Vec<Refusal> {
        vec![
            Refusal::JobMissing { job_id: "j".into() },
            Refusal::JobDeleted { job_id: "j".into() },
            Refusal::WrongState {
                status: JobStatus::Pausing,
                command: Command::Start,
                allowed: Command::Start.allowed(),
            },
            Refusal::WrongBatchStatus {
                status: BatchStatus::Creating,
                allowed: &[BatchStatus::Valid],
            },
            Refusal::NameTaken { name: "n".into() },
            Refusal::Missing { field: "f".into() },
            Refusal::invalid("f", "v", "a"),
            Refusal::NotPrechecked { reason: "r".into() },
            Refusal::NotConfigured { reason: "r".into() },
            Refusal::Unreachable { why: "w".into() },
            Refusal::Unsupported { what: "w".into(), instead: "i".into() },
            Refusal::Busy { what: "w".into() },
            Refusal::NotCollected,
            Refusal::QueryMissing { query_id: "q".into() },
            Refusal::QuotaReached { what: "jobs", limit: 3 },
            Refusal::Forbidden,
            Refusal::WrongProject,
            Refusal::LoginFailed,
            Refusal::Locked { until_ms: 0 },
            Refusal::internal("secret detail"),
        ]
    }

    #[test]
    fn every_refusal_has_code_and_text_in_both_languages() {
        for refusal in every_refusal() {
            for dialect in [Dialect::V3, Dialect::V5] {
                let error = ApiError::refused(dialect, refusal.clone());
                assert!(
                    error.code.starts_with("DRS.") || error.code == "APIGW.0301",
                    "{refusal:?}"
                );
                for language in [Language::English, of_text("zh-cn")] {
                    let text = error.message.text(language);
                    assert!(!text.is_empty() && !text.contains("secret detail"), "{refusal:?}");
                }
            }
        }
    }

    #[test]
    fn delete_in_a_wrong_state_says_the_status_and_what_to_do() {
        let error = ApiError::refused(
            Dialect::V5,
            Refusal::WrongState {
                status: JobStatus::IncreTransferStarted,
                command: Command::Delete,
                allowed: Command::Delete.allowed(),
            },
        );
        assert_eq!((error.status, error.code), (StatusCode::BAD_REQUEST, "DRS.10000024"));
        let text = error.message.text(Language::English);
        assert!(text.contains("INCRE_TRANSFER_STARTED") && text.contains("terminate"), "{text}");
    }

    #[test]
    fn a_missing_job_has_its_own_code_in_each_generation() {
        let missing = Refusal::JobMissing { job_id: "j".into() };
        let v5 = ApiError::refused(Dialect::V5, missing.clone()).body(Language::English);
        assert_eq!(v5.error_code, "DRS.10000010");
        assert_eq!(v5.error_msg, "Job does not exist, please check job ID.");
        assert_eq!(ApiError::refused(Dialect::V3, missing).code, "DRS.M00289");
        let deleted = Refusal::JobDeleted { job_id: "j".into() };
        assert_eq!(ApiError::refused(Dialect::V3, deleted).code, "DRS.M05004");
    }

    #[test]
    fn fields_get_their_path() {
        let refusal = at("jobs[1]", Refusal::invalid("name", "x", "y"));
        assert_eq!(refusal, Refusal::invalid("jobs[1].name", "x", "y"));
        assert_eq!(join("", "a"), "a");
        assert_eq!(join("a", ""), "a");
    }
}
