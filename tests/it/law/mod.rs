//! What the law asks of a run, a test for each rule, named by its article: China's Personal Information Protection Law (PIPL)
//! and the Provisions on Algorithmic Recommendation.

mod rights;
mod terms;
mod world;
