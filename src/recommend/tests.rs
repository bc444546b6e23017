//! Naive twins of the score and of tuning, planted shops, and the real Ta-Feng data.

mod tafeng;
mod twins;
