//! Messages as a whole: golden records, and properties over all types.

mod golden;
mod property;
