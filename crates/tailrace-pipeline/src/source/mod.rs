//! Where rows and changes come from.

pub(crate) mod mysql;
