//! The texts of a column: from its character set into JSON, and the members of `ENUM` and `SET`.

use super::{
    error::ValueError,
    escape::{push_decoded, push_str, push_text},
};
use crate::{
    charset::Decoder,
    error::DecodeError,
    schema::{Column, ColumnType},
};

/// What the texts of one column need, compiled. `RULES` are those of [`escape`](super::escape).
#[derive(Debug)]
pub(super) struct ColumnText<const RULES: bool> {
    /// From the column's character set to UTF-8.
    decoder: &'static Decoder,
    /// The character set contains ASCII, so that runs of it can be copied without decoding.
    contains_ascii: bool,
    /// For text that the server has converted already. Bad bytes of a `utf8mb4` column come
    /// through that conversion as they are.
    utf8mb4: &'static Decoder,
    /// Members of `ENUM` or `SET`, escaped.
    members: Box<[Box<[u8]>]>,
}

impl<const RULES: bool> ColumnText<RULES> {
    /// # Errors
    /// The column's collation has a character set that cannot be converted to UTF-8.
    pub(super) fn compile(column: &Column) -> Result<Self, DecodeError> {
        let utf8mb4 = Decoder::for_charset("utf8mb4")?;
        let decoder = match column.kind {
            ColumnType::Char | ColumnType::VarChar | ColumnType::Text => {
                Decoder::for_collation(column.collation)?
            }
            _ => utf8mb4,
        };
        let members = match &column.kind {
            ColumnType::Enum(members) | ColumnType::Set(members) => {
                members.iter().map(|member| escaped::<RULES>(member)).collect()
            }
            _ => Box::default(),
        };
        Ok(Self { decoder, contains_ascii: contains_ascii(decoder), utf8mb4, members })
    }

    /// Appends bytes in the column's character set.
    #[inline]
    pub(super) fn push(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        if self.contains_ascii {
            push_text::<RULES>(out, bytes, self.decoder);
        } else {
            push_decoded::<RULES>(out, bytes, self.decoder);
        }
    }

    /// Appends bytes that are UTF-8 already.
    #[inline]
    pub(super) fn push_utf8(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        push_text::<RULES>(out, bytes, self.utf8mb4);
    }

    /// Appends an `ENUM`'s member; index 0 is the empty string, MySQL's error value.
    ///
    /// # Errors
    /// There are fewer members.
    pub(super) fn push_enum(&self, out: &mut Vec<u8>, index: u16) -> Result<(), ValueError> {
        let Some(position) = usize::from(index).checked_sub(1) else { return Ok(()) };
        let member = self.members.get(position).ok_or_else(|| {
            ValueError::new(format!(
                "ENUM index {index} is outside of the {} declared members",
                self.members.len()
            ))
        })?;
        out.extend_from_slice(member);
        Ok(())
    }

    /// Appends a `SET`'s members in declared order with a separator between them.
    ///
    /// # Errors
    /// There are fewer members.
    pub(super) fn push_set(
        &self,
        out: &mut Vec<u8>,
        mut bits: u64,
        separator: &[u8],
    ) -> Result<(), ValueError> {
        let all = bits;
        let mut first = true;
        while bits != 0 {
            let position = bits.trailing_zeros();
            bits &= bits - 1;
            let member = self.members.get(position as usize).ok_or_else(|| {
                ValueError::new(format!(
                    "SET bitmap {all:#x} has bit {position}, there are {} declared members",
                    self.members.len()
                ))
            })?;
            if !std::mem::take(&mut first) {
                out.extend_from_slice(separator);
            }
            out.extend_from_slice(member);
        }
        Ok(())
    }
}

/// Every ASCII byte stands for itself. False for UTF-16 and its like and for national 7-bit sets.
fn contains_ascii(decoder: &Decoder) -> bool {
    let ascii: [u8; 128] = std::array::from_fn(|byte| byte as u8);
    decoder.pass_through(&ascii).is_some()
}

/// A text as it stands between quotes.
pub(super) fn escaped<const RULES: bool>(text: &str) -> Box<[u8]> {
    let mut out = Vec::new();
    push_str::<RULES>(&mut out, text);
    out.into()
}
