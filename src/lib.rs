//! nextoffer
pub mod base;
pub mod store;
pub mod engine;
pub mod input;
pub mod history;
