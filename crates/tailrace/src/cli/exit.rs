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

    /// Nobody reads the result any more: nothing is left to be said.
    pub(super) fn reader_gone() -> Self {
        Self { exit: Exit::Failure, message: String::new() }
    }

    /// Exit code.
    #[cfg(test)]
    pub(super) fn code(&self) -> u8 {
        self.exit.code()
    }

    /// Why.
    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Says why on standard error and gives the process's exit code.
    pub(super) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("tailrace: {}", self.message);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_in_the_documentation_and_no_other() {
        let all = [
            Exit::Failure,
            Exit::Usage,
            Exit::Missing,
            Exit::WrongState,
            Exit::Unreachable,
            Exit::Precheck,
            Exit::Denied,
            Exit::TimedOut,
            Exit::Inconsistent,
        ];
        let page = include_str!("../../../../docs/commands.md");
        let part = page.split("## Exit codes").nth(1).unwrap().split("\n## ").next().unwrap();
        let told: Vec<u8> = part
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
            .collect();
        let codes = std::iter::once(0).chain(all.map(Exit::code));
        assert_eq!(told, codes.collect::<Vec<_>>());
    }

    #[test]
    fn errors_of_the_server_have_codes_of_their_own() {
        let text = || String::from("x");
        for (error, code) in [
            (ClientError::Refused { code: text(), message: text() }, 1),
            (ClientError::Settings(text()), 2),
            (ClientError::Missing { code: text(), message: text() }, 3),
            (ClientError::WrongState { code: text(), message: text() }, 4),
            (ClientError::Unreachable { endpoint: text(), cause: text() }, 5),
            (ClientError::Unreadable { endpoint: text(), what: text() }, 5),
            (ClientError::Denied { code: text(), message: text() }, 7),
        ] {
            let told = error.to_string();
            let failed = Failed::from(error);
            assert_eq!((failed.code(), failed.message()), (code, told.as_str()));
        }
    }
}
