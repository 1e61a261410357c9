//! Tests of the system group.
