//! The one error of the data path, and in one place what each kind means for retrying and for the
//! person who reads it.

use std::fmt;

/// What went wrong, as far as handling depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source cannot be reached or the connection broke.
    SourceConnection,
    /// The source refused the login.
    SourceAuthentication,
    /// The source account lacks a privilege.
    SourcePrivilege,
    /// A setting of the source makes the link impossible (binlog format, row image, GTID mode …).
    SourceSetting,
    /// A statement failed on the source.
    SourceStatement,
    /// The log position is not in the source's binlogs any more.
    PositionLost,
    /// Log bytes that are not what the format says.
    Decode,
    /// A log event that is neither handled nor on the written ignore list.
    UnknownEvent,
    /// The table's shape at this position is not known or contradicts the log.
    SchemaMismatch,
    /// The target cannot be reached.
    TargetConnection,
    /// The target refused the login.
    TargetAuthentication,
    /// The target refused for lack of a right (with Kafka: an ACL).
    TargetPrivilege,
    /// A topic is missing or cannot be made as asked.
    TargetTopic,
    /// A schema registry does not let a table's new schema in.
    SchemaIncompatible,
    /// A message is larger than the target takes.
    MessageTooLarge,
    /// A change does not fit the row that the target has, or the target's table does not take its values.
    TargetRow,
    /// Another worker has taken the job over.
    Fenced,
    /// The target failed in another way.
    Target,
    /// The job's own configuration is not possible.
    Configuration,
    /// A checkpoint is missing, damaged, or does not follow the one before it.
    Checkpoint,
    /// A bound was reached that must not be passed.
    Limit,
    /// The local machine failed (disk, thread, file).
    Local,
    /// The job was asked to stop.
    Cancelled,
    /// An invariant of Tailrace itself does not hold.
    Bug,
}

/// What the engine does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Back off and try again from the last durable checkpoint, for as long as it takes.
    UntilRecovered,
    /// Try again a few times, then stop the job.
    Limited,
    /// Stop the job: only a person can change the outcome.
    Never,
}

impl ErrorKind {
    /// All kinds, in the order of the data path.
    pub const ALL: [Self; 24] = [
        Self::SourceConnection,
        Self::SourceAuthentication,
        Self::SourcePrivilege,
        Self::SourceSetting,
        Self::SourceStatement,
        Self::PositionLost,
        Self::Decode,
        Self::UnknownEvent,
        Self::SchemaMismatch,
        Self::TargetConnection,
        Self::TargetAuthentication,
        Self::TargetPrivilege,
        Self::TargetTopic,
        Self::SchemaIncompatible,
        Self::MessageTooLarge,
        Self::TargetRow,
        Self::Fenced,
        Self::Target,
        Self::Configuration,
        Self::Checkpoint,
        Self::Limit,
        Self::Local,
        Self::Cancelled,
        Self::Bug,
    ];

    /// Whether trying again can help.
    pub fn retry(self) -> Retry {
        use ErrorKind as K;
        match self {
            K::SourceConnection | K::TargetConnection => Retry::UntilRecovered,
            K::SourceStatement | K::Target | K::Local => Retry::Limited,
            K::SourceAuthentication
            | K::SourcePrivilege
            | K::SourceSetting
            | K::PositionLost
            | K::Decode
            | K::UnknownEvent
            | K::SchemaMismatch
            | K::TargetAuthentication
            | K::TargetPrivilege
            | K::TargetTopic
            | K::SchemaIncompatible
            | K::MessageTooLarge
            | K::TargetRow
            | K::Fenced
            | K::Configuration
            | K::Checkpoint
            | K::Limit
            | K::Cancelled
            | K::Bug => Retry::Never,
        }
    }

    /// What the person who reads the error can do.
    pub fn solution(self) -> &'static str {
        use ErrorKind as K;
        match self {
            K::SourceConnection => {
                "Check that the source is up and reachable from this machine; the job goes on by itself."
            }
            K::SourceAuthentication => {
                "Correct the source user or password (batch-modify-pwd), then retry the job."
            }
            K::SourcePrivilege => {
                "Grant SELECT, REPLICATION SLAVE and REPLICATION CLIENT to the source account, then retry the job."
            }
            K::SourceSetting => "Change the named setting on the source, then retry the job.",
            K::SourceStatement => {
                "Look up the source's own error, remove its cause, then retry the job."
            }
            K::PositionLost => {
                "The binlogs that hold the position were purged. Reset the job so that it reads the tables again, and keep binlogs longer."
            }
            K::Decode => {
                "The log is damaged or in a form that is not supported. Nothing was skipped. Check the source's binlog file at the named position."
            }
            K::UnknownEvent => {
                "The source writes a log event this version does not know. Nothing was skipped. Update Tailrace or turn the feature off at the source."
            }
            K::SchemaMismatch => {
                "Set binlog_row_metadata=FULL on the source, or reset the job so that it reads the table again."
            }
            K::TargetConnection => {
                "Check that the target is up and reachable, with Kafka at every advertised listener; the job goes on by itself."
            }
            K::TargetAuthentication => {
                "Correct the target's user, password or certificates, then retry the job."
            }
            K::TargetPrivilege => {
                "Give the target's account the named right, with Kafka an ACL, then retry the job."
            }
            K::TargetTopic => "Create or correct the named topic, then retry the job.",
            K::SchemaIncompatible => {
                "Let the subject take the change (its compatibility level in the registry), or write to another topic, then retry the job."
            }
            K::MessageTooLarge => {
                "Raise the topic's max.message.bytes (or the broker's message.max.bytes), then retry the job."
            }
            K::TargetRow => {
                "Correct the target's row or table, or choose another conflict policy, then retry the job."
            }
            K::Fenced => {
                "Another worker runs this job now. Nothing to do, unless two servers share one job by mistake."
            }
            K::Target => "Look up the target's own error, remove its cause, then retry the job.",
            K::Configuration => "Correct the named setting of the job.",
            K::Checkpoint => {
                "The job's progress record is damaged or out of order. Reset the job, and report it."
            }
            K::Limit => "Raise the named limit, then retry the job.",
            K::Local => "Check disk space and limits of this machine, then retry the job.",
            K::Cancelled => "The job was asked to stop.",
            K::Bug => "This is a fault in Tailrace. Report it with the log around this message.",
        }
    }

    /// What the person who reads the error can do, and where more is said: `docs/errors` has a page for each name, which
    /// the command `tailrace explain` prints.
    pub fn advice(self) -> String {
        format!("{} More: tailrace explain {}", self.solution(), self.name())
    }

    /// Stable name for logs, metrics and the API.
    pub fn name(self) -> &'static str {
        use ErrorKind as K;
        match self {
            K::SourceConnection => "source_connection",
            K::SourceAuthentication => "source_authentication",
            K::SourcePrivilege => "source_privilege",
            K::SourceSetting => "source_setting",
            K::SourceStatement => "source_statement",
            K::PositionLost => "position_lost",
            K::Decode => "decode",
            K::UnknownEvent => "unknown_event",
            K::SchemaMismatch => "schema_mismatch",
            K::TargetConnection => "target_connection",
            K::TargetAuthentication => "target_authentication",
            K::TargetPrivilege => "target_privilege",
            K::TargetTopic => "target_topic",
            K::SchemaIncompatible => "schema_incompatible",
            K::MessageTooLarge => "message_too_large",
            K::TargetRow => "target_row",
            K::Fenced => "fenced",
            K::Target => "target",
            K::Configuration => "configuration",
            K::Checkpoint => "checkpoint",
            K::Limit => "limit",
            K::Local => "local",
            K::Cancelled => "cancelled",
            K::Bug => "bug",
        }
    }
}

/// A failure of the data path.
///
/// `message` may be shown to users and never holds a secret; `source` is for logs.
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with a text that names the object, the value seen and what is allowed.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Keeps the error that caused this one for the log.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts what was being done in front of the message.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// What went wrong, as far as handling depends on it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text for the user.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        if let Some(source) = &self.source {
            write!(f, " (caused by: {source})")?;
        }
        Ok(())
    }
}

/// Bytes or texts of a log that are not what their format says.
impl From<tailrace_codec::DecodeError> for Error {
    fn from(error: tailrace_codec::DecodeError) -> Self {
        Self::new(ErrorKind::Decode, error.to_string())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}

/// Result of the data path.
pub type Result<T, E = Error> = std::result::Result<T, E>;
