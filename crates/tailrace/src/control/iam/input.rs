//! What names, descriptions and passwords of IAM may be.

use secrecy::{ExposeSecret as _, SecretString};

use crate::control::refusal::{Refusal, Result};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 64;
/// Characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 255;
/// Bytes of a password, least and most.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=1024;

/// A name of a user, group, project or policy.
pub(super) fn name(field: &str, name: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '@');
    let is_name = !name.trim().is_empty()
        && name.trim() == name
        && name.chars().count() <= NAME_CHARS_MAX
        && name.chars().all(fits);
    if is_name {
        return Ok(());
    }
    let allowed = format!("1 to {NAME_CHARS_MAX} letters, digits, -, _, ., @ and inner spaces");
    Err(Refusal::invalid(field, name, allowed))
}

/// A description.
pub(super) fn description(field: &str, text: &str) -> Result<()> {
    if text.chars().count() <= DESCRIPTION_CHARS_MAX && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let allowed = format!("at most {DESCRIPTION_CHARS_MAX} characters, no control characters");
    Err(Refusal::invalid(field, text, allowed))
}

/// A password. The refusal does not repeat it.
pub(super) fn password(field: &str, password: &SecretString) -> Result<()> {
    let password = password.expose_secret();
    if !PASSWORD_BYTES.contains(&password.len()) {
        let allowed = format!("{} to {} bytes", PASSWORD_BYTES.start(), PASSWORD_BYTES.end());
        return Err(Refusal::invalid(field, "a text of another length", allowed));
    }
    let kinds: [fn(char) -> bool; 4] =
        [|c| c.is_lowercase(), |c| c.is_uppercase(), |c| c.is_numeric(), |c| !c.is_alphanumeric()];
    if kinds.iter().filter(|is_kind| password.chars().any(is_kind)).count() < 2 {
        let allowed = "two of: small letters, capital letters, digits, other characters";
        return Err(Refusal::invalid(field, "a text of one kind of characters", allowed));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_and_passwords_may_be() {
        for good in ["a", "Anna K.", "ops@site-1", "名字", "a_b"] {
            assert_eq!(name("name", good), Ok(()), "{good}");
        }
        for bad in ["", " ", " a", "a ", "a/b", "a\nb", "a\"", &"x".repeat(NAME_CHARS_MAX + 1)] {
            assert!(name("name", bad).is_err(), "{bad:?}");
        }
        assert!(description("d", &"x".repeat(DESCRIPTION_CHARS_MAX + 1)).is_err());
        assert!(description("d", "a\u{7}").is_err());
        let check = |text: &str| password("user.password", &SecretString::from(text));
        assert_eq!(check("longer-than-8"), Ok(()));
        for bad in ["Short1", "onlysmallletters", &"aB".repeat(600)] {
            let refusal = check(bad).expect_err("not allowed");
            assert!(!refusal.to_string().contains(bad), "{refusal}");
        }
    }
}
