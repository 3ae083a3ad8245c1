//! Where rows and changes come from.

pub mod mysql;
