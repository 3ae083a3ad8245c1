//! Messages as a whole: golden records, and properties over all types.

mod avro;
mod canal;
mod golden;
mod maxwell;
mod property;
