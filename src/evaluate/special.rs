//! Special functions, and the distributions made of them: normal, Student's t, chi-square.
//!
//! Incomplete gamma and beta functions are the series and the continued fractions of Press et al., *Numerical Recipes*
//! (3rd ed., 2007), 6.2 and 6.4, evaluated by Lentz's method; they are good to about 1e-12.

/// Steps after which a series or a continued fraction ends at the latest.
const STEPS: usize = 500;
/// Relative change at which it ends.
const CLOSE: f64 = 1e-15;
/// Stands for a denominator of zero.
const TINY: f64 = 1e-300;

/// `ln Γ(x)` for `x > 0`, to about 1e-12: shifted up to 15, then Stirling's series (Abramowitz, Stegun 1964, 6.1.41).
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 15.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    shift + (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

/// The upper regularised incomplete gamma function `Q(a, x) = Γ(a, x) / Γ(a)`, for `a > 0` and `x >= 0`.
#[must_use]
pub fn gamma_q(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..=STEPS {
            term *= x / (a + n as f64);
            sum += term;
            if term < sum * CLOSE {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for n in 1..=STEPS {
        let n = n as f64;
        let step = -n * (n - a);
        b += 2.0;
        d = 1.0 / away_from_zero(step * d + b);
        c = away_from_zero(b + step / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < CLOSE {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// The regularised incomplete beta function `I_x(a, b)`, for `a, b > 0` and `0 <= x <= 1`.
#[must_use]
pub fn beta_i(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..=STEPS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for step in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + step * d);
            c = away_from_zero(1.0 + step / c);
            change = d * c;
            fraction *= change;
        }
        if (change - 1.0).abs() < CLOSE {
            break;
        }
    }
    fraction
}

fn away_from_zero(x: f64) -> f64 {
    if x.abs() < TINY { TINY } else { x }
}

/// Share of the standard normal distribution below `x`.
#[must_use]
pub fn normal_below(x: f64) -> f64 {
    let tail = 0.5 * gamma_q(0.5, 0.5 * x * x);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// The `x` below which the share `p` of the standard normal distribution lies, for `0 < p < 1`.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    // From the middle outwards the tail is exact where 1 - tail is not.
    if p > 0.5 { -lower(1.0 - p, normal_below) } else { lower(p, normal_below) }
}

/// Share of Student's t distribution of `freedom > 0` degrees of freedom below `x`.
#[must_use]
pub fn t_below(x: f64, freedom: f64) -> f64 {
    let tail = 0.5 * beta_i(0.5 * freedom, 0.5, freedom / (freedom + x * x));
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// The `x` below which the share `p` of Student's t distribution lies, for `0 < p < 1`.
#[must_use]
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    let below = |x: f64| t_below(x, freedom);
    if p > 0.5 { -lower(1.0 - p, below) } else { lower(p, below) }
}

/// Share of the chi-square distribution of `freedom > 0` degrees of freedom above `x`.
#[must_use]
pub fn chi_square_above(x: f64, freedom: f64) -> f64 {
    gamma_q(0.5 * freedom, 0.5 * x)
}

/// The `x <= 0` at which a rising `below` is `p <= 0.5`, by halving an interval.
fn lower(p: f64, below: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-1.0, 0.0);
    while below(low) > p && low > -1e12 {
        high = low;
        low *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) > p { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-9 * want.abs().max(1.0), "{got} for {want}");
    }

    #[test]
    fn the_gamma_function() {
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        for n in [1, 2, 5, 10, 20] {
            close(ln_gamma(f64::from(n) + 1.0), factorial(n).ln());
        }
        close(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln());
    }

    #[test]
    fn published_quantiles() {
        // Tables of Abramowitz and Stegun (1964), 26.1 and 26.10.
        close(normal_below(1.0), 0.841_344_746_068_543);
        close(normal_below(-3.0), 0.001_349_898_031_630);
        close(normal_quantile(0.975), 1.959_963_984_540_054);
        close(normal_quantile(0.8), 0.841_621_233_572_914);
        assert!((t_quantile(0.975, 1.0) - 12.706_204_736).abs() < 1e-8);
        assert!((t_quantile(0.975, 5.0) - 2.570_581_836).abs() < 1e-8);
        assert!((t_quantile(0.975, 30.0) - 2.042_272_456).abs() < 1e-8);
        assert!((t_quantile(0.975, 1e7) - 1.959_964).abs() < 1e-5);
        assert!((chi_square_above(3.841_458_821, 1.0) - 0.05).abs() < 1e-9);
        assert!((chi_square_above(5.991_464_547, 2.0) - 0.05).abs() < 1e-9);
        close(chi_square_above(0.0, 3.0), 1.0);
        for x in [0.1, 1.0, 4.0, 30.0] {
            close(chi_square_above(x, 2.0), (-0.5 * x).exp());
        }
    }

    #[test]
    fn quantiles_undo_shares() {
        for p in [1e-8, 0.001, 0.2, 0.5, 0.9, 0.999_999] {
            close(normal_below(normal_quantile(p)), p);
            close(t_below(t_quantile(p, 3.5), 3.5), p);
        }
    }
}
