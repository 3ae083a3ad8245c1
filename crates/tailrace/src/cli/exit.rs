//! How a command ends: its exit code says why.

use std::process::ExitCode;

use crate::client::ClientError;
use crate::config::ConfigError;
use crate::job_file::JobFileError;

/// Why a command failed, for scripts. 2 is clap's own code for a wrong command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// 1: everything that has no code of its own.
    Failure,
    /// 2: the command line, or a file it names, is wrong.
    Usage,
    /// 3: there is no such job.
    Missing,
    /// 4: the job's state does not allow it.
    WrongState,
    /// 5: nobody answers at the endpoint.
    Unreachable,
    /// 6: the precheck found what hinders the start.
    Precheck,
    /// 7: the access key is not accepted.
    Denied,
    /// 8: the time for a wait was over.
    TimedOut,
    /// 9: a comparison found differences, or could not look at everything.
    Inconsistent,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Missing => 3,
            Self::WrongState => 4,
            Self::Unreachable => 5,
            Self::Precheck => 6,
            Self::Denied => 7,
            Self::TimedOut => 8,
            Self::Inconsistent => 9,
        }
    }
}

/// A failed command: what to say and how to end.
#[derive(Debug)]
pub(super) struct Failed {
    exit: Exit,
    message: String,
}

impl Failed {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Says why on standard error and gives the process's exit code.
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("tailrace: {}", self.message);
        ExitCode::from(self.exit.code())
    }
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Unreachable { .. } | ClientError::Unreadable { .. } => Exit::Unreachable,
            ClientError::Missing { .. } => Exit::Missing,
            ClientError::WrongState { .. } => Exit::WrongState,
            ClientError::Denied { .. } => Exit::Denied,
            ClientError::Refused { .. } => Exit::Failure,
            ClientError::Settings(_) => Exit::Usage,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<JobFileError> for Failed {
    fn from(error: JobFileError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<ConfigError> for Failed {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failure, format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failure, error.to_string())
    }
}
