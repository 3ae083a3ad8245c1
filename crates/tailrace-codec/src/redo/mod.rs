//! Oracle LogMiner's `SQL_REDO`: what a change was, read from the statement that would repeat it.
//!
//! ```text
//! insert into "HR"."EMP"("ID","NAME") values ('1','O''Hara');
//! update "HR"."EMP" set "NAME" = NULL where "ID" = '1' and "NAME" = 'O''Hara' and ROWID = 'AAASPkAAEAAAAF7AAA';
//! delete from "HR"."EMP" where "ID" = '1' and "NAME" IS NULL;
//! ```
//!
//! The text is generated, so its shape is narrow; what does not have that shape is an error and never a guess. Nothing is
//! copied: a [`Dml`] has places in the text and is used again for the next one.
//!
//! Source: Oracle Database Utilities, "Using LogMiner to Analyze Redo Log Files"; Database Reference, `V$LOGMNR_CONTENTS`.

mod assembly;
mod changes;
mod continuation;
mod dml;
mod lob;
mod scan;
#[cfg(test)]
mod tests;
mod value;

pub use assembly::{Assembled, Assembly, RedoRow, Xid};
pub use changes::{Aside, Change, ChangeKind, Changes, PIECE_BYTES};
pub use continuation::{Continuation, Joined};
pub use dml::{Dml, DmlKind};
pub use lob::{LobAction, LobStep};
pub use value::{Form, Name, Value};
