mod expected;
mod metadata;
mod print;
mod replay;
mod replayed_tables;
