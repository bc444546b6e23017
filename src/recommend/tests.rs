//! Naive twins of the score and of tuning, planted shops, and the real Ta-Feng data.

mod online_retail;
mod real;
mod tafeng;
mod twins;
