//! The probe of a `tcp` cluster: whether the port accepts a connection, and nothing else.

use tokio::time::Instant;

use super::dial::Dial;
use crate::engine::{Facts, Failure};

/// Connects by `deadline` and hangs up.
pub async fn probe(dial: &mut Dial, deadline: Instant) -> Result<Facts, Failure> {
    dial.connect(deadline).await.map(|_connected| Facts::Tcp)
}
