//! The text that `docs/message-format.md` promises for a value, made from what the server gives over
//! the binary protocol. Shares nothing with the product's encoders.

use mysql_async::Value;

use super::message::Format;

/// How a column is selected and how what comes back becomes text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rendering {
    /// SQL expression.
    pub(super) expression: String,
    /// What to do with its value.
    pub(super) rule: Rule,
}

/// From a value to its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Numbers as decimal digits, strings as they are.
    Plain,
    /// As Java prints a float or a double.
    Java,
    /// As Java prints a list of signed bytes.
    Bytes,
    /// As a list of floats.
    Floats,
}

/// The rendering of a column of a type, as the catalog spells it (`DATA_TYPE`), with its number of
/// fractional-second digits.
pub(super) fn rendering(
    column: &str,
    data_type: &str,
    fsp: u32,
    format: Format,
) -> Option<Rendering> {
    let name = format!("`{}`", column.replace('`', "``"));
    let (expression, rule) = match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" => (name, Rule::Plain),
        "float" | "double" => (name, Rule::Java),
        "bit" => (format!("CAST({name} AS UNSIGNED)"), Rule::Plain),
        "year" | "date" | "time" | "datetime" | "json" => {
            (format!("CAST({name} AS CHAR)"), Rule::Plain)
        }
        "timestamp" => match format {
            Format::Json => {
                let digits = if fsp > 3 { 6 } else { 3 };
                (format!("CAST(UNIX_TIMESTAMP({name}) AS DECIMAL(20,{digits}))"), Rule::Plain)
            }
            Format::JsonC => (format!("CAST({name} AS CHAR)"), Rule::Plain),
        },
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => {
            (format!("CONVERT({name} USING utf8mb4)"), Rule::Plain)
        }
        // As a plain string of bytes: not every driver knows the type.
        "vector" => (format!("UNHEX(HEX({name}))"), Rule::Floats),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry"
        | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geomcollection" => (name, Rule::Bytes),
        _ => return None,
    };
    Some(Rendering { expression, rule })
}

/// The `sqlType` of a type.
pub(super) fn type_code(data_type: &str) -> Option<i64> {
    Some(match data_type {
        "tinyint" => -6,
        "smallint" | "year" => 5,
        "mediumint" | "int" => 4,
        "bigint" => -5,
        "decimal" => 3,
        "float" => 6,
        "double" => 8,
        "bit" => -7,
        "date" => 91,
        "time" => 92,
        "datetime" => 94,
        "timestamp" => 93,
        "char" | "enum" | "set" => 1,
        "varchar" => 12,
        "tinytext" | "text" | "mediumtext" | "longtext" | "json" => -1,
        "varbinary" => -3,
        "tinyblob" | "blob" | "mediumblob" | "longblob" => 2004,
        "vector" => 1111,
        "binary" | "geometry" | "point" | "linestring" | "polygon" | "multipoint"
        | "multilinestring" | "multipolygon" | "geomcollection" => -2,
        _ => return None,
    })
}

impl Rule {
    /// The text of a value; `None` for NULL.
    ///
    /// # Errors
    /// The server gave a value of another kind than the column's type lets expect.
    pub(super) fn text(self, value: Value) -> Result<Option<String>, String> {
        Ok(Some(match (self, value) {
            (_, Value::NULL) => return Ok(None),
            (Self::Plain, Value::Int(n)) => n.to_string(),
            (Self::Plain, Value::UInt(n)) => n.to_string(),
            (Self::Plain, Value::Bytes(b)) => {
                String::from_utf8(b).map_err(|e| format!("the server sent no UTF-8: {e}"))?
            }
            (Self::Java, Value::Float(x)) => java(&f32_digits(x)),
            (Self::Java, Value::Double(x)) => java(&f64_digits(x)),
            (Self::Bytes, Value::Bytes(b)) => {
                list(b.into_iter().map(|b| b.cast_signed().to_string()))
            }
            (Self::Floats, Value::Bytes(b)) => list(
                b.chunks_exact(4)
                    .map(|c| java(&f32_digits(f32::from_le_bytes([c[0], c[1], c[2], c[3]])))),
            ),
            (rule, value) => return Err(format!("{rule:?} cannot print {value:?}")),
        }))
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Scientific notation with the digits that Java takes: the fewest that tell the value from its
/// neighbours, and of those the closest, with an even last digit if two are as close; but of values
/// with one digit the closest with two.
macro_rules! digits {
    ($name:ident, $float:ty) => {
        fn $name(x: $float) -> String {
            let two = format!("{x:.1e}");
            if two.parse() == Ok(x) {
                return two;
            }
            let shortest = format!("{x:e}");
            let places = shortest.split_once('e').map_or(0, |(mantissa, _)| {
                mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len())
            });
            // Rounded exactly, half to even; `{:e}` alone takes either of two that are as close.
            let closest = format!("{x:.places$e}");
            if closest.parse() == Ok(x) { closest } else { shortest }
        }
    };
}

digits!(f64_digits, f64);
digits!(f32_digits, f32);

/// From `-1.25e-7` to Java's layout: plain for 0.001 ≤ |x| < 10⁷, else with `E`; always a digit on
/// both sides of the point.
fn java(scientific: &str) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific.to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = format!("{whole}{}", fraction.trim_end_matches('0'));
    if digits.bytes().all(|d| d == b'0') {
        return format!("{sign}0.0");
    }
    let or_zero = |text: &str| if text.is_empty() { "0".to_owned() } else { text.to_owned() };
    if (0..7).contains(&exponent) {
        let split = usize::try_from(exponent).unwrap_or(0) + 1;
        let padded = format!("{digits:0<split$}");
        let (whole, fraction) = padded.split_at(split);
        format!("{sign}{whole}.{}", or_zero(fraction))
    } else if (-3..0).contains(&exponent) {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        format!("{sign}0.{zeros}{digits}")
    } else {
        let (whole, fraction) = digits.split_at(1);
        format!("{sign}{whole}.{}E{exponent}", or_zero(fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values printed by `Double.toString` of JDK 19 and later.
    #[test]
    fn doubles_print_as_in_java() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (12_510_357.0, "1.2510357E7"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (0.001, "0.001"),
            (0.000_999, "9.99E-4"),
            (123.456, "123.456"),
            (100.0, "100.0"),
            (2e23, "2.0E23"),
            (f64::MAX, "1.7976931348623157E308"),
            (5e-324, "4.9E-324"),
            (0.1 + 0.2, "0.30000000000000004"),
        ];
        for (x, text) in cases {
            assert_eq!(Rule::Java.text(Value::Double(x)), Ok(Some(text.into())));
        }
    }

    #[test]
    fn floats_print_as_in_java() {
        let cases = [
            (10357.0_f32, "10357.0"),
            (188_490.13, "188490.12"),
            (1e-45, "1.4E-45"),
            (0.1, "0.1"),
            (16_777_216.0, "1.6777216E7"),
        ];
        for (x, text) in cases {
            assert_eq!(Rule::Java.text(Value::Float(x)), Ok(Some(text.into())));
        }
    }

    #[test]
    fn bytes_are_signed() {
        let text = Rule::Bytes.text(Value::Bytes(vec![106, 0, 255]));
        assert_eq!(text, Ok(Some("[106, 0, -1]".into())));
        assert_eq!(Rule::Bytes.text(Value::Bytes(vec![])), Ok(Some("[]".into())));
    }
}
