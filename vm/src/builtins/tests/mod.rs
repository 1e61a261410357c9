//! Tests of the built-ins: one table of expressions for each family, and what the tables cannot say.

mod arrays;
mod dates;
mod hosts;
mod limits;
mod numbers;
mod objects;
mod patterns;
mod texts;
