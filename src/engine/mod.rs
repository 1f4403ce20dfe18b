//! The engine: observations in, decisions with reasons out.
//!
//! It is pure. It reads no clock, no file and no socket, draws no random numbers, takes no lock and
//! awaits nothing; `now` is an argument of every step that depends on time. Whatever it decides, it
//! decides again when the same observations are played to it in a scenario or a simulation.
//!
//! One owner drives it:
//!
//! ```text
//! engine.observe(observation, now);   // any number of times
//! engine.decide(now);                 // judge what was observed, once
//! engine.poll_decided();              // whose decision may have changed, until None
//! engine.decision(cluster);           // what is to be published now
//! engine.take_events();               // what changed
//! engine.advice(server);              // how the probes should go on
//! engine.next_deadline();             // when to call `decide` again at the latest
//! ```
//!
//! A failover of a PostgreSQL pair:
//!
//! ```
//! # use std::time::Duration;
//! # use pointsman::engine::*;
//! # use PostgresRole::{Primary, Standby};
//! # let server = |name: &str, host: &str| ServerPolicy { name: name.into(), priority: 100,
//! #     aliases: [host.into()].into(), addresses: [].into(), port: 5432, witnesses: vec![],
//! #     may_write: MayWrite::Always };
//! # let policy = ClusterPolicy { name: "orders".into(), kind: ClusterKind::Postgres,
//! #     servers: vec![server("db1", "10.0.0.1"), server("db2", "10.0.0.2")],
//! #     write: Some(WritePolicy { on_not_writable: OnNotWritable::Empty,
//! #         on_split_brain: OnSplitBrain::Keep, on_newer_timeline: OnNewerTimeline::Follow,
//! #         shared_storage: false, failback: Failback::Stay, flap_block: Duration::from_secs(60) }),
//! #     reads: vec![], thresholds: Thresholds { fall: 3, rise: 2,
//! #         stale_after: Duration::from_secs(8), first_round: Duration::from_secs(2) } };
//! # let at = |lsn| Position::lsn(lsn);
//! # let primary = |timeline, lsn| Primary { read_only: false, timeline, position: at(lsn) };
//! # let standby = |lsn| Standby { receiver: Receiver::Streaming, timeline: Some(1),
//! #     recovery_timeline: Some(1), received: Some(at(lsn)), heard: None, replayed: Some(at(lsn)),
//! #     replay_age: None, paused: false, apply_delay: Duration::ZERO,
//! #     sender: Some(Endpoint { host: "10.0.0.1".into(), port: 5432 }) };
//! # let answers = |role| Outcome::Answered(Facts::Postgres(PostgresFacts { system_identifier: 7,
//! #     role, sessions: None, heartbeat: Heartbeat::NotTried }));
//! # let refused = || Outcome::Failed(Failure::new(FailureKind::Refused, "connection refused"));
//! let (orders, mut now) = (ClusterId(0), Moment::START);
//! let mut engine = Engine::new(vec![policy], now);
//! let mut hear = |outcomes: [Outcome; 2]| {
//!     for (index, outcome) in outcomes.into_iter().enumerate() {
//!         let server = ServerId { cluster: orders, server: ServerIndex::new(index) };
//!         engine.observe(Observation { server, asked: now, outcome }, now);
//!     }
//!     engine.decide(now);
//!     now = now + Duration::from_millis(250);
//!     engine.decision(orders).write.and_then(|write| write.server)
//! };
//! hear([answers(primary(1, 100)), answers(standby(100))]);
//! assert_eq!(hear([answers(primary(1, 100)), answers(standby(100))]), Some(ServerIndex::new(0)));
//! assert_eq!(hear([refused(), answers(standby(100))]), Some(ServerIndex::new(0))); // held
//! assert_eq!(hear([refused(), answers(primary(2, 110))]), Some(ServerIndex::new(0))); // said once
//! assert_eq!(hear([refused(), answers(primary(2, 120))]), Some(ServerIndex::new(1))); // and again
//! ```

mod acceptance;
mod cadence;
mod candidacy;
mod choice;
mod claim;
mod cluster;
mod conclusion;
mod deadlines;
mod decision;
mod event;
mod extent;
mod facts;
mod gate;
mod gtid;
mod heart;
mod history;
mod ids;
mod judge;
mod judgement;
mod machine;
mod moment;
mod observation;
mod overrides;
mod policy;
mod position;
mod positions;
mod progress;
mod read;
mod reception;
mod record;
mod remembered;
mod settling;
mod state;
mod steering;
mod superseded;
mod supposition;
mod testimony;
mod trouble;
mod upstream;
mod verdict;
mod witness;
mod write;
mod written_beside;

pub use acceptance::{Acceptance, AcceptanceRefusal};
pub use candidacy::{Because, Candidacy, Change, NameOf};
pub use decision::{
    Decision, Degradation, Pace, ProbeAdvice, ReadDecision, ReadReason, ReadServer, Stability,
    WriteDecision, WriteReason,
};
pub use event::{Event, OverrideTurn};
pub use extent::Extent;
pub use facts::{
    Channel, Domains, Endpoint, Facts, Flavour, Galera, Group, GroupMember, GroupRole, Heartbeat,
    IoThread, MySqlFacts, MySqlIdentity, PostgresFacts, PostgresRole, Receiver, SourceId,
    Writability,
};
pub use gtid::{BinlogState, GtidError, GtidSet, GtidState, Relation};
pub use ids::{ClusterId, ProbeKey, ServerId, ServerIndex, Servers};
pub use machine::Engine;
pub use moment::Moment;
pub use observation::{Evidence, Failure, FailureKind, Observation, Outcome};
pub use overrides::{Override, OverrideRefusal, Wish, WishKey};
pub use policy::{
    ClusterKind, ClusterPolicy, Failback, MayWrite, OnNewerTimeline, OnNotWritable, OnSplitBrain,
    ReadPolicy, ServerPolicy, Thresholds, WritePolicy,
};
pub use position::Position;
pub use progress::{Progress, Towards};
pub use remembered::{
    LeftBehind, Loss, Remembered, RememberedDenial, RememberedHistory, RememberedLoss,
    RememberedOffice, RememberedPosition, Stream,
};
pub use state::{Lag, ServerState, Standing, StateReason};
pub use supposition::Supposition;
pub use testimony::{Check, Testimony, Word};
pub use upstream::Upstream;
pub use witness::WitnessStanding;
