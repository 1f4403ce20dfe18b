//! One cluster: what its names say, and what each of its servers is.

use std::net::IpAddr;

use maud::{Markup, html};

use super::{
    graph::{graph, short, source},
    next::{next, section},
    plot::plot,
    runbook,
    strip::strip,
    view::{Appearance, View},
    words::{self, Span},
};
use crate::{
    report::{ClusterView, NameView, ServerView, Severity},
    wall_time::WallTime,
};

/// All of a cluster.
pub fn article(view: &View<'_>, cluster: &ClusterView) -> Markup {
    let severity = cluster.severity;
    let id = format!("cluster-{}", cluster.name);
    let of = format!("of-{}", cluster.name);
    html! {
        article .cluster .(severity.class()) id=(of) aria-labelledby=(id) {
            h3 id=(id) {
                span .sign aria-hidden="true" { (severity.sign()) } " "
                a href=(link(cluster)) { (cluster.name) }
                " " span .about { (cluster.kind.name()) ", " (words::stability(cluster.stability)) }
                " " span .word { (severity) }
            }
            dl .names { @for name in &cluster.names { (said(view, name)) } }
            div .picture {
                (graph(cluster))
                div .story {
                    (strip(
                        &view.history.writers.stretches(&cluster.name, view.now),
                        view.status.process.started,
                        view.now,
                    ))
                    (coming(view, cluster))
                    (promotable(cluster))
                    @if let Some(section) = section(cluster) {
                        p {
                            "Run-book: "
                            a href=(runbook::link(section.title())) { (section.title()) }
                        }
                    }
                }
            }
            (servers(view, cluster))
        }
    }
}

/// A cluster in one line.
pub fn line(cluster: &ClusterView) -> Markup {
    let severity = cluster.severity;
    html! {
        li .(severity.class()) id=(format!("line-{}", cluster.name)) {
            span .sign aria-hidden="true" { (severity.sign()) } " "
            a href=(link(cluster)) { (cluster.name) }
            @for name in &cluster.names {
                " " span .says { (name.reason.role()) " → " (servers_of(name)) }
            }
            " " span .word { (severity) }
        }
    }
}

/// What a name says, since when and why.
fn said(view: &View<'_>, name: &NameView) -> Markup {
    let severity = name.severity;
    html! {
        div .(severity.class()) {
            dt { span .role { (name.reason.role()) } " " code { (name.name) } }
            dd {
                span .arrow aria-hidden="true" { "→ " }
                strong { (servers_of(name)) }
                " for " (since(view, name.since))
                span .detail {
                    " — " (name.reason) "; TTL " (name.ttl) " s"
                    @if let Some(rate) = view.rate_for(&name.name) { "; " (rate) }
                }
            }
            dd {
                details .commands {
                    summary { "Commands" span .hidden { " for " (name.name) } }
                    @for command in commands(name) { code { (command) } }
                }
            }
        }
    }
}

/// What is about to happen.
fn coming(view: &View<'_>, cluster: &ClusterView) -> Markup {
    let next = next(cluster, view.now);
    html! {
        @if !next.is_empty() {
            p .head { "Next" }
            ul { @for one in &next { li { (one) } } }
        }
    }
}

/// Who could be promoted while nobody writes.
fn promotable(cluster: &ClusterView) -> Markup {
    let candidates = cluster.promotable();
    html! {
        @if !candidates.is_empty() {
            p .head { "No writer. Who could be promoted, the one that loses least first" }
            ol .promotable {
                @for one in candidates {
                    li { strong { (one.server.name) } ": " (one) }
                }
            }
        }
    }
}

/// What to type to see the same elsewhere.
pub fn commands(name: &NameView) -> [String; 2] {
    let bare = name.name.trim_end_matches('.');
    [format!("dig {bare}"), format!("pointsman explain {bare}")]
}

fn servers(view: &View<'_>, cluster: &ClusterView) -> Markup {
    html! {
        table role="table" {
            caption .hidden { "Servers of " (cluster.name) }
            thead role="rowgroup" {
                tr role="row" {
                    @for head in ["Server", "State", "In", "Lag", "Last 5 minutes", "Last probe"] {
                        th scope="col" role="columnheader" { (head) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for server in &cluster.servers { (row(view, cluster, server)) }
            }
        }
    }
}

fn row(view: &View<'_>, cluster: &ClusterView, server: &ServerView) -> Markup {
    let severity = server.severity;
    let addresses: Vec<_> = server.addresses.iter().map(IpAddr::to_string).collect();
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (server.name)
                span .detail { (addresses.join(", ")) " port " (server.port) }
                @if server.added { span .tag { "not in the config file" } }
            }
            td role="cell" data-head="State" .(severity.class()) {
                span .sign aria-hidden="true" { (severity.sign()) } " "
                strong { (server.state) } " for "
                (since(view, server.since))
                @if server.drained { " " span .tag { "drained" } }
                span .detail { (server.reason) }
                @if let Some(failure) = &server.failure { span .detail { (failure) } }
                @for witness in &server.witnesses {
                    span .detail {
                        (witness.check.name()) ": "
                        @match witness.word {
                            Some(word) => (word),
                            None => "says nothing",
                        }
                        @if !witness.detail.is_empty() { " (" (witness.detail) ")" }
                    }
                }
            }
            td role="cell" data-head="In" { (membership(cluster, server)) }
            td role="cell" data-head="Lag" .number {
                (server.lag.map_or_else(|| "–".to_owned(), |lag| Span(lag.millis()).to_string()))
                @if let Some(upstream) = &server.upstream {
                    span .detail { "from " (source(upstream)) }
                }
            }
            td role="cell" data-head="Last 5 minutes" .plotted {
                (plot(view.history.lags(&server.name)))
            }
            td role="cell" data-head="Last probe" { (last_probe(view, cluster, server)) }
        }
    }
}

/// Which names say it, and which do not.
fn membership(cluster: &ClusterView, server: &ServerView) -> Markup {
    let names = cluster.names.iter().map(|name| (name, server.names.contains(&name.name)));
    html! {
        ul .membership {
            @for (name, included) in names {
                @if included {
                    li .in .(name.severity.class()) {
                        span .sign aria-hidden="true" { (included_sign(name.severity)) } " "
                        (short(&name.name))
                        @if name.severity > Severity::Wanted {
                            span .hidden { ", " (name.severity) }
                        }
                    }
                } @else {
                    li .out {
                        span .sign aria-hidden="true" { "–" } " "
                        span .hidden { "not " }
                        (short(&name.name))
                    }
                }
            }
        }
    }
}

fn last_probe(view: &View<'_>, cluster: &ClusterView, server: &ServerView) -> Markup {
    html! {
        @match view.last_probe(&cluster.name, &server.name) {
            Some(last) => {
                (last.result)
                span .detail { (last.took) ", " (last.ago) " ago" }
            }
            None => "none yet",
        }
    }
}

/// The servers of a name, or that there is none.
pub fn servers_of(name: &NameView) -> String {
    match name.servers.is_empty() {
        true => "none".to_owned(),
        false => name.servers.join(", "),
    }
}

/// How long ago something was, with the time itself for machines.
fn since(view: &View<'_>, time: WallTime) -> Markup {
    let exact = format!("{time:.3}");
    html! { time datetime=(exact) title=(exact) { (view.ago(time)) } }
}

/// A name that says a server is a good sign only if all is well with the name.
fn included_sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "✓",
        other => other.sign(),
    }
}

/// Where a cluster is shown alone. Names of clusters have no character that a query would need to
/// escape.
fn link(cluster: &ClusterView) -> String {
    format!("/?cluster={}", cluster.name)
}
