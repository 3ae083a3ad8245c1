//! Messages as a whole: golden records, and properties over all types.

mod canal;
mod golden;
mod maxwell;
mod property;
