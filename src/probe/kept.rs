//! The login that outlived the attempt that began it; see [`super::handshake`].

use super::{handshake::Place, mysql, postgres};

/// A login that the server has not answered yet, if there is one; a server speaks one protocol.
#[derive(Default)]
pub struct Kept {
    /// To PostgreSQL.
    pub postgres: Place<postgres::Wire, postgres::WireError>,
    /// To MySQL or MariaDB.
    pub mysql: mysql::KeptLogin,
}

impl Kept {
    /// Whether a login is under way.
    pub fn is_any(&self) -> bool {
        self.postgres.is_some() || self.mysql.0.is_some()
    }

    /// Waits until the login that is under way has ended, for ever when there is none. Cancel-safe.
    pub async fn ended(&mut self) {
        match (&mut self.postgres, &mut self.mysql.0) {
            (Some(kept), _) => kept.ended().await,
            (_, Some(kept)) => kept.ended().await,
            (None, None) => std::future::pending().await,
        }
    }
}
