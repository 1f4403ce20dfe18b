//! The story: what happens to the servers, and what must be answered then.
//!
//! It ends as it begins, with db1 as the primary and two standbys, so that it can be told again.

use std::time::Duration;

use super::{
    stage::{PASSWORD, Stage, StageError},
    witness::{Demand, Objection, Witness},
};
use crate::engine::{ServerIndex, ServerState};

const DB1: ServerIndex = ServerIndex::new(0);
const DB2: ServerIndex = ServerIndex::new(1);
const DB3: ServerIndex = ServerIndex::new(2);

/// How long a negative is watched: several probes of each server.
const WATCH: Duration = Duration::from_millis(1200);

/// The story and those in it.
#[derive(Debug)]
pub struct Story<'a> {
    /// The servers.
    pub stage: &'a mut Stage,
    /// Who tells and judges.
    pub witness: &'a mut Witness,
    /// How long each outcome stays, for the reader and for a `dig` of his own.
    pub pause: Duration,
}

/// Why the story is not told to its end.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// An answer was wrong, or there was none.
    #[error(transparent)]
    Objection(#[from] Objection),
    /// A server could not be started again.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl Story<'_> {
    /// Waits until the first probes are back.
    pub async fn open(&mut self) -> Result<(), StoryError> {
        self.witness.scene("The first probes", &[DB1])?;
        self.reached(ordinary()).await
    }

    /// Tells it once.
    pub async fn tell(&mut self) -> Result<(), StoryError> {
        self.replica_lags().await?;
        self.replay_is_paused().await?;
        self.password_is_changed().await?;
        self.standbys_go().await?;
        self.primary_freezes().await?;
        self.primary_turns_read_only().await?;
        self.primary_crashes().await?;
        self.standby_is_promoted().await?;
        self.old_primary_returns().await?;
        self.old_primary_rejoins().await?;
        self.roles_are_switched_back().await
    }

    async fn replica_lags(&mut self) -> Result<(), StoryError> {
        self.witness.scene("A standby falls behind", &[DB1])?;
        self.witness.happened("a report on db3 holds its replay back; max_lag is 2s")?;
        self.stage.hold_replay_back(DB3);
        let late = Demand::new(&[DB1], &[DB2]).state(DB3, ServerState::ReplicaLagging);
        self.reached(late).await?;
        self.witness.happened("the report ends, and db3 catches up")?;
        self.stage.release_replay(DB3);
        self.reached(ordinary()).await
    }

    async fn replay_is_paused(&mut self) -> Result<(), StoryError> {
        self.witness.scene("Replay is paused", &[DB1])?;
        self.witness.happened("SELECT pg_wal_replay_pause() on db2")?;
        self.stage.pause_replay(DB2);
        self.reached(Demand::new(&[DB1], &[DB3]).state(DB2, ServerState::OutOfService)).await?;
        self.witness.happened("SELECT pg_wal_replay_resume() on db2")?;
        self.stage.release_replay(DB2);
        self.reached(ordinary()).await
    }

    async fn password_is_changed(&mut self) -> Result<(), StoryError> {
        self.witness.scene("The probe is locked out", &[DB1])?;
        self.witness.happened("somebody changes the probe's password on db1: no reason to move")?;
        self.stage.set_password(DB1, "changed").await;
        let locked_out = Demand::new(&[DB1], &[DB2, DB3])
            .write_note("held: the last primary is Misconfigured")
            .state(DB1, ServerState::Misconfigured);
        self.stays(locked_out).await?;
        self.witness.happened("the password is set back")?;
        self.stage.set_password(DB1, PASSWORD).await;
        self.reached(ordinary()).await
    }

    async fn standbys_go(&mut self) -> Result<(), StoryError> {
        self.witness.scene("Both standbys are gone", &[DB1])?;
        self.witness.happened("db2 and db3 are stopped: the primary takes the reads too")?;
        self.stage.stop(DB2).await;
        self.stage.stop(DB3).await;
        self.reached(Demand::new(&[DB1], &[DB1]).read_note("the primary helps out")).await?;
        self.witness.happened("db2 and db3 are started again")?;
        self.stage.resume(DB2).await?;
        self.stage.resume(DB3).await?;
        self.reached(ordinary()).await
    }

    async fn primary_freezes(&mut self) -> Result<(), StoryError> {
        self.witness.scene("The primary freezes", &[DB1])?;
        self.witness.happened("kill -STOP on db1: it accepts connections and answers nothing")?;
        self.stage.freeze(DB1);
        let frozen = Demand::new(&[DB1], &[DB2, DB3])
            .write_note("held: the last primary is Down")
            .state(DB1, ServerState::Down);
        self.stays(frozen).await?;
        self.witness.happened("kill -CONT on db1: no harm done, and nothing to switch back")?;
        self.stage.thaw(DB1);
        self.reached(ordinary()).await
    }

    async fn primary_turns_read_only(&mut self) -> Result<(), StoryError> {
        self.witness.scene("The primary refuses writes", &[DB1])?;
        self.witness.may_withdraw();
        self.witness.happened("default_transaction_read_only = on on db1: it says so itself")?;
        self.stage.set_read_only(DB1, true);
        let withdrawn = Demand::new(&[], &[DB2, DB3])
            .write_note("not writable")
            .state(DB1, ServerState::ReadOnlyPrimary);
        self.reached(withdrawn).await?;
        self.witness.happened("default_transaction_read_only = off")?;
        self.stage.set_read_only(DB1, false);
        self.reached(ordinary()).await
    }

    async fn primary_crashes(&mut self) -> Result<(), StoryError> {
        self.witness.scene("The primary crashes", &[DB1])?;
        self.witness
            .happened("kill -9 on db1: nobody is promoted yet, so nobody takes its place")?;
        self.stage.stop(DB1).await;
        let held = Demand::new(&[DB1], &[DB2, DB3])
            .write_note("held: the last primary is Down")
            .state(DB1, ServerState::Down);
        self.stays(held).await
    }

    async fn standby_is_promoted(&mut self) -> Result<(), StoryError> {
        self.witness.scene("A standby is promoted", &[DB1, DB2])?;
        self.witness.happened("SELECT pg_promote() on db2")?;
        self.stage.promote(DB2);
        let promoted = Demand::new(&[DB2], &[DB3]).state(DB2, ServerState::Primary);
        self.witness.until(&promoted).await?;
        self.witness.happened("db3 is told to follow db2, before it is too late by max_lag")?;
        self.stage.follow(DB3, DB2);
        self.stays(promoted).await
    }

    async fn old_primary_returns(&mut self) -> Result<(), StoryError> {
        self.witness.scene("The old primary returns", &[DB2])?;
        self.witness.happened("db1 is started as it was: writable, and on an old timeline")?;
        self.stage.resume(DB1).await?;
        self.stays(Demand::new(&[DB2], &[DB3]).state(DB1, ServerState::StalePrimary)).await
    }

    async fn old_primary_rejoins(&mut self) -> Result<(), StoryError> {
        self.witness.scene("It rejoins as a standby", &[DB2])?;
        self.witness.happened("db1 is rewound (pg_rewind) and follows db2")?;
        self.stage.stop(DB1).await;
        self.stage.follow(DB1, DB2);
        self.stage.resume(DB1).await?;
        self.reached(Demand::new(&[DB2], &[DB1, DB3]).state(DB1, ServerState::Replica)).await
    }

    async fn roles_are_switched_back(&mut self) -> Result<(), StoryError> {
        self.witness.scene("A planned switchover", &[DB1, DB2])?;
        self.witness.happened("db2 is shut down")?;
        self.stage.stop(DB2).await;
        let stopped = Demand::new(&[DB2], &[DB1, DB3])
            .write_note("held: the last primary is Down")
            .state(DB2, ServerState::Down);
        self.reached(stopped).await?;
        self.witness.happened("db1 is promoted")?;
        self.stage.promote(DB1);
        let promoted = Demand::new(&[DB1], &[DB3]).state(DB1, ServerState::Primary);
        self.witness.until(&promoted).await?;
        self.witness.happened("db3 is told to follow db1, and db2 comes back as a standby")?;
        self.stage.follow(DB3, DB1);
        self.stage.follow(DB2, DB1);
        self.stage.resume(DB2).await?;
        self.reached(ordinary()).await
    }

    /// Waits for `demand`, and lets it be looked at.
    async fn reached(&mut self, demand: Demand) -> Result<(), StoryError> {
        self.witness.until(&demand).await?;
        Ok(self.witness.stays(&demand, self.pause).await?)
    }

    /// Waits for `demand`, and sees that it stays.
    async fn stays(&mut self, demand: Demand) -> Result<(), StoryError> {
        self.witness.until(&demand).await?;
        Ok(self.witness.stays(&demand, self.pause.max(WATCH)).await?)
    }
}

/// What is answered while all is well.
fn ordinary() -> Demand {
    Demand::new(&[DB1], &[DB2, DB3])
        .state(DB1, ServerState::Primary)
        .state(DB2, ServerState::Replica)
        .state(DB3, ServerState::Replica)
}
