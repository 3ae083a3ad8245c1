//! How values are written of which Debezium has several forms: its connector's `*.handling.mode` and `time.precision.mode`.

use serde::{Deserialize, Serialize};

/// `DECIMAL`, by `decimal.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DecimalMode {
    /// The unscaled value's bytes.
    #[default]
    Precise,
    /// A number of 64 bits, which may be another one.
    Double,
    /// Text.
    String,
}

/// `BIGINT UNSIGNED`, by `bigint.unsigned.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BigintUnsignedMode {
    /// A signed number of 64 bits: those above its range are below zero.
    #[default]
    Long,
    /// The value's bytes, as a decimal without digits behind the point.
    Precise,
}

/// `BINARY`, `VARBINARY` and the `BLOB` family, by `binary.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BinaryMode {
    /// Bytes, in JSON as base64.
    #[default]
    Bytes,
    /// Text in base64.
    Base64,
    /// Text in base64 with `-` and `_`.
    Base64UrlSafe,
    /// Text of hexadecimal digits, lower case.
    Hex,
}

/// `DATE`, `TIME` and `DATETIME`, by `time.precision.mode`. A `TIMESTAMP` is text in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TimeMode {
    /// Days, microseconds; milliseconds up to three fraction digits, else microseconds.
    #[default]
    AdaptiveTimeMicroseconds,
    /// Kafka Connect's own types: days, milliseconds, milliseconds.
    Connect,
    /// Days, microseconds, microseconds.
    Microseconds,
    /// Days, nanoseconds, nanoseconds.
    Nanoseconds,
    /// Text of ISO 8601 in UTC.
    IsoString,
}

/// All of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DebeziumModes {
    /// `decimal.handling.mode`
    pub decimal: DecimalMode,
    /// `bigint.unsigned.handling.mode`
    pub bigint_unsigned: BigintUnsignedMode,
    /// `binary.handling.mode`
    pub binary: BinaryMode,
    /// `time.precision.mode`
    pub time: TimeMode,
}

const DECIMAL: &str = "decimal.handling.mode";
const BIGINT_UNSIGNED: &str = "bigint.unsigned.handling.mode";
const BINARY: &str = "binary.handling.mode";
const TIME: &str = "time.precision.mode";

const DECIMAL_MODES: [(DecimalMode, &str); 3] = [
    (DecimalMode::Precise, "precise"),
    (DecimalMode::Double, "double"),
    (DecimalMode::String, "string"),
];
const BIGINT_UNSIGNED_MODES: [(BigintUnsignedMode, &str); 2] =
    [(BigintUnsignedMode::Long, "long"), (BigintUnsignedMode::Precise, "precise")];
const BINARY_MODES: [(BinaryMode, &str); 4] = [
    (BinaryMode::Bytes, "bytes"),
    (BinaryMode::Base64, "base64"),
    (BinaryMode::Base64UrlSafe, "base64-url-safe"),
    (BinaryMode::Hex, "hex"),
];
const TIME_MODES: [(TimeMode, &str); 5] = [
    (TimeMode::AdaptiveTimeMicroseconds, "adaptive_time_microseconds"),
    (TimeMode::Connect, "connect"),
    (TimeMode::Microseconds, "microseconds"),
    (TimeMode::Nanoseconds, "nanoseconds"),
    (TimeMode::IsoString, "isostring"),
];

/// What is wrong with a text of modes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeFault {
    /// The part that is wrong.
    pub given: String,
    /// What it may be.
    pub allowed: String,
}

fn find<M: Copy>(modes: &[(M, &'static str)], (name, value): (&str, &str)) -> Result<M, ModeFault> {
    modes.iter().find(|(_, known)| *known == value).map(|(mode, _)| *mode).ok_or_else(|| {
        let known: Vec<&str> = modes.iter().map(|(_, known)| *known).collect();
        ModeFault {
            given: format!("{name}={value}"),
            allowed: format!("{name} with {}", known.join(", ")),
        }
    })
}

fn name_of<M: PartialEq>(modes: &[(M, &'static str)], mode: M) -> &'static str {
    modes.iter().find(|(known, _)| *known == mode).map_or("", |(_, name)| name)
}

impl DebeziumModes {
    /// Reads modes as Debezium's users write them: `decimal.handling.mode=string,binary.handling.mode=hex`.
    ///
    /// # Errors
    /// A name or a value that is none, or a name that is there twice.
    pub fn parse(text: &str) -> Result<Self, ModeFault> {
        let mut modes = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let pair = (name.trim(), value.trim());
            match pair.0 {
                DECIMAL => modes.decimal = find(&DECIMAL_MODES, pair)?,
                BIGINT_UNSIGNED => modes.bigint_unsigned = find(&BIGINT_UNSIGNED_MODES, pair)?,
                BINARY => modes.binary = find(&BINARY_MODES, pair)?,
                TIME => modes.time = find(&TIME_MODES, pair)?,
                _ => {
                    let allowed = [DECIMAL, BIGINT_UNSIGNED, BINARY, TIME].join(", ");
                    return Err(ModeFault { given: part.to_owned(), allowed });
                }
            }
            if seen.contains(&pair.0) {
                let allowed = "each mode once".to_owned();
                return Err(ModeFault { given: part.to_owned(), allowed });
            }
            seen.push(pair.0);
        }
        Ok(modes)
    }

    /// Those that differ from Debezium's defaults, as [`DebeziumModes::parse`] reads them; empty for none.
    pub fn text(self) -> String {
        let (usual, mut parts) = (Self::default(), Vec::new());
        let mut put = |is_usual: bool, name: &str, value: &str| {
            if !is_usual {
                parts.push(format!("{name}={value}"));
            }
        };
        put(self.decimal == usual.decimal, DECIMAL, name_of(&DECIMAL_MODES, self.decimal));
        put(
            self.bigint_unsigned == usual.bigint_unsigned,
            BIGINT_UNSIGNED,
            name_of(&BIGINT_UNSIGNED_MODES, self.bigint_unsigned),
        );
        put(self.binary == usual.binary, BINARY, name_of(&BINARY_MODES, self.binary));
        put(self.time == usual.time, TIME, name_of(&TIME_MODES, self.time));
        parts.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        assert_eq!(DebeziumModes::parse("").unwrap(), DebeziumModes::default());
        assert_eq!(DebeziumModes::default().text(), "");
        let text = "decimal.handling.mode=string,bigint.unsigned.handling.mode=precise,\
                    binary.handling.mode=base64-url-safe,time.precision.mode=isostring";
        assert_eq!(DebeziumModes::parse(text).unwrap().text(), text);
        let modes = DebeziumModes::parse(" time.precision.mode = connect , ").unwrap();
        assert_eq!(modes, DebeziumModes { time: TimeMode::Connect, ..DebeziumModes::default() });
        for (text, given, allowed) in [
            ("decimal.handling.mode", "decimal.handling.mode=", "precise, double, string"),
            ("time.precision.mode=adaptive", "time.precision.mode=adaptive", "connect"),
            ("hex", "hex", "binary.handling.mode"),
            (
                "binary.handling.mode=hex,binary.handling.mode=hex",
                "binary.handling.mode=hex",
                "once",
            ),
        ] {
            let fault = DebeziumModes::parse(text).unwrap_err();
            assert_eq!(fault.given, given);
            assert!(fault.allowed.contains(allowed), "{fault:?}");
        }
    }
}
