//! Reading of JSON bodies: strict where leniency hides mistakes (duplicate members, invalid UTF-8,
//! depth), lenient where clients differ (`null` is the same as absent).

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{message::Message, refusal::join};

/// Objects and arrays inside each other.
pub(crate) const DEPTH_MAX: usize = 32;
/// Characters of a value of the wrong type that an error shows, what is said about it included.
const SHOWN_CHARS_MAX: usize = 120;
/// Members whose value never appears in an answer or a log, not even in an error about it.
const SECRET_MEMBERS: &[&str] = &[
    "password",
    "db_password",
    "ssl_cert_password",
    "ssl_cert_key",
    "trust_store_password",
    "trust_store_key",
    "key_store_password",
    "key_store_key",
    "key_password",
    "registry_password",
];

/// Reads `bytes` as an object of type `T`.
///
/// # Errors
/// [`Message::Malformed`], with the path of the member where it is known.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Message> {
    let value = parse(bytes)?;
    if !value.is_object() {
        return Err(malformed("", "the body must be a JSON object"));
    }
    from_value(value)
}

/// Reads `bytes` as an array of `T`: JSON that a client packs into a text.
///
/// # Errors
/// [`Message::Malformed`], as [`read`].
pub(crate) fn read_list<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, Message> {
    from_value(parse(bytes)?)
}

/// Reads a member of a body that was parsed before; `path` is where it is.
///
/// # Errors
/// [`Message::Malformed`], as [`read`].
pub(crate) fn member<T: DeserializeOwned>(path: &str, value: &Value) -> Result<T, Message> {
    if !value.is_object() {
        return Err(malformed(path, "the value must be a JSON object"));
    }
    from_value(value.clone()).map_err(|message| match message {
        Message::Malformed { field, detail } => {
            Message::Malformed { field: join(path, &field), detail }
        }
        other => other,
    })
}

/// Turns a parsed body into `T`.
fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Message> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let field = e.path().to_string();
        let last = field.rsplit('.').next().unwrap_or("");
        if SECRET_MEMBERS.contains(&last) {
            return malformed(&field, "the value has the wrong type, expected a string");
        }
        let field = if field == "." { String::new() } else { field };
        malformed(&field, &shortened(&e.inner().to_string()))
    })
}

/// A reader's error without most of a long value, but with what was expected in its place.
fn shortened(text: &str) -> String {
    let expected = text.rfind(", expected").unwrap_or(text.len());
    let (shown, expected) = text.split_at(expected);
    match shown.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((cut, _)) => format!("{}…{expected}", &shown[..cut]),
        None => text.to_owned(),
    }
}

/// Parses a body: UTF-8, no duplicate member, at most [`DEPTH_MAX`] deep. `null` members are dropped.
///
/// # Errors
/// [`Message::Malformed`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Message> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        malformed("", &format!("the body is not UTF-8 at byte {}", e.valid_up_to()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(malformed("", "the body is empty, expected a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|e| malformed("", &format!("the body is not valid JSON: {e}")))?;
    Ok(value)
}

fn malformed(field: &str, detail: &str) -> Message {
    Message::Malformed { field: field.to_owned(), detail: detail.to_owned() }
}

/// Builds a [`Value`] and refuses what `serde_json` lets pass.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom(format!("it is nested more than {DEPTH_MAX} levels deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut seen = std::collections::HashSet::new();
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("member {key:?} appears twice")));
            }
            if !value.is_null() {
                members.insert(key, value);
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Item {
        name: Option<String>,
        db_port: Option<u16>,
        db_password: Option<String>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Body {
        jobs: Vec<Item>,
    }

    fn detail(bytes: &[u8]) -> String {
        match read::<Body>(bytes) {
            Err(Message::Malformed { field, detail }) => format!("{field}|{detail}"),
            other => panic!("expected a malformed body, got {other:?}"),
        }
    }

    #[test]
    fn null_is_absent() {
        let body: Body = read(br#"{"jobs":[{"name":null,"db_port":7}],"other":null}"#).expect("ok");
        assert_eq!(body.jobs, [Item { db_port: Some(7), ..Item::default() }]);
        assert_eq!(read::<Body>(br#"{"jobs":null}"#).expect("ok"), Body::default());
    }

    #[test]
    fn errors_name_the_path_and_what_was_expected() {
        let text = detail(br#"{"jobs":[{},{"db_port":"3306"}]}"#);
        assert!(text.starts_with("jobs[1].db_port|") && text.contains("u16"), "{text}");
        assert!(detail(br#"{"jobs":[{"db_port":70000}]}"#).contains("70000"));
        assert!(detail(br#"{"jobs":{}}"#).starts_with("jobs|"));
    }

    #[test]
    fn a_secret_does_not_come_back_in_an_error() {
        let text = detail(br#"{"jobs":[{"db_password":8135551212}]}"#);
        assert!(text.starts_with("jobs[0].db_password|") && !text.contains("8135"), "{text}");
    }

    #[test]
    fn damaged_bodies_are_refused() {
        assert!(detail(b"").contains("empty"));
        assert!(detail(b" \n").contains("empty"));
        assert!(detail(b"{\"a\":\"\xff\"}").contains("not UTF-8 at byte 6"));
        assert!(detail(br#"{"a":1,"a":2}"#).contains("appears twice"));
        assert!(detail(br#"{"a":null,"a":2}"#).contains("appears twice"));
        assert!(detail(br#"{"a":{"b":[{"c":1,"c":1}]}}"#).contains("appears twice"));
        assert!(detail(b"[]").contains("object"));
        assert!(detail(b"{} x").contains("not valid JSON"));
        assert!(detail(b"{\"a\":1e999}").contains("not valid JSON"));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert!(detail(deep.as_bytes()).contains("levels deep"));
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Body>(&bytes);
        }
    }
}
