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

mod acceptance;
mod cadence;
mod candidacy;
mod claim;
mod cluster;
mod deadlines;
mod decision;
mod event;
mod facts;
mod gate;
mod gtid;
mod heart;
mod history;
mod ids;
mod judge;
mod machine;
mod moment;
mod observation;
mod overrides;
mod policy;
mod position;
mod positions;
mod read;
mod reception;
mod record;
mod remembered;
mod state;
mod steering;
mod superseded;
mod supposition;
mod trouble;
mod unrest;
mod verdict;
mod witness;
mod write;

pub use acceptance::{Acceptance, AcceptanceRefusal};
pub use candidacy::{Because, Candidacy, Change, NameOf};
pub use decision::{
    Decision, Degradation, Pace, ProbeAdvice, ReadDecision, ReadReason, ReadServer, Stability,
    WriteDecision, WriteReason,
};
pub use event::{Event, OverrideTurn};
pub use facts::{
    Channel, Domains, Endpoint, Facts, Flavour, Galera, Group, GroupMember, GroupRole, Heartbeat,
    IoThread, MySqlFacts, MySqlIdentity, PostgresFacts, PostgresRole, Receiver, SourceId,
    Writability,
};
pub use gtid::{BinlogState, GtidError, GtidSet, GtidState, Relation};
pub use ids::{ClusterId, ProbeKey, ServerId, ServerIndex};
pub use machine::Engine;
pub use moment::Moment;
pub use observation::{Evidence, Failure, FailureKind, Finding, Observation, Outcome};
pub use overrides::{Override, OverrideRefusal, Wish, WishKey};
pub use policy::{
    ClusterKind, ClusterPolicy, Failback, OnNewerTimeline, OnNotWritable, OnSplitBrain, ReadPolicy,
    ServerPolicy, Thresholds, WritePolicy,
};
pub use position::Position;
pub use remembered::{
    LeftBehind, Loss, Remembered, RememberedHistory, RememberedLoss, RememberedOffice,
    RememberedPosition, Stream,
};
pub use state::{Lag, ServerState, Standing, StateReason};
pub use supposition::Supposition;
pub use witness::{Check, Testimony, WitnessStanding, Word};
