//! Every text that an error answer can carry, in both languages: the one table.

use crate::control::Language;

/// Characters of `error_msg`, as DRS documents it.
pub(crate) const MESSAGE_CHARS_MAX: usize = 512;
/// Characters of a caller's value that a text repeats.
const VALUE_CHARS_MAX: usize = 96;

/// What an error answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// No job of this id in this project.
    JobMissing,
    /// The job was deleted.
    JobDeleted,
    /// The command is not possible in the job's status.
    WrongState {
        /// Status of the job.
        status: String,
        /// What was asked.
        command: String,
        /// Statuses in which it is possible, or what to do first.
        allowed: String,
    },
    /// A batch is in another status.
    WrongBatchStatus {
        /// Status of the batch.
        status: &'static str,
        /// Statuses in which it is possible.
        allowed: String,
    },
    /// A job that has not ended cannot be deleted.
    NotEnded {
        /// Status of the job.
        status: String,
    },
    /// Another job of the project has the name.
    NameTaken,
    /// A value that is not allowed.
    Invalid {
        /// Path of the member.
        field: String,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A mandatory value is absent or empty.
    Missing {
        /// Path of the member.
        field: String,
    },
    /// The body is not what it has to be.
    Malformed {
        /// Path of the member, if it is known.
        field: String,
        /// What is wrong.
        detail: String,
    },
    /// The same id twice in one batch.
    Duplicate {
        /// The id.
        value: String,
    },
    /// Another operation on the job is under way.
    Busy {
        /// Which.
        what: String,
    },
    /// The precheck has to pass first.
    NotPrechecked {
        /// What is missing.
        reason: String,
    },
    /// The job's settings are not complete.
    NotConfigured {
        /// What is missing.
        reason: String,
    },
    /// A value or feature that DRS has and that is not offered.
    Unsupported {
        /// What.
        what: String,
        /// What is offered.
        instead: String,
    },
    /// A quota is used up.
    QuotaReached {
        /// What is counted.
        what: &'static str,
        /// How many are allowed.
        limit: u64,
    },
    /// Objects have to be collected first.
    NotCollected,
    /// No permission.
    Forbidden,
    /// The project of the path is not the caller's.
    ProjectMismatch,
    /// Authentication failed; the detail is the gateway's wording.
    Unauthenticated {
        /// Why.
        detail: String,
    },
    /// Keystone's refusal of a login.
    LoginRefused,
    /// The account is locked after failed logins.
    LoginLocked,
    /// IAM: a thing of this kind was not found.
    IamNotFound {
        /// What.
        what: String,
    },
    /// Nobody would be left who may manage users.
    LastAdministrator,
    /// Too many requests.
    TooFrequent {
        /// Seconds to wait.
        seconds: u64,
    },
    /// IAM: the name is taken.
    IamNameTaken {
        /// The name.
        name: String,
    },
    /// A failed connection test, network or login.
    ConnectionFailed {
        /// Why.
        detail: String,
    },
    /// A DRS operation that is not offered.
    NotOffered {
        /// Method and path, or a feature.
        operation: String,
    },
    /// No such path.
    NoSuchPath {
        /// Method and path.
        operation: String,
    },
    /// The path exists, the method does not.
    MethodNotAllowed {
        /// Method and path.
        operation: String,
    },
    /// The body is too large.
    TooLarge {
        /// Bound in bytes.
        bytes_max: usize,
    },
    /// The body is not JSON by its `Content-Type`.
    MediaType {
        /// What was sent.
        value: String,
    },
    /// The body did not arrive in time, or the answer took too long.
    Timeout {
        /// Bound in seconds.
        seconds: u64,
    },
    /// The server can store nothing.
    DiskFull,
    /// A fault of ours; details are in the log.
    Internal,
}

impl Message {
    /// The text, at most [`MESSAGE_CHARS_MAX`] characters.
    pub(crate) fn text(&self, language: Language) -> String {
        let text = match language {
            Language::English => self.english(),
            Language::Chinese => self.chinese(),
        };
        clip(&text, MESSAGE_CHARS_MAX)
    }

    fn english(&self) -> String {
        match self {
            Self::JobMissing => "Job does not exist, please check job ID.".into(),
            Self::JobDeleted => "The job has been deleted.".into(),
            Self::WrongState { status, command, allowed } => format!(
                "The operation {command} cannot be performed because the job is in status {status}. \
                 Allowed: {allowed}."
            ),
            Self::WrongBatchStatus { status, allowed } => format!(
                "The operation cannot be performed because the batch is in status {status}. Allowed: {allowed}."
            ),
            Self::NotEnded { status } => format!(
                "The job cannot be deleted because it is in status {status}. End it first (action \
                 terminate, or POST .../stop) and wait for status RELEASE_RESOURCE_COMPLETE."
            ),
            Self::NameTaken => "The task name already exists.".into(),
            Self::Invalid { field, value, allowed } => format!(
                "The value of parameter {field} is invalid: {}. Allowed: {allowed}.",
                quoted(value)
            ),
            Self::Missing { field } => format!("The parameter {field} is empty."),
            Self::Malformed { field, detail } if field.is_empty() => {
                format!("Parameter error: {detail}.")
            }
            Self::Malformed { field, detail } => format!("Parameter error: {field}: {detail}."),
            Self::Duplicate { value } => {
                format!("Parameter error: {} appears more than once.", quoted(value))
            }
            Self::Busy { what } => {
                format!("Another operation is being performed: {what}. Try again later.")
            }
            Self::NotPrechecked { reason } => format!("The precheck has not passed: {reason}."),
            Self::NotConfigured { reason } => format!("The job is not configured: {reason}."),
            Self::Unsupported { what, instead } => {
                format!("{what} is not offered here. Offered: {instead}.")
            }
            Self::QuotaReached { what, limit } => {
                format!("The quota is used up: no more than {limit} {what}.")
            }
            Self::NotCollected => {
                "The database objects have not been collected. Collect them first.".into()
            }
            Self::Forbidden => "You do not have sufficient permissions.".into(),
            Self::ProjectMismatch => "Invalid project ID.".into(),
            Self::Unauthenticated { detail } => {
                format!("Incorrect IAM authentication information: {detail}")
            }
            Self::LoginRefused => "The username or password is wrong.".into(),
            Self::LoginLocked => {
                "The account is locked after too many failed logins. Try again later.".into()
            }
            Self::IamNotFound { what } => format!("Could not find {what}."),
            Self::LastAdministrator => {
                "Nobody would be left who may manage users. Give another user the role secu_admin in the domain first.".into()
            }
            Self::TooFrequent { seconds } => {
                format!("Operation too frequent. Try again in {seconds} seconds.")
            }
            Self::IamNameTaken { name } => format!("The name {} is taken.", quoted(name)),
            Self::ConnectionFailed { detail } => format!("The connection test failed: {detail}"),
            Self::NotOffered { operation } => {
                format!("{operation} is not offered here. See docs/api-quirks.md of Tailrace.")
            }
            Self::NoSuchPath { operation } => {
                format!("The API does not exist: {operation}.")
            }
            Self::MethodNotAllowed { operation } => {
                format!("The method is not allowed: {operation}.")
            }
            Self::TooLarge { bytes_max } => {
                format!("The request body is larger than {bytes_max} bytes.")
            }
            Self::MediaType { value } => format!(
                "The content type {} is not supported. Allowed: application/json.",
                quoted(value)
            ),
            Self::Timeout { seconds } => {
                format!("The request was not finished within {seconds} seconds.")
            }
            Self::DiskFull => {
                "The disk of the server's data directory is full. Nothing was changed. Free some space and try again.".into()
            }
            Self::Internal => "Service is abnormal. Check logs.".into(),
        }
    }

    fn chinese(&self) -> String {
        match self {
            Self::JobMissing => "任务不存在，请检查任务ID。".into(),
            Self::JobDeleted => "任务已删除。".into(),
            Self::WrongState { status, command, allowed } => {
                format!("任务当前状态为{status}，不能执行操作{command}。允许：{allowed}。")
            }
            Self::WrongBatchStatus { status, allowed } => {
                format!("批量任务当前状态为{status}，不能执行该操作。允许：{allowed}。")
            }
            Self::NotEnded { status } => format!(
                "任务当前状态为{status}，不能删除。请先结束任务（操作terminate或POST .../stop），\
                 等待状态变为RELEASE_RESOURCE_COMPLETE。"
            ),
            Self::NameTaken => "任务名称已存在。".into(),
            Self::Invalid { field, value, allowed } => {
                format!("参数{field}的值无效：{}。允许：{allowed}。", quoted(value))
            }
            Self::Missing { field } => format!("参数{field}为空。"),
            Self::Malformed { field, detail } if field.is_empty() => {
                format!("参数错误：{detail}。")
            }
            Self::Malformed { field, detail } => format!("参数错误：{field}：{detail}。"),
            Self::Duplicate { value } => format!("参数错误：{}重复出现。", quoted(value)),
            Self::Busy { what } => format!("正在执行其他操作：{what}，请稍后重试。"),
            Self::NotPrechecked { reason } => format!("预检查未通过：{reason}。"),
            Self::NotConfigured { reason } => format!("任务配置不完整：{reason}。"),
            Self::Unsupported { what, instead } => format!("此处不提供{what}。可用：{instead}。"),
            Self::QuotaReached { what, limit } => format!("配额已用完：{what}最多{limit}个。"),
            Self::NotCollected => "数据库对象尚未采集，请先采集。".into(),
            Self::Forbidden => "您没有足够的权限。".into(),
            Self::ProjectMismatch => "项目ID无效。".into(),
            Self::Unauthenticated { detail } => format!("IAM认证信息不正确：{detail}"),
            Self::LoginRefused => "用户名或密码错误。".into(),
            Self::LoginLocked => "登录失败次数过多，账号已锁定，请稍后重试。".into(),
            Self::IamNotFound { what } => format!("未找到{what}。"),
            Self::LastAdministrator => {
                "将没有用户可以管理用户，请先在账号下授予其他用户角色secu_admin。".into()
            }
            Self::TooFrequent { seconds } => format!("操作过于频繁，请{seconds}秒后重试。"),
            Self::IamNameTaken { name } => format!("名称{}已存在。", quoted(name)),
            Self::ConnectionFailed { detail } => format!("连接测试失败：{detail}"),
            Self::NotOffered { operation } => {
                format!("此处不提供{operation}。请参阅Tailrace的docs/api-quirks.md。")
            }
            Self::NoSuchPath { operation } => format!("API不存在：{operation}。"),
            Self::MethodNotAllowed { operation } => format!("不允许的请求方法：{operation}。"),
            Self::TooLarge { bytes_max } => format!("请求体大于{bytes_max}字节。"),
            Self::MediaType { value } => {
                format!("不支持的内容类型{}。允许：application/json。", quoted(value))
            }
            Self::Timeout { seconds } => format!("请求未能在{seconds}秒内完成。"),
            Self::DiskFull => "服务器数据目录所在磁盘已满，未做任何更改。请释放空间后重试。".into(),
            Self::Internal => "服务异常，请查看日志。".into(),
        }
    }
}

/// A caller's value, bounded and without control characters, in quotes.
fn quoted(value: &str) -> String {
    let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("\"{}\"", clip(&value, VALUE_CHARS_MAX))
}

/// The text, or its beginning and an ellipsis.
fn clip(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_name_field_value_and_set() {
        let message = Message::Invalid {
            field: "jobs[0].name".into(),
            value: "x".repeat(2000),
            allowed: "4..50 characters".into(),
        };
        for language in [Language::English, Language::Chinese] {
            let text = message.text(language);
            assert!(text.contains("jobs[0].name") && text.contains("4..50"), "{text}");
            assert!(text.chars().count() <= MESSAGE_CHARS_MAX, "{text}");
        }
        let long = Message::Unauthenticated { detail: "y".repeat(2000) };
        assert_eq!(long.text(Language::English).chars().count(), MESSAGE_CHARS_MAX);
    }

    #[test]
    fn control_characters_of_a_value_do_not_come_back() {
        let message = Message::Duplicate { value: "a\r\nb\u{1b}[0m".into() };
        assert!(!message.text(Language::English).chars().any(char::is_control));
    }
}
