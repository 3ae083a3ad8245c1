//! Forms of ids, names and notes, as DRS has them.

use super::job::Tag;
use super::refusal::{Refusal, Result};

/// Most tags of one job.
const TAGS_MAX: usize = 20;

/// A new job id: 36 characters like a UUID, the last five `jb` and three more, as DRS's are.
pub(crate) fn new_job_id() -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut id = uuid::Uuid::new_v4().to_string();
    id.truncate(31);
    id.push_str("jb");
    for _ in 0..3 {
        let i: usize = rand::random_range(0..DIGITS.len());
        id.push(char::from(*DIGITS.get(i).unwrap_or(&b'0')));
    }
    id
}

/// A new id of anything else.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Checks a job's name.
///
/// # Errors
/// [`Refusal::Invalid`].
pub(crate) fn check_job_name(name: &str) -> Result<()> {
    let fits = (4..=50).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if fits {
        return Ok(());
    }
    let allowed = "4 to 50 characters, a letter first, then letters, digits, '-' and '_'";
    Err(Refusal::invalid("name", name, allowed))
}

/// Checks a job's description.
///
/// # Errors
/// [`Refusal::Invalid`].
pub(crate) fn check_description(text: &str) -> Result<()> {
    const FORBIDDEN: [char; 7] = ['!', '<', '>', '&', '\'', '"', '\\'];
    if text.chars().count() <= 256 && !text.contains(FORBIDDEN) {
        return Ok(());
    }
    Err(Refusal::invalid("description", text, "at most 256 characters, none of ! < > & ' \" \\"))
}

/// Checks a job's days.
///
/// # Errors
/// [`Refusal::Invalid`].
pub(crate) fn check_expired_days(days: u32) -> Result<()> {
    if (14..=100).contains(&days) {
        return Ok(());
    }
    Err(Refusal::invalid("expired_days", days, "14 to 100"))
}

/// Checks a value of a closed set.
///
/// # Errors
/// [`Refusal::Invalid`].
pub(crate) fn check_one_of(field: &str, value: &str, allowed: &[&str]) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(Refusal::invalid(field, value, allowed.join(", ")))
}

/// Checks a job's tags.
///
/// # Errors
/// [`Refusal::Invalid`].
pub(crate) fn check_tags(tags: &[Tag]) -> Result<()> {
    if tags.len() > TAGS_MAX {
        let count = format!("{} tags", tags.len());
        return Err(Refusal::invalid("tags", count, format!("at most {TAGS_MAX}")));
    }
    let mut keys = std::collections::HashSet::new();
    for tag in tags {
        if !(1..=128).contains(&tag.key.chars().count()) {
            return Err(Refusal::invalid("tags.key", &tag.key, "1 to 128 characters"));
        }
        if tag.value.chars().count() > 255 {
            return Err(Refusal::invalid("tags.value", &tag.value, "at most 255 characters"));
        }
        if !keys.insert(tag.key.as_str()) {
            return Err(Refusal::invalid("tags.key", &tag.key, "each key once"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_drs() {
        let id = new_job_id();
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
        assert!(id.chars().all(|c| c == '-' || c.is_ascii_digit() || c.is_ascii_lowercase()));
        assert_eq!(&id[31..33], "jb");
        assert_ne!(id, new_job_id());
    }

    #[test]
    fn names_and_descriptions() {
        for name in ["DRS-1", "abcd", "a_-9"] {
            check_job_name(name).unwrap();
        }
        let long = "a".repeat(51);
        for name in ["abc", "1abc", "_abc", "ab cd", "äbcd", &long] {
            check_job_name(name).unwrap_err();
        }
        check_description(&"ü".repeat(256)).unwrap();
        check_description(&"u".repeat(257)).unwrap_err();
        check_description("a < b").unwrap_err();
    }

    #[test]
    fn tags() {
        let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
        check_tags(&[tag("a", ""), tag("b", "x")]).unwrap();
        check_tags(&[tag("a", "1"), tag("a", "2")]).unwrap_err();
        check_tags(&[tag("", "1")]).unwrap_err();
        let many: Vec<_> = (0..21).map(|i| tag(&i.to_string(), "")).collect();
        check_tags(&many).unwrap_err();
    }
}
