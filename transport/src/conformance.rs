//! The suite that every adapter of the bus passes.
