//! One cluster: what its names say, and what each of its servers is.

use maud::{Markup, html};

use super::{
    plot::plot,
    view::{Concern, View},
    words::Span,
};
use crate::api::{ClusterStatus, NameRole, NameStatus, ServerStatus};

/// All of a cluster.
pub(super) fn article(view: &View<'_>, cluster: &ClusterStatus, concern: Concern) -> Markup {
    let id = format!("cluster-{}", cluster.name);
    let of = format!("of-{}", cluster.name);
    html! {
        article .cluster .(concern.class()) id=(of) aria-labelledby=(id) {
            h3 id=(id) {
                span .sign aria-hidden="true" { (concern.sign()) } " "
                a href=(link(cluster)) { (cluster.name) }
                " " span .about { (cluster.engine) ", " (cluster.stability) }
                " " span .word { (concern.words()) }
            }
            dl .names { @for name in &cluster.names { (said(view, name)) } }
            (servers(view, cluster))
        }
    }
}

/// A cluster in one line.
pub(super) fn line(cluster: &ClusterStatus, concern: Concern) -> Markup {
    html! {
        li .(concern.class()) id=(format!("line-{}", cluster.name)) {
            span .sign aria-hidden="true" { (concern.sign()) } " "
            a href=(link(cluster)) { (cluster.name) }
            @for name in &cluster.names {
                " " span .says { (role(name.role)) " → " (servers_of(name)) }
            }
            " " span .word { (concern.words()) }
        }
    }
}

/// What a name says, since when and why.
fn said(view: &View<'_>, name: &NameStatus) -> Markup {
    let concern = Concern::of_name(name);
    html! {
        div .(concern.class()) {
            dt { span .role { (role(name.role)) } " " code { (name.name) } }
            dd {
                span .arrow aria-hidden="true" { "→ " }
                strong { (servers_of(name)) }
                " for " time datetime=(name.since) title=(name.since) { (view.ago(&name.since)) }
                span .detail { " — " (name.reason) "; TTL " (name.ttl) " s" }
            }
        }
    }
}

fn servers(view: &View<'_>, cluster: &ClusterStatus) -> Markup {
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

fn row(view: &View<'_>, cluster: &ClusterStatus, server: &ServerStatus) -> Markup {
    let concern = Concern::of_server(server, view.now);
    let addresses = server.addresses.join(", ");
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (server.name)
                span .detail { (addresses) " port " (server.port) }
                @if server.added { span .tag { "not in the config file" } }
            }
            td role="cell" data-head="State" .(concern.class()) {
                span .sign aria-hidden="true" { (concern.sign()) } " "
                strong { (server.state) } " for "
                time datetime=(server.since) title=(server.since) { (view.ago(&server.since)) }
                @if server.drained { " " span .tag { "drained" } }
                span .detail { (server.reason) }
                @if let Some(failure) = &server.failure { span .detail { (failure) } }
                @for witness in &server.witnesses {
                    span .detail {
                        (witness.check) ": "
                        (witness.word.as_deref().unwrap_or("says nothing"))
                        @if !witness.detail.is_empty() { " (" (witness.detail) ")" }
                    }
                }
            }
            td role="cell" data-head="In" { (membership(cluster, server)) }
            td role="cell" data-head="Lag" .number {
                (server.lag_ms.map_or_else(|| "–".to_owned(), |lag| Span(lag).to_string()))
            }
            td role="cell" data-head="Last 5 minutes" .plotted {
                (plot(view.history.lags(&server.name)))
            }
            td role="cell" data-head="Last probe" { (last_probe(view, cluster, server)) }
        }
    }
}

/// Which names say it, and which do not.
fn membership(cluster: &ClusterStatus, server: &ServerStatus) -> Markup {
    let names = cluster.names.iter().map(|name| (name, server.names.contains(&name.name)));
    html! {
        ul .membership {
            @for (name, included) in names {
                @if included {
                    li .in { span aria-hidden="true" { "✓ " } (short(&name.name)) }
                } @else {
                    li .out {
                        span aria-hidden="true" { "– " }
                        span .hidden { "not " }
                        (short(&name.name))
                    }
                }
            }
        }
    }
}

fn last_probe(view: &View<'_>, cluster: &ClusterStatus, server: &ServerStatus) -> Markup {
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
pub(super) fn servers_of(name: &NameStatus) -> String {
    match name.servers.is_empty() {
        true => "no address".to_owned(),
        false => name.servers.join(", "),
    }
}

/// What a name is for.
pub(super) fn role(role: NameRole) -> &'static str {
    match role {
        NameRole::Write => "write",
        NameRole::Read => "read",
    }
}

/// The first label of a name: enough within its cluster.
fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Where a cluster is shown alone. Names of clusters have no character that a query would need to
/// escape.
fn link(cluster: &ClusterStatus) -> String {
    format!("/?cluster={}", cluster.name)
}
