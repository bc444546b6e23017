//! Naive twins of the score and of tuning, planted shops, and the real Ta-Feng data.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "a test reads the data beside the project itself, and prints its figures"
)]

mod alike;
mod online_retail;
mod real;
mod tafeng;
mod twins;
