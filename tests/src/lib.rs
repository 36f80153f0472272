//! No library here: see main.rs.
