//! Answers questions about decisions. Nothing changes by them.

use super::Driver;
use crate::{
    answers::{NameRole, ServedName},
    control::{Question, Refusal},
    engine::{NameOf, Supposition},
    report::{Candidate, Explanation, Sought, WhatIf},
};

impl Driver {
    /// Answers one question. Who asked may have left.
    pub(super) fn answer(&self, question: Question) {
        match question {
            Question::Explain(name, reply) => _ = reply.send(self.explain(&name)),
            Question::WhatIf(supposed, reply) => {
                _ = reply.send(self.what_if(supposed));
            }
            Question::Preview(request, reply) => {
                _ = reply.send(self.preview(request));
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
            return Err(self.unknown(Sought::Name, asked));
        };
        let id = served.cluster;
        let of = match served.role {
            NameRole::Write => NameOf::Writes,
            NameRole::Read { index, .. } => NameOf::Reads(index),
        };
        let now = self.clock.now();
        let view = self.view(id, &self.engine, now)?;
        let called = called(served);
        let name = view.names.iter().find(|name| *name.name == *called).cloned();
        let name = name.ok_or(Refusal::Stopping)?;
        let candidates = self.engine.candidacy(id, of, now).into_iter();
        // Servers of the layout are those of the engine.
        let candidates = candidates.filter_map(|candidacy| {
            let server = view.servers.get(candidacy.server.place())?;
            let (name, state, severity) = (server.name.clone(), server.state, server.severity);
            Some(Candidate { server: name, state, severity, candidacy })
        });
        let (candidates, cluster) = (candidates.collect(), view.name.clone());
        Ok(Explanation { name, cluster, candidates })
    }

    /// What a copy of the engine decides when servers of one cluster are otherwise.
    fn what_if(&self, supposed: Vec<(Box<str>, Supposition)>) -> Result<WhatIf, Refusal> {
        let mut cluster = None;
        let mut places = Vec::new();
        let mut named = Vec::new();
        for (server, supposition) in supposed {
            let id = self.server_of(&server, cluster)?;
            cluster = Some(id.cluster);
            places.push((id.server, supposition));
            named.push((self.server_name(id), supposition));
        }
        // Nothing supposed of nobody: no server has no name.
        let cluster = cluster.map_or_else(|| self.server("").map(|id| id.cluster), Ok)?;
        let now = self.clock.now();
        let then = self.engine.suppose(cluster, &places, now);
        let then = self.view(cluster, &then, now)?;
        Ok(WhatIf { supposed: named, now: self.view(cluster, &self.engine, now)?, then })
    }
}
