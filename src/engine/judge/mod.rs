//! What the observations of a cluster's servers add up to: one verdict per server.
//!
//! The order of things: who claims to be writable, who of them is right, and then each server
//! against that. A verdict rests on the whole cluster, so all are made anew together; the tables
//! are in `docs/JUDGEMENT.md`.

mod case;
mod claim;
mod contest;
mod freshness;
mod identity;
mod mysql;
mod office;
mod postgres;
mod tcp;
mod tenure;
#[cfg(test)]
mod tests;
mod unanswered;
mod verdicts;

use super::{ClusterKind, judgement::Judgement, positions::Positions};

pub use self::{
    case::{Hearing, Precedents},
    identity::{Identity, KnownIdentity},
    office::Office,
};

/// Judges all servers of one cluster.
pub fn judge(hearing: &mut Hearing<'_>, positions: &mut Positions) -> Judgement {
    for (conclusion, record) in hearing.conclusions.iter_mut().zip(hearing.records) {
        conclusion.begin(record);
    }
    let judgement = match hearing.policy.kind {
        ClusterKind::Postgres => postgres::judge(hearing, positions),
        ClusterKind::MySql => mysql::judge(hearing, positions),
        ClusterKind::Tcp => tcp::judge(hearing),
    };
    for server in hearing.records.indices() {
        let upstream = match hearing.policy.kind {
            ClusterKind::Postgres => postgres::upstream(server, hearing.case()),
            ClusterKind::MySql => mysql::upstream(server, hearing.case()),
            ClusterKind::Tcp => None,
        };
        let (record, conclusion) = hearing.of(server);
        conclusion.note_upstream(upstream, record);
    }
    judgement
}
