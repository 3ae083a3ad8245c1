//! Parameters of prepared statements: the empty text is NULL.

use std::io::Result;

use super::wire::{broken, text};

/// A `Bind` message with parameters of no bytes made NULL.
pub(crate) fn empty_as_null(body: &[u8]) -> Result<Vec<u8>> {
    let (_, rest) = text(body)?;
    let (_, rest) = text(rest)?;
    let mut at = body.len() - rest.len();
    at += 2 + 2 * usize::from(number(body, at)?);
    let count = number(body, at)?;
    at += 2;
    let mut changed = body[..at].to_vec();
    for _ in 0..count {
        let length = body.get(at..at + 4).ok_or_else(|| broken("a parameter without length"))?;
        let length = i32::from_be_bytes(length.try_into().expect("four bytes"));
        at += 4;
        let length = usize::try_from(length).ok();
        match length {
            None | Some(0) => changed.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(length) => {
                let value =
                    body.get(at..at + length).ok_or_else(|| broken("a parameter that is cut"))?;
                changed.extend_from_slice(&body[at - 4..at]);
                changed.extend_from_slice(value);
            }
        }
        at += length.unwrap_or(0);
    }
    changed.extend_from_slice(&body[at..]);
    Ok(changed)
}

fn number(body: &[u8], at: usize) -> Result<u16> {
    let bytes = body.get(at..at + 2).ok_or_else(|| broken("a message that is cut"))?;
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
}
