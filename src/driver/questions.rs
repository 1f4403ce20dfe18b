//! Answers questions about decisions. Nothing changes by them.

use std::time::Duration;

use super::Driver;
use crate::{
    answers::{NameRole, ServedName},
    api::{self, Candidate, Explanation, WhatIf},
    control::{Question, Refusal},
    engine::{Candidacy, NameOf, ServerId, Supposition},
    status,
};

/// Names that are told to whoever asked for one that there is not.
const KNOWN: usize = 50;

impl Driver {
    /// Answers one question. Who asked may have left.
    pub(super) fn answer(&self, question: Question) {
        match question {
            Question::Explain(name, reply) => _ = reply.send(self.explain(&name)),
            Question::WhatIf(server, supposition, reply) => {
                _ = reply.send(self.what_if(&server, supposition));
            }
        }
    }

    /// Every server of a name's cluster as a candidate for it.
    fn explain(&self, asked: &str) -> Result<Explanation, Refusal> {
        let current = self.publisher.current();
        let layout = current.table.layout();
        let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        let called = |name: &ServedName| name.name.to_string();
        let found = layout.served().iter().find(|name| bare(&called(name)) == bare(asked));
        let Some(served) = found else {
            let known = layout.served().iter().take(KNOWN).map(|name| called(name).into());
            return Err(Refusal::UnknownName { name: asked.into(), known: known.collect() });
        };
        let id = served.cluster;
        let of = match served.role {
            NameRole::Write => NameOf::Writes,
            NameRole::Read { index, .. } => NameOf::Reads(index),
        };
        let report = self.reporter.of(id, &self.engine);
        let now = status::cluster(layout, id, &report);
        let told = now.and_then(|cluster| {
            let name = cluster.names.into_iter().find(|name| name.name == called(served))?;
            Some((cluster.name, name))
        });
        let Some((cluster, name)) = told else {
            return Err(Refusal::Stopping);
        };
        let candidates = self.engine.candidacy(id, of, self.clock.now());
        let candidates = candidates.into_iter().map(|candidate| {
            let Candidacy { server, included, because, change } = candidate;
            let server = ServerId { cluster: id, server };
            Candidate {
                server: self.server_name(server).into(),
                state: self.engine.standing(server).state.to_string(),
                included,
                because: because.to_string(),
                would_change: change.to_string(),
            }
        });
        Ok(Explanation { name, cluster, candidates: candidates.collect() })
    }

    /// What a copy of the engine decides when one server is otherwise.
    fn what_if(&self, server: &str, supposed: api::Supposition) -> Result<WhatIf, Refusal> {
        let id = self.server(server)?;
        let name = self.server_name(id);
        let (supposition, supposed) = match supposed {
            api::Supposition::Down => (Supposition::Down, format!("{name} refuses connections")),
            api::Supposition::Up => {
                (Supposition::Up, format!("{name} answers as it did when it last answered"))
            }
            api::Supposition::LagMs(millis) => {
                let lag = Duration::from_millis(millis);
                (Supposition::Lag(lag), format!("{name} is a replica that is behind by {lag:?}"))
            }
        };
        let current = self.publisher.current();
        let layout = current.table.layout();
        let then = self.engine.suppose(id, supposition, self.clock.now());
        let [now, then] = [&self.engine, &then].map(|engine| {
            status::cluster(layout, id.cluster, &self.reporter.of(id.cluster, engine))
        });
        // Clusters of the layout are those of the engine.
        let (Some(now), Some(then)) = (now, then) else {
            return Err(Refusal::Stopping);
        };
        Ok(WhatIf { supposed, now, then })
    }
}
