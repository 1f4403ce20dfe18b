//! Durations and points in time as operators write them.

use std::time::Duration;

/// A duration such as `250ms`, `30m` or `1h30m`; `None` for anything else.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, with_unit) = rest.split_at(digits);
        let unit_end = with_unit.find(|c: char| c.is_ascii_digit()).unwrap_or(with_unit.len());
        let (unit, more) = with_unit.split_at(unit_end);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let millis = number.parse::<u64>().ok()?.checked_mul(unit_ms)?;
        total = total.checked_add(Duration::from_millis(millis))?;
        rest = more;
    }
    (!text.is_empty()).then_some(total)
}

/// How durations are written, after "write ".
pub(super) const FORM: &str = "a number and its unit, as in 250ms, 5s, 30m, 2h, 1h30m or 7d";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in [
            ("250ms", 250),
            ("5s", 5_000),
            ("30m", 1_800_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "5x", "-5s", "1.5h", "5 s", "5s ", "99999999999999999999s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(duration("18446744073709551615d"), None);
    }
}
