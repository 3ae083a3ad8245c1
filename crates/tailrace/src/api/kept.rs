//! Values that DRS clients send, want back unchanged, and that have no meaning here. They are kept
//! with the job or endpoint under DRS's own names.

use serde::{Serialize, de::DeserializeOwned};

use crate::control::job::Attributes;

/// Keeps a value, if there is one. An empty text is no value.
pub(crate) fn keep<T: Serialize>(attributes: &mut Attributes, name: &str, value: Option<T>) {
    let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) else { return };
    if value.as_str() != Some("") && !value.is_null() {
        attributes.insert(name.to_owned(), value);
    }
}

/// A kept value; `None` if there is none of this type.
pub(crate) fn kept<T: DeserializeOwned>(attributes: &Attributes, name: &str) -> Option<T> {
    attributes.get(name).and_then(|value| serde_json::from_value(value.clone()).ok())
}

/// The text, if it is not empty: clients send `""` for "none".
pub(crate) fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_empty_ones_are_none() {
        let mut attributes = Attributes::new();
        keep(&mut attributes, "region", Some("r"));
        keep(&mut attributes, "empty", Some(""));
        keep(&mut attributes, "absent", None::<bool>);
        keep(&mut attributes, "flag", Some(false));
        assert_eq!(kept::<String>(&attributes, "region").as_deref(), Some("r"));
        assert_eq!(kept::<bool>(&attributes, "flag"), Some(false));
        assert_eq!(kept::<bool>(&attributes, "region"), None);
        assert_eq!(attributes.len(), 2);
        assert_eq!(non_empty(Some(String::new())), None);
    }
}
