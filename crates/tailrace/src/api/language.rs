//! The language of texts for people, chosen per request by `X-Language`.

use axum::http::HeaderMap;

use crate::control::Language;

/// Reads `X-Language`; English if it is absent or not known.
pub(crate) fn of(headers: &HeaderMap) -> Language {
    of_text(headers.get("x-language").and_then(|v| v.to_str().ok()).unwrap_or(""))
}

/// The language of this name.
pub(crate) fn of_text(name: &str) -> Language {
    if name.trim().eq_ignore_ascii_case("zh-cn") { Language::Chinese } else { Language::English }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_languages_are_english() {
        assert_eq!(of_text("zh-cn"), Language::Chinese);
        assert_eq!(of_text(" ZH-CN"), Language::Chinese);
        assert_eq!(of_text("en-us"), Language::English);
        assert_eq!(of_text("fr"), Language::English);
        assert_eq!(of(&HeaderMap::new()), Language::English);
    }
}
