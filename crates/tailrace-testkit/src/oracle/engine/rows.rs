//! Functions of rows' places, and of their large objects.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::assign::to_number;
use crate::oracle::value::{RowId, Value};
use crate::oracle::wire::OraError;

/// The value of one of them, if it is one: `values` are its arguments, `first` the text of the first.
pub(super) fn call(name: &str, values: &[Value], first: &str) -> Result<Option<Value>, OraError> {
    Ok(Some(match name {
        "CHARTOROWID" => RowId::parse(first).map(Value::RowId).ok_or_else(invalid)?,
        "ROWIDTOCHAR" => Value::text(first),
        "ROWID_CREATE" => made(values)?,
        // The real one's hash is not published.
        "ORA_HASH" => {
            let buckets = to_number(values.get(1).unwrap_or(&Value::Null))?.to_i64().unwrap_or(0);
            let mut hash = DefaultHasher::new();
            first.hash(&mut hash);
            let hash = i64::try_from(hash.finish() >> 2).unwrap_or(0);
            Value::number(hash % (buckets + 1))
        }
        "GETLENGTH" => {
            let length = match values.first() {
                Some(Value::Bytes(bytes)) => bytes.len(),
                // In units of two bytes.
                _ => first.encode_utf16().count(),
            };
            Value::number(i64::try_from(length).unwrap_or(i64::MAX))
        }
        _ => return Ok(None),
    }))
}

/// `DBMS_ROWID.ROWID_CREATE` of an extended place: its kind, data object, file, block and row.
fn made(values: &[Value]) -> Result<Value, OraError> {
    let part = |place: usize| -> Result<u64, OraError> {
        let number = to_number(values.get(place).unwrap_or(&Value::Null))?;
        number.to_i64().and_then(|n| u64::try_from(n).ok()).ok_or_else(invalid)
    };
    if part(0)? != 1 {
        return Err(invalid());
    }
    Ok(Value::RowId(RowId {
        object: u32::try_from(part(1)?).map_err(|_| invalid())?,
        file: u16::try_from(part(2)?).map_err(|_| invalid())?,
        block: u32::try_from(part(3)?).map_err(|_| invalid())?,
        slot: u16::try_from(part(4)?).map_err(|_| invalid())?,
    }))
}

fn invalid() -> OraError {
    OraError::new(1410, "invalid ROWID")
}
