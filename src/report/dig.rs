//! The texts of `dig TXT _status.…`, `_why.…` and `_events.…`: one line per thing, in the words of the
//! log and the engine.

use std::{iter, net::IpAddr, ops::Range};

use hickory_proto::rr::Record;

use super::{
    Change, ClusterView, NameView, Override, Reports, ServerView, What, WitnessReport,
    lines::{self, Line},
    name::listed,
};
use crate::{
    answers::{AnswerTable, TextQuestion, TextSubject},
    engine::{ClusterId, Word},
};

/// At most so many changes are told.
const EVENTS: usize = 10;

/// The TXT records that answer `question`, at least one. `table` is the one that it was looked up in.
/// When they have more than `room` octets, there may be fewer, but always more than that.
pub fn records(
    question: &TextQuestion,
    table: &AnswerTable,
    reports: &Reports,
    room: usize,
) -> Vec<Record> {
    text(question, table, reports, room).unwrap_or_else(|| {
        lines::records(&question.owner, 1, iter::once("no report yet".to_owned()), room)
    })
}

fn text(
    question: &TextQuestion,
    table: &AnswerTable,
    reports: &Reports,
    room: usize,
) -> Option<Vec<Record>> {
    let owner = &question.owner;
    let layout = table.layout();
    // Of a large cluster no more is looked at than is told.
    let view = |id: ClusterId, servers: Range<usize>| {
        ClusterView::part(layout, id, reports.of(id)?, servers)
    };
    match question.about {
        TextSubject::Status(index) => {
            let served = &layout.served()[index];
            let cluster = view(served.cluster, 0..lines::RECORDS_MAX)?;
            let called = served.name.to_string();
            let name = cluster.names.iter().find(|name| *name.name == *called)?;
            let servers = layout.clusters().get(served.cluster.0)?.servers.len();
            let total = 1 + servers + cluster.overrides.len();
            let lines = status(&cluster, name, table.generation());
            Some(lines::records(owner, total, lines, room))
        }
        TextSubject::Why(id) => {
            let place = id.server.place();
            let cluster = view(id.cluster, place..place + 1)?;
            let listing = layout.clusters().get(id.cluster.0)?;
            let lines = why(&cluster, &listing.servers.get(place)?.name)?;
            Some(lines::records(owner, lines.len(), lines.into_iter(), room))
        }
        TextSubject::Events(id) => {
            let listing = layout.clusters().get(id.0)?;
            let lines = events(&listing.name, &reports.of(id)?.events);
            Some(lines::records(owner, lines.len(), lines.into_iter(), room))
        }
    }
}

/// What a name says and why, then every server of the cluster, then what operators have laid over
/// it.
fn status(cluster: &ClusterView, name: &NameView, generation: u64) -> impl Iterator<Item = String> {
    let line = Line::default()
        .with("name", &name.name)
        .with("role", name.reason.role())
        .with("servers", listed(&name.servers))
        .with("since", name.since)
        .with("reason", name.reason)
        .with("stability", cluster.stability)
        .with("generation", generation);
    let servers = cluster.servers.iter().map(|server| {
        let inside = yes_or_no(name.says(&server.name));
        let line = Line::default().with("server", &server.name);
        of_server(server, line, Some(inside)).end()
    });
    iter::once(line.end()).chain(servers).chain(cluster.overrides.iter().map(of_override))
}

/// What a server is and why, what each of its witnesses says, then every name of its cluster:
/// whether the server is in it, and why; then what operators have laid over that.
fn why(cluster: &ClusterView, server: &str) -> Option<Vec<String>> {
    let why = cluster.why(server)?;
    let line = Line::default().with("server", &why.server.name).with("cluster", &why.cluster);
    let line = of_server(&why.server, line, None);
    let mut lines = vec![line.with_some("detail", why.server.failure.as_deref()).end()];
    for WitnessReport { check, word: said, detail } in &why.server.witnesses {
        let line = Line::default()
            .with("witness", check.name())
            .with("says", word(*said))
            .with_some("detail", Some(detail).filter(|detail| !detail.is_empty()));
        lines.push(line.end());
    }
    for name in &why.names {
        let line = Line::default()
            .with("name", &name.name)
            .with("role", name.reason.role())
            .with("in", yes_or_no(name.is_included()))
            .with("reason", name);
        lines.push(line.end());
    }
    lines.extend(why.overrides.iter().map(of_override));
    Some(lines)
}

/// State, lag, place in the name, addresses, age and reason of a server.
fn of_server(server: &ServerView, line: Line, inside: Option<&str>) -> Line {
    let addresses: Vec<_> = server.addresses.iter().map(IpAddr::to_string).collect();
    line.with("state", server.state)
        .with_some("lag", server.lag)
        .with_some("in", inside)
        .with("address", addresses.join(","))
        .with("port", server.port)
        .with("since", server.since)
        .with("reason", server.reason)
}

/// Who laid it, why, and until when.
fn of_override(laid: &Override) -> String {
    let Override { wish, author, reason, since, until } = laid;
    let line = Line::default()
        .with("override", wish)
        .with_some("server", wish.as_ref().server())
        .with_some("force", wish.is_forced().then_some("yes"))
        .with("author", author)
        .with("since", since);
    let line = match until {
        Some(until) => line.with("until", until),
        None => line.with("until", "never"),
    };
    line.with("reason", reason).end()
}

/// The last changes, newest first.
fn events(cluster: &str, changes: &[std::sync::Arc<Change>]) -> Vec<String> {
    if changes.is_empty() {
        return vec![Line::default().with("cluster", cluster).with("events", 0).end()];
    }
    changes.iter().take(EVENTS).filter_map(|change| of_change(change)).collect()
}

fn of_change(change: &Change) -> Option<String> {
    let line = Line::default().with("time", format_args!("{:.3}", change.at));
    let line = match &change.what {
        What::State { server, from, to, reason, detail } => line
            .with("server", server)
            .with("from", from)
            .with("to", to)
            .with("reason", reason)
            .with_some("detail", Some(detail).filter(|detail| !detail.is_empty())),
        What::Witness { server, check, from, to, detail } => line
            .with("server", server)
            .with("witness", check.name())
            .with("from", word(*from))
            .with("to", word(*to))
            .with_some("detail", Some(detail).filter(|detail| !detail.is_empty())),
        What::Write { name, from, to, reason } => line
            .with("name", name)
            .with("from", listed(from.as_slice()))
            .with("to", listed(to.as_slice()))
            .with("reason", reason),
        What::Read { name, from, to, reason } => line
            .with("name", name)
            .with("from", listed(from))
            .with("to", listed(to))
            .with("reason", reason),
        What::Override { laid, turn } => line
            .with("override", &laid.wish)
            .with_some("server", laid.wish.as_ref().server())
            .with("turn", turn)
            .with("author", &laid.author)
            .with("reason", &laid.reason),
        What::Accepted { server, by, because } => {
            line.with("accepted", server).with("author", by).with("reason", because)
        }
        What::OverrideDropped { .. }
        | What::Isolated
        | What::Reconnected
        | What::Configuration(_)
        | What::Kick { .. }
        | What::Discovery(_)
        | What::Secondary { .. }
        | What::Publish { .. }
        | What::Earlier(_) => return None,
    };
    Some(line.end())
}

/// The word of a witness; `silent` when it says nothing.
fn word(word: Option<Word>) -> String {
    word.map_or_else(|| "silent".to_owned(), |word| word.to_string())
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
