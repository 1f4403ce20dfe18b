//! A strip of who a write name said over the last day, as SVG, and the same in words.

use maud::{Markup, html};

use super::{
    words::{self, Span},
    writers::{Stretch, WINDOW, Writer},
};
use crate::wall_time::WallTime;

/// The strip with its words; nothing for a cluster without a write name.
pub fn strip(stretches: &[Stretch<'_>], started: WallTime, now: WallTime) -> Markup {
    let Some(words) = in_words(stretches, started, now) else {
        return html! {};
    };
    let known = names(stretches);
    let begin = now.earlier(WINDOW);
    html! {
        div .day {
            p .head { "Writer over the last 24 h" }
            svg .strip width="100%" height="26" aria-hidden="true" {
                @for stretch in stretches { (part(stretch, &known, begin)) }
                @if started > begin {
                    (mark(place(begin, started)))
                }
            }
            p .scale aria-hidden="true" { span { "24 h ago" } span { "12 h" } span { "now" } }
            p .detail { (words) }
        }
    }
}

/// One stretch: a bar with the server's name, low for none, a line for what is not known. The parts
/// are drawings of their own, so that a name does not leave its bar.
fn part(stretch: &Stretch<'_>, known: &[&str], begin: WallTime) -> Markup {
    let x = place(begin, stretch.from);
    let width = place(begin, stretch.until).saturating_sub(x).max(LEAST);
    let (x, width) = (Percent(x), Percent(width));
    html! {
        svg x=(x) width=(width) height="26" {
            @match stretch.writer {
                Writer::Server(server) => {
                    @let number = known.iter().position(|name| **name == **server).unwrap_or(0);
                    rect .(SHADES[number % SHADES.len()]) width="100%" height="26" {}
                    text x="5" y="18" { (server) }
                }
                Writer::None => {
                    rect .missing y="16" width="100%" height="10" {}
                    text .missing x="3" y="12" { "✖ none" }
                }
                Writer::Unknown => {
                    rect .unknown y="12" width="100%" height="2" {}
                    text .unknown x="5" y="9" { "unknown" }
                }
            }
        }
    }
}

/// When the process was started.
fn mark(x: u64) -> Markup {
    let x = Percent(x);
    html! { line .started x1=(x) x2=(x) y1="0" y2="26" {} }
}

/// The same in words, the latest first: who now and since when, and who before. `None` when there
/// is nothing to tell.
pub fn in_words(stretches: &[Stretch<'_>], started: WallTime, now: WallTime) -> Option<String> {
    let (last, before) = stretches.split_last()?;
    let who = |writer: &Writer| match writer {
        Writer::Server(server) => server.to_string(),
        Writer::None => "none".to_owned(),
        Writer::Unknown => "unknown".to_owned(),
    };
    let mut text = match before.is_empty() {
        true => format!("{} all the time", who(last.writer)),
        false => format!("{} since {}", who(last.writer), words::clock(last.from, now)),
    };
    for stretch in before.iter().rev().take(TOLD) {
        text += "; ";
        text += &match stretch.writer {
            Writer::Unknown => format!("unknown before {}", words::clock(stretch.until, now)),
            writer => {
                let lasted = Span(stretch.until.since(stretch.from));
                format!("before that {} for {lasted}", who(writer))
            }
        };
    }
    if let more @ 1.. = before.len().saturating_sub(TOLD) {
        text += &format!("; and {more} earlier");
    }
    let begin = now.earlier(WINDOW);
    let is_told = before.iter().any(|one| one.from < started && *one.writer != Writer::Unknown)
        || last.from < started;
    if started > begin && is_told && *last.writer != Writer::Unknown {
        let at = words::clock(started, now);
        text += &format!(". Pointsman was started at {at}; what was before is from its state file");
    }
    Some(text)
}

/// Each server that is said, in order of its first appearance.
fn names<'s>(stretches: &[Stretch<'s>]) -> Vec<&'s str> {
    let mut names = Vec::new();
    for stretch in stretches {
        if let Writer::Server(server) = stretch.writer
            && !names.contains(&&**server)
        {
            names.push(&**server);
        }
    }
    names
}

/// Where a time is in the window, in hundredths of a percent.
fn place(begin: WallTime, time: WallTime) -> u64 {
    (time.since(begin).min(WINDOW) * ALL).checked_div(WINDOW).unwrap_or(0)
}

/// Hundredths of a percent.
#[derive(Clone, Copy, Debug)]
struct Percent(u64);

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}%", self.0 / 100, self.0 % 100)
    }
}

/// The whole window in hundredths of a percent.
const ALL: u64 = 10_000;

/// What is shorter can be seen all the same: six minutes' worth.
const LEAST: u64 = 40;

/// Stretches before the present one that are told in words.
const TOLD: usize = 4;

/// The shades of servers, by turns.
const SHADES: [&str; 3] = ["shade0", "shade1", "shade2"];

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = WINDOW;
    const NOW: WallTime = WallTime::from_unix_millis(1_795_273_200_000);

    fn ago(minutes: u64) -> WallTime {
        NOW.earlier(minutes * 60_000)
    }

    #[test]
    fn a_short_gap_is_seen_and_told_and_what_is_not_known_is_said() {
        let [db1, db2] = ["db1", "db2"].map(|name| Writer::Server(name.into()));
        let one = |from, until, writer| Stretch { from: ago(from), until: ago(until), writer };
        let stretches = [
            one(1_440, 720, &Writer::Unknown),
            one(720, 8, &db1),
            one(8, 7, &Writer::None),
            one(7, 0, &db2),
        ];
        let html = strip(&stretches, ago(720), NOW).into_string();
        for part in [
            "x=\"50.00%\" width=\"49.44%\"",
            "x=\"99.44%\" width=\"0.40%\"",
            ">db2</text>",
            "class=\"started\" x1=\"50.00%\"",
            "db2 since 14:53:00; before that none for 1 min 0 s; before that db1 for 11 h 52 min; \
             unknown before 03:00:00<",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }

    #[test]
    fn what_an_earlier_process_told_is_marked_as_such() {
        let db1 = Writer::Server("db1".into());
        let all = [Stretch { from: NOW.earlier(DAY), until: NOW, writer: &db1 }];
        let told = |started| in_words(&all, started, NOW).expect("words");
        assert_eq!(told(NOW.earlier(2 * DAY)), "db1 all the time");
        let after_a_restart = "db1 all the time. Pointsman was started at 14:00:00; what was \
                               before is from its state file";
        assert_eq!(told(ago(60)), after_a_restart);
        assert_eq!(in_words(&[], NOW, NOW), None);
    }
}
