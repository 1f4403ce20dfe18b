//! Servers that are let into the cluster. Whoever is proven is let in at once, and what comes of it is
//! looked at once all others have been examined: those who come together become members together.

use tokio::sync::oneshot;
use tracing::warn;

use super::ClusterDiscovery;
use crate::{
    app::discovering::AUTHOR,
    config::{AddedServer, FoundServer},
    control::{Done, Order, OrderError},
    discovery::Newcomer,
    report::Discovery,
};

/// One that is about to join.
pub struct Joining {
    newcomer: Newcomer,
    outcome: oneshot::Receiver<Result<Done, OrderError>>,
}

impl ClusterDiscovery {
    /// Lets a server join; `None` when all stops.
    pub(super) async fn let_join(&self, newcomer: Newcomer) -> Option<Joining> {
        let Newcomer { name, at, depth, instance, attributes, proof: _ } = &newcomer;
        let found = FoundServer {
            depth: *depth,
            instance: instance.clone(),
            priority: attributes.priority,
            weight: attributes.weight,
        };
        let server = AddedServer {
            cluster: self.name.to_string(),
            name: name.to_string(),
            address: at.to_string(),
            author: AUTHOR.to_owned(),
            found: Some(found),
        };
        let outcome = self.around.control.give(|reply| Order::AddServer(server, reply)).await;
        Some(Joining { newcomer, outcome: outcome.ok()? })
    }

    /// What has come of it; whether it has joined.
    pub(super) async fn joined(&mut self, joining: Joining) -> bool {
        let Joining { newcomer: Newcomer { name, at, proof, .. }, outcome } = joining;
        match outcome.await {
            Ok(Ok(_)) => {
                let (at, proof) = (at.to_string().into(), proof.to_string().into());
                self.tell(Discovery::Joined { server: name, at, proof });
                true
            }
            Ok(Err(OrderError::Refused(why))) => {
                let cluster = &self.name;
                warn!(event = "discovery", %cluster, server = %name, "cannot join: {why}");
                self.ledger.refused(at, &why, self.clock.now());
                false
            }
            Ok(Err(OrderError::Stopping)) | Err(_) => false,
        }
    }
}
