//! Values of a new job that v3 and v5 share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::{
    Refusal, Result,
    job::{SpeedWindow, Tag},
    node_type,
};

use super::{kept::non_empty, text_or_integer::TextOrInteger};

/// A tag.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct ResourceTag {
    /// Key.
    pub key: Option<String>,
    /// Value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A window of the speed limit.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct SpeedLimit {
    /// `HH:00`, UTC.
    pub begin: Option<String>,
    /// `HH:59`, UTC.
    pub end: Option<String>,
    /// Megabytes per second, 1..=9999.
    #[schema(value_type = Option<String>)]
    #[serde(serialize_with = "as_text")]
    pub speed: Option<TextOrInteger>,
    /// Must be true if it is there: times are UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_utc: Option<bool>,
}

fn as_text<S: serde::Serializer>(
    value: &Option<TextOrInteger>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    value.as_ref().map(|v| v.0.as_str()).serialize(serializer)
}

/// Only synchronization jobs are offered.
pub(crate) fn require_sync(field: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some("sync") => Ok(()),
        None | Some("") => Err(Refusal::Missing { field: field.to_owned() }),
        Some(kind @ ("migration" | "cloudDataGuard")) => Err(Refusal::Unsupported {
            what: format!("{field} {kind}"),
            instead: format!("{field} sync"),
        }),
        Some(other) => Err(Refusal::invalid(field, other, "sync")),
    }
}

/// Disaster recovery with several writers is not offered.
pub(crate) fn refuse_multi_write(value: Option<bool>) -> Result<()> {
    if value == Some(true) {
        return Err(Refusal::Unsupported {
            what: "multi_write true".into(),
            instead: "multi_write false".into(),
        });
    }
    Ok(())
}

/// Nothing is charged here, so nothing can be paid in advance.
pub(crate) fn refuse_period(charging_mode: Option<&str>) -> Result<()> {
    match charging_mode {
        None | Some("" | "on_demand") => Ok(()),
        Some("period") => Err(Refusal::Unsupported {
            what: "charging_mode period".into(),
            instead: "charging_mode on_demand".into(),
        }),
        Some(other) => Err(Refusal::invalid("charging_mode", other, "on_demand")),
    }
}

/// The node size, `high` by default.
pub(crate) fn node_type(field: &str, value: Option<String>) -> Result<String> {
    node_type::checked(field, non_empty(value))
}

/// `expired_days`, 14 by default.
pub(crate) fn expired_days(value: Option<TextOrInteger>) -> Result<u32> {
    let Some(TextOrInteger(text)) = value.filter(|v| !v.0.is_empty()) else { return Ok(14) };
    text.parse()
        .ok()
        .filter(|days| (14..=100).contains(days))
        .ok_or_else(|| Refusal::invalid("expired_days", text, "14..=100"))
}

/// Tags in control's form; control checks them.
pub(crate) fn tags(tags: Vec<ResourceTag>) -> Vec<Tag> {
    tags.into_iter()
        .map(|tag| Tag { key: tag.key.unwrap_or_default(), value: tag.value.unwrap_or_default() })
        .collect()
}

/// Tags as they are answered.
pub(crate) fn tag_views(tags: &[Tag]) -> Vec<ResourceTag> {
    tags.iter()
        .map(|tag| ResourceTag { key: Some(tag.key.clone()), value: Some(tag.value.clone()) })
        .collect()
}

/// Windows of the speed limit in control's form; control checks their times.
pub(crate) fn speed_windows(limits: Vec<SpeedLimit>) -> Result<Vec<SpeedWindow>> {
    let window = |(i, limit): (usize, SpeedLimit)| {
        let field = |name: &str| format!("speed_limit[{i}].{name}");
        let required = |name: &str, value: Option<String>| {
            non_empty(value).ok_or_else(|| Refusal::Missing { field: field(name) })
        };
        if limit.is_utc == Some(false) {
            return Err(Refusal::invalid(field("is_utc"), "false", "true: times are UTC"));
        }
        let speed = required("speed", limit.speed.map(|s| s.0))?;
        let megabytes_per_second = speed
            .parse()
            .ok()
            .filter(|speed| (1..=9999).contains(speed))
            .ok_or_else(|| Refusal::invalid(field("speed"), speed, "1..=9999"))?;
        Ok(SpeedWindow {
            begin: required("begin", limit.begin)?,
            end: required("end", limit.end)?,
            megabytes_per_second,
        })
    };
    limits.into_iter().enumerate().map(window).collect()
}

/// Windows of the speed limit as they are answered.
pub(crate) fn speed_views(windows: &[SpeedWindow], with_zone: bool) -> Vec<SpeedLimit> {
    windows
        .iter()
        .map(|window| SpeedLimit {
            begin: Some(window.begin.clone()),
            end: Some(window.end.clone()),
            speed: Some(TextOrInteger(window.megabytes_per_second.to_string())),
            is_utc: with_zone.then_some(true),
        })
        .collect()
}

/// A time to start at: milliseconds of the Unix epoch as text. Empty and `0` are now.
pub(crate) fn start_time(field: &str, value: Option<TextOrInteger>) -> Result<Option<i64>> {
    match value {
        None => Ok(None),
        Some(TextOrInteger(text)) if text.is_empty() || text == "0" => Ok(None),
        Some(TextOrInteger(text)) => {
            text.parse().ok().filter(|ms: &i64| *ms > 0).map(Some).ok_or_else(|| {
                Refusal::invalid(field, text, "milliseconds of the Unix epoch, as text")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<TextOrInteger> {
        Some(TextOrInteger(text.to_owned()))
    }

    #[test]
    fn days_and_start_times() {
        assert_eq!(expired_days(None), Ok(14));
        assert_eq!(expired_days(text("")), Ok(14));
        assert_eq!(expired_days(text("100")), Ok(100));
        for wrong in ["13", "101", "x", "-14", "14.0"] {
            assert_eq!(
                expired_days(text(wrong)),
                Err(Refusal::invalid("expired_days", wrong, "14..=100"))
            );
        }
        assert_eq!(start_time("start_time", text("1608519469412")), Ok(Some(1_608_519_469_412)));
        assert_eq!(start_time("start_time", text("0")), Ok(None));
        assert_eq!(start_time("start_time", None), Ok(None));
        assert!(start_time("start_time", text("tomorrow")).is_err());
        assert!(start_time("start_time", text("-5")).is_err());
    }

    #[test]
    fn speed_limits_round_trip_as_text() {
        let limit = SpeedLimit {
            begin: Some("01:00".into()),
            end: Some("05:59".into()),
            speed: text("15"),
            is_utc: Some(true),
        };
        let windows = speed_windows(vec![limit.clone()]).expect("valid");
        assert_eq!(speed_views(&windows, true), [limit]);
        let json = serde_json::to_value(speed_views(&windows, false)).expect("JSON");
        assert_eq!(json, serde_json::json!([{"begin": "01:00", "end": "05:59", "speed": "15"}]));
        for (speed, is_utc) in [("0", None), ("10000", None), ("x", None), ("5", Some(false))] {
            let limit = SpeedLimit {
                begin: Some("01:00".into()),
                end: Some("05:59".into()),
                speed: text(speed),
                is_utc,
            };
            assert!(speed_windows(vec![limit]).is_err(), "{speed} {is_utc:?}");
        }
    }
}
