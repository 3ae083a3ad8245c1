pub(crate) mod expected;
mod metadata;
mod print;
pub(crate) mod replay;
mod replayed_tables;
