//! The two element types of a matrix.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

use serde::{Serialize, de::DeserializeOwned};

/// `f32` or `f64`: what a matrix is made of.
pub trait Element: Registers + linfa::Float + Serialize + DeserializeOwned {
    /// The value as `f64`, exactly.
    fn wide(self) -> f64;
    /// The nearest value of this type.
    fn narrow(value: f64) -> Self;
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
}

/// The registers that hold a type; no trait for users.
pub trait Registers: Sized {
    /// 512 bits.
    #[cfg(target_arch = "x86_64")]
    type Wide512: super::vector::Vector<Lane = Self>;
    /// 256 bits.
    #[cfg(target_arch = "x86_64")]
    type Wide256: super::vector::Vector<Lane = Self>;
}

impl Registers for f32 {
    #[cfg(target_arch = "x86_64")]
    type Wide512 = __m512;
    #[cfg(target_arch = "x86_64")]
    type Wide256 = __m256;
}

impl Registers for f64 {
    #[cfg(target_arch = "x86_64")]
    type Wide512 = __m512d;
    #[cfg(target_arch = "x86_64")]
    type Wide256 = __m256d;
}
