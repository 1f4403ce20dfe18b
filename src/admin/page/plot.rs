//! A small plot of one server's lag over the last minutes, as SVG.

use maud::{Markup, html};

use super::{history::History, words::Span};

/// The plot of `lags`, in milliseconds, the oldest first. Its words are for those who do not see
/// it.
pub fn plot(lags: impl Iterator<Item = Option<u32>>) -> Markup {
    let lags: Vec<_> = lags.collect();
    let known = || lags.iter().flatten().copied();
    let Some(most) = known().max() else {
        return html! { span .none { "–" } };
    };
    let last = lags.iter().rev().flatten().next().copied().unwrap_or(0);
    let label = format!(
        "Lag over the last {}: {} at most, {} at last",
        Span(minutes_of(lags.len())),
        Span(most.into()),
        Span(last.into())
    );
    let scale = most.max(LEAST_SCALE);
    html! {
        svg .plot viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
            path .axis d=(format!("M0 {BOTTOM}H{WIDTH}")) {}
            path .line d=(line(&lags, scale)) {}
        }
        span .most aria-hidden="true" { "max " (Span(most.into())) }
    }
}

/// One stroke for each stretch in which the lag is known.
fn line(lags: &[Option<u32>], scale: u32) -> String {
    let mut path = String::new();
    let mut drawing = false;
    let first = History::LOOKS.saturating_sub(lags.len());
    for (place, lag) in (first..).zip(lags) {
        if let Some(lag) = lag {
            let x = place * WIDTH / History::LOOKS;
            let room = u64::from(BOTTOM - TOP);
            let height = u64::from((*lag).min(scale)) * room / u64::from(scale.max(1));
            let y = u64::from(BOTTOM) - height;
            path += &format!("{}{x} {y}", if drawing { 'L' } else { 'M' });
            // A stretch of one look is a point.
            if !drawing {
                path += "h1";
            }
        }
        drawing = lag.is_some();
    }
    path
}

fn minutes_of(looks: usize) -> u64 {
    let looks = u32::try_from(looks).unwrap_or(u32::MAX);
    u64::try_from((History::EVERY * looks).as_millis()).unwrap_or(u64::MAX)
}

const WIDTH: usize = 150;
const HEIGHT: u32 = 32;
const TOP: u32 = 2;
const BOTTOM: u32 = 30;

/// A plot whose lag never came to a second is flat, in milliseconds.
const LEAST_SCALE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_a_gap() {
        let text = plot([Some(0), Some(2_000), None, Some(1_000)].into_iter()).into_string();
        assert!(text.contains("d=\"M146 30h1L147 2M149 16h1\""), "{text}");
        assert!(
            text.contains("aria-label=\"Lag over the last 8.0 s: 2.0 s at most, 1.0 s at last\"")
        );
    }

    #[test]
    fn nothing_known_is_no_plot() {
        for lags in [vec![], vec![None; 3]] {
            assert!(!plot(lags.into_iter()).into_string().contains("svg"));
        }
    }
}
