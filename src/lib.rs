//! nextoffer
pub mod base;
pub mod store;
pub mod engine;
pub mod input;
pub mod history;
pub mod kmeans;
pub mod evaluate;
pub mod features;
pub mod items;
pub mod segments;
pub mod recommend;
pub mod offers;
pub mod export;
pub mod generate;
pub mod job;
pub mod run;
pub mod cli;
