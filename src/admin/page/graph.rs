//! The picture of who replicates from whom, as SVG, and the same in words.
//!
//! Shapes and signs say what colours say: a primary is a box with a thick edge, a replica is round,
//! a stale primary has eight corners, who does not answer is dashed. A line is dashed when nothing
//! comes by it, and crossed when what comes is not the writer's.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{
    tree::{Bond, Leaf, tree},
    view::Appearance,
    words::Span,
};
use crate::{
    engine::{ServerState, Upstream},
    report::{ClusterView, NameReason, NameView, ServerView, Severity},
};

/// The picture; nothing for a cluster that has none.
pub fn graph(cluster: &ClusterView) -> Markup {
    let leaves = tree(cluster);
    let Some(depth) = leaves.iter().map(|leaf| leaf.depth).max() else {
        return html! {};
    };
    let flags: Vec<_> = leaves.iter().map(|leaf| flags(cluster, leaf.server)).collect();
    let flag = flags.iter().flatten().map(Flag::width).max().unwrap_or(0);
    let width = depth * STEP + NODE + MAST + flag + 2;
    let height = leaves.len() * PITCH - (PITCH - TALL) + 4;
    html! {
        svg .graph role="img" aria-label=(in_words(cluster, &leaves))
            viewBox=(format!("-2 -2 {width} {height}")) width=(width) height=(height) {
            (rail(&leaves))
            @for (row, leaf) in leaves.iter().enumerate() { (edge(row, leaf)) }
            @for (row, leaf) in leaves.iter().enumerate() {
                (node(row, leaf))
                @for (place, flag) in flags[row].iter().enumerate() {
                    (flag.drawn(leaf.depth * STEP + NODE, row * PITCH + place * (FLAG + 4)))
                }
            }
        }
    }
}

/// The line of a group: down its left, with a short one to each member.
fn rail(leaves: &[Leaf<'_>]) -> Markup {
    let is_member = |(_, leaf): &(usize, &Leaf<'_>)| leaf.server.upstream == Some(Upstream::Group);
    let rows: Vec<_> = leaves.iter().enumerate().filter(is_member).collect();
    let middle = |row: usize| row * PITCH + TALL / 2;
    let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else {
        return html! {};
    };
    html! {
        path .edge .group d=(format!("M{TRUNK} {}V{}", middle(*first), middle(*last))) {}
        @for (row, leaf) in &rows {
            @let (class, sign) = match leaf.bond {
                Bond::Dead => ("dead", "✖"),
                Bond::Broken => ("broken", "–"),
                Bond::Free | Bond::Grouped | Bond::Sound => ("group", ""),
            };
            path .edge .(class) d=(format!("M{TRUNK} {}H{STEP}", middle(*row))) {}
            @let label = if row == first { "group " } else { "" };
            @if !label.is_empty() || !sign.is_empty() {
                text .lag .(class) x=(TRUNK + 4) y=(middle(*row) - 4) { (label) (sign) }
            }
        }
    }
}

/// From the server that it hangs on down and to the right, with the lag on it.
fn edge(row: usize, leaf: &Leaf<'_>) -> Markup {
    let Some(parent) = leaf.parent else {
        return html! {};
    };
    let end = leaf.depth * STEP;
    let start = end - STEP + TRUNK;
    let (top, y) = (parent * PITCH + TALL, row * PITCH + TALL / 2);
    let (class, label) = match leaf.bond {
        Bond::Dead => ("dead", "✖".to_owned()),
        Bond::Broken => ("broken", "–".to_owned()),
        Bond::Free | Bond::Grouped | Bond::Sound => {
            let lag = leaf.server.lag;
            ("sound", lag.map_or_else(|| "?".to_owned(), |lag| Span(lag.millis()).to_string()))
        }
    };
    html! {
        path .edge .(class) d=(format!("M{start} {top}V{y}H{}", end - 6)) {}
        path .tip d=(format!("M{end} {y}l-8 -4v8z")) {}
        text .lag .(class) x=(start + 4) y=(y - 4) { (label) }
    }
}

fn node(row: usize, leaf: &Leaf<'_>) -> Markup {
    let server = leaf.server;
    let severity = server.severity;
    let (x, y) = (leaf.depth * STEP, row * PITCH);
    let state = match leaf.bond.word() {
        Some(word) => format!("{}: {word}", server.state),
        None if leaf.parent.is_none() => match &server.upstream {
            Some(Upstream::Group) | None => server.state.to_string(),
            Some(upstream) => format!("{} from {}", server.state, source(upstream)),
        },
        None => server.state.to_string(),
    };
    html! {
        g .node .(severity.class()) {
            (shape(server.state, x, y))
            text .called x=(x + 12) y=(y + 17) {
                tspan .mark { (severity.sign()) } " " (cut(&server.name, LETTERS))
            }
            text .state x=(x + 12) y=(y + 33) { (cut(&state, LETTERS + 5)) }
        }
    }
}

fn shape(state: ServerState, x: usize, y: usize) -> Markup {
    use ServerState::{
        OutOfService, Primary, ReadOnlyPrimary, Replica, ReplicaBroken, ReplicaDetached,
        ReplicaLagging, StalePrimary, Up,
    };
    let corners = |class, round| {
        html! { rect .(class) x=(x) y=(y) width=(NODE) height=(TALL) rx=(round) {} }
    };
    match state {
        Primary | ReadOnlyPrimary | Up => corners("primary", 2),
        Replica | ReplicaLagging | OutOfService => corners("replica", TALL / 2),
        ReplicaBroken | ReplicaDetached => corners("replica cut", TALL / 2),
        StalePrimary => {
            let (cut, wide, tall) = (10, NODE - 20, TALL - 20);
            let around = format!(
                "M{} {y}h{wide}l{cut} {cut}v{tall}l-{cut} {cut}h-{wide}l-{cut} -{cut}v-{tall}z",
                x + cut
            );
            html! { path .stale d=(around) {} }
        }
        _ => corners("cut", 4),
    }
}

/// A name on the server that it says.
#[derive(Debug)]
struct Flag {
    words: String,
    class: &'static str,
    severity: Severity,
}

impl Flag {
    fn of(name: &NameView) -> Self {
        let class = match name.reason {
            NameReason::Write(_) => "write",
            NameReason::Read(_) => "read",
        };
        let short = cut(short(&name.name), LETTERS - 4);
        let words = match name.severity {
            Severity::Ok => short,
            other => format!("{} {short}", other.sign()),
        };
        Self { words, class, severity: name.severity }
    }

    fn width(&self) -> usize {
        18 + 7 * self.words.chars().count()
    }

    /// A pennant at the right of a server.
    fn drawn(&self, x: usize, y: usize) -> Markup {
        let (right, half) = (self.width(), FLAG / 2);
        let cloth = format!("M{} {y}h{right}l-6 {half}l6 {half}h-{right}z", x + MAST);
        html! {
            g .flag .(self.class) .(self.severity.class()) {
                path .mast d=(format!("M{x} {}h{MAST}", y + half)) {}
                path .cloth d=(cloth) {}
                text x=(x + MAST + 6) y=(y + FLAG - 5) { (self.words) }
            }
        }
    }
}

/// The flags of a server, two at most.
fn flags(cluster: &ClusterView, server: &ServerView) -> Vec<Flag> {
    let names: Vec<_> = cluster.names.iter().filter(|name| name.says(&server.name)).collect();
    let mut flags: Vec<_> = names.iter().take(2).map(|name| Flag::of(name)).collect();
    if let (more @ 1.., Some(last)) = (names.len().saturating_sub(2), flags.last_mut()) {
        _ = write!(last.words, " +{more}");
    }
    flags
}

/// The picture in one sentence for each server.
pub fn in_words(cluster: &ClusterView, leaves: &[Leaf<'_>]) -> String {
    let mut text = String::from("Who replicates from whom: ");
    for (place, leaf) in leaves.iter().enumerate() {
        let server = leaf.server;
        _ = write!(
            text,
            "{}{} is {}",
            if place == 0 { "" } else { "; " },
            server.name,
            server.state
        );
        if let Some(upstream) = &server.upstream {
            match upstream {
                Upstream::Group => text += ", a member of the group",
                upstream => _ = write!(text, ", from {}", source(upstream)),
            }
            match (leaf.bond, server.lag) {
                (Bond::Dead, _) => text += ", which does not lead to the writer",
                (Bond::Broken, _) => text += ", and receives nothing now",
                (_, Some(lag)) => _ = write!(text, ", {} behind", Span(lag.millis())),
                (_, None) => {}
            }
        }
        for name in cluster.names.iter().filter(|name| name.says(&server.name)) {
            _ = write!(text, ", in {}", short(&name.name));
        }
    }
    text
}

/// Whom a replica gets its changes from.
pub fn source(upstream: &Upstream<Box<str>>) -> &str {
    match upstream {
        Upstream::Member(server) => server,
        Upstream::Group => "its group",
        Upstream::Outside => "outside",
    }
}

/// The first label of a name: enough within its cluster.
pub fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// Width and height of a server, in pixels.
const NODE: usize = 160;
const TALL: usize = 42;

/// From one row to the next.
const PITCH: usize = 56;

/// From a server to those that hang on it, to the right.
const STEP: usize = 84;

/// Where the line leaves a server, from its left.
const TRUNK: usize = 16;

/// The height of a flag, and how far it is from its server.
const FLAG: usize = 19;
const MAST: usize = 8;

/// Letters of a server's name that are drawn.
const LETTERS: usize = 17;

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    #[test]
    fn what_the_picture_shows_is_said_in_words() {
        let status = sample::troubled();
        let orders = &status.clusters[1];
        let html = graph(orders).into_string();
        for part in [
            "aria-label=\"Who replicates from whom: db2 is Primary, in db-write, in db-read; \
             db3 is ReplicaLagging, from db2, 45 s behind; db1 is Down; db4 is Replica, from db1, \
             which does not lead to the writer\"",
            "class=\"edge dead\"",
            "Replica: dead branch",
            "class=\"cut\"",
            ">45 s</text>",
            ">▲ db-read</text>",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        let users = graph(&status.clusters[2]).into_string();
        assert!(users.contains("class=\"stale\"") && users.contains("✖ users-write"), "{users}");
    }

    #[test]
    fn members_of_a_group_are_joined_by_a_line_and_not_by_arrows() {
        let mut shop = sample::cluster("shop");
        for server in &mut shop.servers {
            server.upstream = Some(Upstream::Group);
        }
        let html = graph(&shop).into_string();
        assert_eq!(html.matches("class=\"edge group\"").count(), shop.servers.len() + 1, "{html}");
        assert!(html.contains(">group </text>") && !html.contains("class=\"tip\""), "{html}");
        assert!(html.contains(", a member of the group"), "{html}");
        assert!(!html.contains("from its group"), "{html}");
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(cut("db1", 17), "db1");
        assert_eq!(cut("äöüäöü", 4), "äöü…");
    }
}
