//! The words: one line per thing, in the words of the log and the engine.

use std::{fmt::Display, net::IpAddr};

use super::{ClusterReport, Happened, WitnessReport, lines::Line};
use crate::{
    answers::{ClusterListing, NameRole, PublishedServer, ServedName},
    engine::{
        Event, Moment, Override, ReadDecision, ServerIndex, Standing, Wish, Word, WriteDecision,
    },
};

/// One cluster, by its configuration and its report.
pub(super) struct Story<'t> {
    pub(super) listing: &'t ClusterListing,
    /// The names that follow it.
    pub(super) names: Vec<&'t ServedName>,
    pub(super) report: &'t ClusterReport,
}

/// At most so many changes are told.
const EVENTS: usize = 10;

impl Story<'_> {
    /// What a name says and why, then every server of the cluster, then what operators have laid
    /// over it.
    pub(super) fn status(&self, name: &ServedName, generation: u64) -> Vec<String> {
        let said = self.said(name);
        let line = Line::default()
            .with("name", &name.name)
            .with("role", role(name))
            .with("servers", self.list(&said.servers))
            .with("since", self.report.start.at(said.since))
            .with("reason", &said.reason)
            .with("stability", self.report.decision.stability)
            .with("generation", generation);
        let mut lines = vec![line.end()];
        for (index, server) in self.servers() {
            let inside = yes_or_no(said.servers.contains(&index));
            let line = Line::default().with("server", &server.name);
            lines.push(self.told_of(index, server, line, Some(inside)).end());
        }
        lines.extend(self.report.overrides.iter().map(|laid| self.laid(laid)));
        lines
    }

    /// What a server is and why, what each of its witnesses says, then every name of its cluster:
    /// whether the server is in it, and why; then what operators have laid over that.
    pub(super) fn why(&self, index: ServerIndex) -> Vec<String> {
        let Some(server) = self.listing.servers.get(index.0) else {
            return Vec::new();
        };
        let line = Line::default().with("server", &server.name).with("cluster", &self.listing.name);
        let failure = self.report.servers.get(index.0).and_then(|report| report.failure.as_deref());
        let line = self.told_of(index, server, line, None).with_some("detail", failure);
        let mut lines = vec![line.end()];
        let witnesses = self.report.servers.get(index.0).map(|report| &report.witnesses[..]);
        for WitnessReport { check, word: said, detail } in witnesses.unwrap_or_default() {
            let line = Line::default()
                .with("witness", check.name())
                .with("says", word(*said))
                .with_some("detail", Some(detail).filter(|detail| !detail.is_empty()));
            lines.push(line.end());
        }
        for name in &self.names {
            let said = self.said(name);
            let inside = said.servers.contains(&index);
            let line = Line::default()
                .with("name", &name.name)
                .with("role", role(name))
                .with("in", yes_or_no(inside))
                .with("reason", self.reason_for(index, inside, &said));
            lines.push(line.end());
        }
        // A pin of another server is why this one is not in the write name.
        let concerns = |wish| !matches!(wish, Wish::Drain { server, .. } if server != index);
        let laid = self.report.overrides.iter().filter(|laid| concerns(laid.wish));
        lines.extend(laid.map(|laid| self.laid(laid)));
        lines
    }

    /// An override: who laid it, why, and until when.
    fn laid(&self, laid: &Override) -> String {
        let Override { wish, author, reason, since, until } = laid;
        let force = matches!(
            wish,
            Wish::Drain { force: true, .. } | Wish::Pin { even_if_not_writable: true, .. }
        );
        let start = self.report.start;
        let line = Line::default()
            .with("override", wish)
            .with_some("server", wish.server().map(|server| self.name_of(server)))
            .with_some("force", force.then_some("yes"))
            .with("author", author)
            .with("since", start.at(*since));
        let line = match until {
            Some(until) => line.with("until", start.at(*until)),
            None => line.with("until", "never"),
        };
        line.with("reason", reason).end()
    }

    /// The last changes, newest first.
    pub(super) fn events(&self) -> Vec<String> {
        let told: Vec<_> = self.report.events.iter().take(EVENTS).collect();
        if told.is_empty() {
            let line = Line::default().with("cluster", &self.listing.name).with("events", 0);
            return vec![line.end()];
        }
        told.into_iter().filter_map(|happened| self.event(happened)).collect()
    }

    fn event(&self, Happened { at, event }: &Happened) -> Option<String> {
        let line = Line::default().with("time", format_args!("{at:.3}"));
        let line = match event {
            Event::State { server, from, to, reason, detail } => line
                .with("server", self.name_of(server.server))
                .with("from", from)
                .with("to", to)
                .with("reason", reason)
                .with_some("detail", Some(detail).filter(|detail| !detail.is_empty())),
            Event::Witness { server, check, from, to, detail } => line
                .with("server", self.name_of(server.server))
                .with("witness", check.name())
                .with("from", word(*from))
                .with("to", word(*to))
                .with_some("detail", Some(detail).filter(|detail| !detail.is_empty())),
            Event::Write { from, to, reason, .. } => {
                let is_meant = |name: &ServedName| name.role == NameRole::Write;
                line.with("name", self.called(&is_meant)?)
                    .with("from", self.list(from.as_slice()))
                    .with("to", self.list(to.as_slice()))
                    .with("reason", reason)
            }
            Event::Read { name, from, to, reason, .. } => {
                let is_meant = |served: &ServedName| match served.role {
                    NameRole::Read { index, .. } => index == *name,
                    NameRole::Write => false,
                };
                line.with("name", self.called(&is_meant)?)
                    .with("from", self.list(from))
                    .with("to", self.list(to))
                    .with("reason", reason)
            }
            Event::Override { laid, turn, .. } => {
                let line = line
                    .with("override", laid.wish)
                    .with_some("server", laid.wish.server().map(|server| self.name_of(server)));
                line.with("turn", turn).with("author", &laid.author).with("reason", &laid.reason)
            }
            Event::Accepted { accepted, .. } => line
                .with("accepted", self.name_of(accepted.server))
                .with("author", &accepted.by)
                .with("reason", &accepted.because),
            Event::Isolated | Event::Reconnected => return None,
        };
        Some(line.end())
    }

    /// State, lag, place in the name, addresses, age and reason of a server.
    fn told_of(
        &self,
        index: ServerIndex,
        server: &PublishedServer,
        line: Line,
        inside: Option<&str>,
    ) -> Line {
        let standing = self.standing(index);
        let addresses: Vec<_> = server.addresses.iter().map(IpAddr::to_string).collect();
        line.with_some("state", standing.map(|standing| standing.state))
            .with_some("lag", standing.and_then(|standing| standing.lag))
            .with_some("in", inside)
            .with("address", addresses.join(","))
            .with("port", server.port)
            .with_some("since", standing.map(|standing| self.report.start.at(standing.since)))
            .with_some("reason", standing.map(|standing| standing.reason))
    }

    /// Why a server is in a name, or why it is not.
    fn reason_for(&self, index: ServerIndex, inside: bool, said: &Said) -> String {
        match self.standing(index) {
            Some(standing) if !inside => {
                let Standing { state, reason, .. } = standing;
                let published = self.list(&said.servers);
                format!("it is {state}: {reason}; published is {published}: {}", said.reason)
            }
            _ => said.reason.clone(),
        }
    }

    /// What a name says.
    fn said(&self, name: &ServedName) -> Said {
        let decision = &self.report.decision;
        let said = match name.role {
            NameRole::Write => {
                decision.write.as_ref().map(|WriteDecision { server, reason, since }| {
                    Said::new(server.iter().copied(), reason, *since)
                })
            }
            NameRole::Read { index, .. } => {
                decision.reads.get(index).map(|ReadDecision { servers, reason, since }| {
                    Said::new(servers.iter().map(|member| member.server), reason, *since)
                })
            }
        };
        said.unwrap_or_else(|| Said::new(None, &"not ready", Moment::START))
    }

    fn standing(&self, server: ServerIndex) -> Option<Standing> {
        self.report.servers.get(server.0).map(|report| report.standing)
    }

    fn servers(&self) -> impl Iterator<Item = (ServerIndex, &PublishedServer)> {
        self.listing.servers.iter().enumerate().map(|(index, server)| (ServerIndex(index), server))
    }

    fn name_of(&self, server: ServerIndex) -> &str {
        self.listing.servers.get(server.0).map_or("?", |server| &server.name)
    }

    /// `db1,db2`; `nobody` for none, as in the log.
    fn list(&self, servers: &[ServerIndex]) -> String {
        let names: Vec<_> = servers.iter().map(|server| self.name_of(*server)).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(",") }
    }

    /// The served name that is meant.
    fn called(&self, is_meant: &dyn Fn(&ServedName) -> bool) -> Option<String> {
        self.names.iter().find(|name| is_meant(name)).map(|name| name.name.to_string())
    }
}

/// What a name says, for whatever role.
struct Said {
    servers: Vec<ServerIndex>,
    reason: String,
    since: Moment,
}

impl Said {
    fn new(
        servers: impl IntoIterator<Item = ServerIndex>,
        reason: &dyn Display,
        since: Moment,
    ) -> Self {
        Self { servers: servers.into_iter().collect(), reason: reason.to_string(), since }
    }
}

fn role(name: &ServedName) -> &'static str {
    match name.role {
        NameRole::Write => "write",
        NameRole::Read { .. } => "read",
    }
}

/// The word of a witness; `silent` when it says nothing.
fn word(word: Option<Word>) -> String {
    word.map_or_else(|| "silent".to_owned(), |word| word.to_string())
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
