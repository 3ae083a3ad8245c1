//! Who is asking.

use super::iam::Rights;

/// Language of texts for the caller (`X-Language`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// `en-us`
    #[default]
    English,
    /// `zh-cn`
    Chinese,
}

/// An authenticated user in one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Domain (account).
    pub domain_id: String,
    /// Project whose jobs are seen.
    pub project_id: String,
    /// User.
    pub user_id: String,
    /// Name of the user, for the timeline.
    pub user_name: String,
    /// What the user may in the project.
    pub rights: Rights,
    /// Language of texts.
    pub language: Language,
}
