//! A picture of outages for README: one bar for each application and fault, as SVG.

use std::fmt::Write as _;

use crate::{
    contestant::{Agent, Contestant, Stage, Way},
    fault::Fault,
    findings::Findings,
};

/// The cluster of the picture: what a user would pick instead of us is there, too.
const STAGE: Stage = Stage::Patroni;

/// The shortest and the longest time of the axis, in ms; it is logarithmic.
const AXIS: [f64; 2] = [10.0, 30_000.0];

const TICKS: [(f64, &str); 4] =
    [(10.0, "10 ms"), (100.0, "100 ms"), (1_000.0, "1 s"), (10_000.0, "10 s")];

/// Places in pixels: where bars begin, how long they may be, how high a row is.
const LEFT: f64 = 210.0;
const LENGTH: f64 = 430.0;
const ROW: f64 = 20.0;

/// Draws the median times after the new primary says that it is writable. `None` when that cluster was not
/// measured.
pub(crate) fn draw(findings: &Findings) -> Option<String> {
    let mut body = String::new();
    let mut y = 46.0;
    for fault in Fault::ALL {
        let rows: Vec<_> = STAGE
            .contestants()
            .into_iter()
            .filter_map(|who| Some((who, findings.of(STAGE, fault, who)?.visible.percentile(50)?)))
            .collect();
        if rows.is_empty() {
            continue;
        }
        text(&mut body, (0.0, y + 14.0), "fault", fault.title());
        y += ROW;
        for (who, median) in rows {
            bar(&mut body, y, who, median);
            y += ROW;
        }
        y += ROW / 2.0;
    }
    (!body.is_empty()).then(|| frame(&body, y + 22.0))
}

fn bar(body: &mut String, y: f64, who: Contestant, median: Option<f64>) {
    let title = match (who.way, who.agent) {
        (Way::Held, Agent::Follow) => "Pointsman + follow",
        (Way::List, _) => "libpq host list",
        (Way::Balancer, _) => "HAProxy",
        (Way::Direct | Way::Cached | Way::Held, _) => "Pointsman",
    };
    let (ours, width) = (who.agent == Agent::Follow, median.map_or(LENGTH, place));
    let class = match (ours, median) {
        (true, _) => "ours",
        (false, Some(_)) => "other",
        (false, None) => "never",
    };
    text(body, (12.0, y + 13.0), "who", title);
    line(
        body,
        format_args!(
            r#"<rect class="{class}" x="{LEFT}" y="{:.0}" width="{width:.0}" height="14" rx="2"/>"#,
            y + 2.0
        ),
    );
    let told = match median {
        None => "never".to_owned(),
        Some(time) if time < 1_000.0 => format!("{time:.0} ms"),
        Some(time) => format!("{:.1} s", time / 1_000.0),
    };
    text(body, (LEFT + width + 6.0, y + 13.0), "value", &told);
}

/// How far a time is from the beginning of the axis, in pixels.
fn place(time: f64) -> f64 {
    let [first, last] = AXIS;
    LENGTH * (time.clamp(first * 1.1, last) / first).ln() / (last / first).ln()
}

fn frame(body: &str, height: f64) -> String {
    let mut axis = String::new();
    for (time, title) in TICKS {
        let x = LEFT + if time > AXIS[0] { place(time) } else { 0.0 };
        let end = height - 24.0;
        line(
            &mut axis,
            format_args!(r#"<line class="tick" x1="{x:.0}" x2="{x:.0}" y1="40" y2="{end:.0}"/>"#),
        );
        text(&mut axis, (x - 12.0, height - 8.0), "value", title);
    }
    let mut head = String::new();
    text(
        &mut head,
        (0.0, 20.0),
        "fault",
        "How long an application cannot write after the new primary is writable, median",
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {height:.0}\" \
         font-family=\"sans-serif\" role=\"img\">\n<style>\n{STYLE}</style>\n{head}{axis}{body}\
         </svg>\n"
    )
}

fn text(body: &mut String, (x, y): (f64, f64), class: &str, text: &str) {
    line(body, format_args!(r#"<text class="{class}" x="{x:.0}" y="{y:.0}">{text}</text>"#));
}

fn line(body: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(body, "{line}").expect("a string takes all");
}

const STYLE: &str = "text { fill: #1f2933; font-size: 12px }
.fault { font-weight: bold }
.value { font-size: 11px }
.tick { stroke: #c5ccd3 }
.ours { fill: #11692e }
.other { fill: #8796a5 }
.never { fill: #b3261e }
@media (prefers-color-scheme: dark) {
  text { fill: #e5eaf0 }
  .tick { stroke: #3c4652 }
  .ours { fill: #5fd38a }
  .other { fill: #7d8b99 }
  .never { fill: #f28b82 }
}
";

#[cfg(test)]
mod tests {
    use super::{STAGE, draw, place};
    use crate::{fault::Fault, findings::Findings};

    #[test]
    fn each_time_is_a_bar_and_never_is_the_longest() {
        let mut findings = Findings::default();
        assert_eq!(draw(&findings), None);
        for (who, time) in STAGE.contestants().into_iter().zip([Some(34.0), None, Some(4_200.0)]) {
            findings.entry(STAGE, Fault::Freeze, who).visible.add(time);
        }
        let picture = draw(&findings).expect("there is something to draw");
        assert_eq!(picture.matches("<rect").count(), 3);
        for part in [">34 ms<", ">never<", ">4.2 s<", ">primary frozen<", "class=\"ours\""] {
            assert!(picture.contains(part), "{part}: {picture}");
        }
        assert!(place(34.0) < place(4_200.0) && place(4_200.0) < place(30_000.0));
        assert!(place(1.0) > 0.0, "too short for the axis is still seen");
    }
}
