//! Sizes of memory as people write them.

/// Bytes of a size such as `512MiB`, `2 GB` or `1048576`: `k`, `M`, `G`, `T` with `B` are powers of 1000, with `iB` (or
/// alone) powers of 1024. `None` if the text is no size, or is zero.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return None,
    };
    let bytes = number * unit as f64;
    (1.0..9e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("512MiB", Some(512 << 20)),
            ("2 GB", Some(2_000_000_000)),
            ("1.5g", Some(3 << 29)),
            ("1048576", Some(1 << 20)),
            ("0", None),
            ("", None),
            ("12 parsecs", None),
            ("-1GB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }
}
