//! One register of lanes: what [`super::kernel`] needs of it, for the wide registers of x86-64.
//!
//! Written out because the compiler, left to itself, groups the sums of neighbouring centroids instead of neighbouring
//! rows as soon as their weights lie side by side, at a fifth of the speed.

use std::arch::x86_64::{
    __m256, __m256d, __m512, __m512d, __mmask8, __mmask16, _CMP_LT_OQ, _mm_storeu_si128, _mm256_blendv_pd,
    _mm256_blendv_ps, _mm256_cmp_pd, _mm256_cmp_ps, _mm256_cvttpd_epi32, _mm256_cvttps_epi32, _mm256_fmadd_pd,
    _mm256_fmadd_ps, _mm256_loadu_pd, _mm256_loadu_ps, _mm256_min_pd, _mm256_min_ps, _mm256_set1_pd, _mm256_set1_ps,
    _mm256_storeu_pd, _mm256_storeu_ps, _mm256_storeu_si256, _mm512_cmp_pd_mask, _mm512_cmp_ps_mask,
    _mm512_cvttpd_epi32, _mm512_cvttps_epi32, _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps,
    _mm512_mask_blend_pd, _mm512_mask_blend_ps, _mm512_min_pd, _mm512_min_ps, _mm512_set1_pd, _mm512_set1_ps,
    _mm512_storeu_pd, _mm512_storeu_ps, _mm512_storeu_si512,
};

/// A register of [`Vector::WIDTH`] lanes.
///
/// # Safety
/// Every method may only be called where the CPU has the register's instructions (`avx512f` for 512 bits, `avx2` and
/// `fma` for 256), and `from`/`to` must be valid for [`Vector::WIDTH`] values.
pub trait Vector: Copy {
    /// What a lane holds.
    type Lane: Copy;
    /// The outcome of a comparison, lane by lane.
    type Mask: Copy;
    /// Lanes.
    const WIDTH: usize;

    /// The value in every lane.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn splat(value: Self::Lane) -> Self;
    /// The values from an address on.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn load(from: *const Self::Lane) -> Self;
    /// Writes the lanes.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn store(self, to: *mut Self::Lane);
    /// Writes the lanes as integers, cut off towards zero.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn store_whole(self, to: *mut i32);
    /// `self × factor + term`, rounded once.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn fused(self, factor: Self, term: Self) -> Self;
    /// Where `self` is less.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn less(self, than: Self) -> Self::Mask;
    /// The lanes of `self` where the mask holds, else those of `other`.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn where_or(self, mask: Self::Mask, other: Self) -> Self;
    /// The lesser of each two lanes; on equality, or where one is not a number, that of `other`.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn min(self, other: Self) -> Self;
}

macro_rules! vector {
    (
        $register:ty, $lane:ty, $mask:ty, $width:literal, $splat:ident, $load:ident, $store:ident, $fused:ident, $min:ident,
        less: |$a:ident, $b:ident| $less:expr,
        choose: |$m:ident, $yes:ident, $no:ident| $choose:expr,
        whole: |$v:ident, $to:ident| $whole:expr
    ) => {
        impl Vector for $register {
            type Lane = $lane;
            type Mask = $mask;
            const WIDTH: usize = $width;

            #[inline(always)]
            unsafe fn splat(value: $lane) -> Self {
                // SAFETY: see the trait.
                unsafe { $splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $lane) -> Self {
                // SAFETY: see the trait.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $lane) {
                // SAFETY: see the trait.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn store_whole(self, $to: *mut i32) {
                let $v = self;
                // SAFETY: see the trait.
                unsafe { $whole }
            }
            #[inline(always)]
            unsafe fn fused(self, factor: Self, term: Self) -> Self {
                // SAFETY: see the trait.
                unsafe { $fused(self, factor, term) }
            }
            #[inline(always)]
            unsafe fn less(self, $b: Self) -> $mask {
                let $a = self;
                // SAFETY: see the trait.
                unsafe { $less }
            }
            #[inline(always)]
            unsafe fn where_or(self, $m: $mask, $no: Self) -> Self {
                let $yes = self;
                // SAFETY: see the trait.
                unsafe { $choose }
            }
            #[inline(always)]
            unsafe fn min(self, other: Self) -> Self {
                // SAFETY: see the trait.
                unsafe { $min(self, other) }
            }
        }
    };
}

vector!(__m512, f32, __mmask16, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_min_ps,
    less: |a, b| _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b),
    choose: |m, yes, no| _mm512_mask_blend_ps(m, no, yes),
    whole: |v, to| _mm512_storeu_si512(to.cast(), _mm512_cvttps_epi32(v)));
vector!(__m512d, f64, __mmask8, 8, _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_fmadd_pd, _mm512_min_pd,
    less: |a, b| _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b),
    choose: |m, yes, no| _mm512_mask_blend_pd(m, no, yes),
    whole: |v, to| _mm256_storeu_si256(to.cast(), _mm512_cvttpd_epi32(v)));
vector!(__m256, f32, __m256, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_min_ps,
    less: |a, b| _mm256_cmp_ps::<_CMP_LT_OQ>(a, b),
    choose: |m, yes, no| _mm256_blendv_ps(no, yes, m),
    whole: |v, to| _mm256_storeu_si256(to.cast(), _mm256_cvttps_epi32(v)));
vector!(__m256d, f64, __m256d, 4, _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_fmadd_pd, _mm256_min_pd,
    less: |a, b| _mm256_cmp_pd::<_CMP_LT_OQ>(a, b),
    choose: |m, yes, no| _mm256_blendv_pd(no, yes, m),
    whole: |v, to| _mm_storeu_si128(to.cast(), _mm256_cvttpd_epi32(v)));
