//! nextoffer
pub mod base;
pub mod input;
pub mod history;
