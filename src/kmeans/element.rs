//! The two element types of a matrix.

use serde::{Serialize, de::DeserializeOwned};

/// `f32` or `f64`: what a matrix is made of.
pub trait Element: linfa::Float + Serialize + DeserializeOwned {
    /// The value as `f64`, exactly.
    fn wide(self) -> f64;
    /// The nearest value of this type.
    fn narrow(value: f64) -> Self;
    /// `self × factor + term`, rounded once.
    fn fused(self, factor: Self, term: Self) -> Self;
}

impl Element for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn narrow(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn fused(self, factor: Self, term: Self) -> Self {
        f32::mul_add(self, factor, term)
    }
}

impl Element for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn narrow(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn fused(self, factor: Self, term: Self) -> Self {
        f64::mul_add(self, factor, term)
    }
}
