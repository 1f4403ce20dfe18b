//! Servers that join at about the same time become members together: by one overlay, one plan and one
//! writing of the state, however many they are. Each has its own outcome, line and reason, and one that
//! cannot join keeps nobody else out.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::info;

use super::{
    prepared::Prepared,
    servers::unsaved,
    service::{Service, beside},
};
use crate::{
    config::{AddedServer, Config, Joined},
    control::{Done, Order, OrderError, Reply, Signed},
    driver::{Newcomer, Settled},
};

/// One that is to join, and where its outcome goes.
#[derive(Debug)]
struct Joining {
    server: AddedServer,
    reply: Reply<Done>,
}

impl Service {
    /// Lets a server join its cluster, probed and drained, and with it all who come at about the same
    /// time. Returns an order that came after them and waits.
    pub async fn add_servers(&mut self, server: AddedServer, reply: Reply<Done>) -> Option<Order> {
        let (all, next) = self.gather(Joining { server, reply }).await;
        let began = Instant::now();
        self.join(all).await;
        self.joining_took = began.elapsed();
        next
    }

    /// Those who come within a moment. Where a plan takes its time, more of them share it.
    async fn gather(&mut self, first: Joining) -> (Vec<Joining>, Option<Order>) {
        let end = Instant::now() + self.joining_took.clamp(SHORTEST, LONGEST);
        let mut all = vec![first];
        while all.len() < TOGETHER {
            match timeout_at(end, self.orders.recv()).await {
                Ok(Some(Order::AddServer(server, reply))) => all.push(Joining { server, reply }),
                // Nobody waits for these.
                Ok(Some(Order::ReadyServer { server, author, reply })) => {
                    self.ready_server(server, author, reply);
                }
                Ok(next) => return (all, next),
                Err(_) => break,
            }
        }
        (all, None)
    }

    async fn join(&mut self, all: Vec<Joining>) {
        let all = all.into_iter().map(Joining::signed);
        let (joining, replies): (Vec<_>, Vec<_>) = all.unzip();
        let servers: Vec<_> = joining.iter().map(|(server, _)| server.clone()).collect();
        let running = self.config.clone();
        let prepared = beside(move || {
            let Joined { config, refused } = Config::clone(&running).joined_by(&servers);
            let someone = refused.len() < servers.len();
            let prepared = someone.then(|| Prepared::joined(config)).transpose();
            prepared.map(|prepared| (prepared, refused)).map_err(OrderError::from)
        });
        let (prepared, refused) = match prepared.await.flatten() {
            Ok(prepared) => prepared,
            Err(fault) => return tell_all(replies, &fault),
        };
        let mut outcomes: Vec<_> = joining.iter().map(|_| Ok(Settled::default())).collect();
        for (place, why) in refused {
            outcomes[place] = Err(OrderError::refused(why));
        }
        if let Some(prepared) = prepared {
            let joined = joining.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
            let newcomers = joined.map(|((server, signed), _)| Newcomer {
                server: server.name.as_str().into(),
                signed: signed.clone(),
            });
            let newcomers: Vec<_> = newcomers.collect();
            let (together, began) = (newcomers.len(), Instant::now());
            let settled = self.put_in_force(prepared, newcomers).await;
            if together > 1 {
                let ms = began.elapsed().as_millis();
                info!(event = "config", ms, "configuration: {together} servers join by one plan");
            }
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                outcome.clone_from(&settled);
            }
        }
        for (((server, _), reply), outcome) in joining.into_iter().zip(replies).zip(outcomes) {
            let done = outcome.map(|Settled { unsaved: why }| {
                let AddedServer { cluster, name, address, author, found: _ } = server;
                self.note(&format!("{name} joins {cluster}, by {author}"), &[]);
                let done = format!(
                    "{name} joins {cluster} at {address}: it is probed, and drained until \
                     `pointsman server ready {name}`"
                );
                Done { done, warnings: why.map(|why| unsaved(&why)).into_iter().collect() }
            });
            // Who asked may have left.
            _ = reply.send(done);
        }
    }
}

impl Joining {
    /// Who lets it in, as everybody is told.
    fn signed(self) -> ((AddedServer, Signed), Reply<Done>) {
        let Self { server, reply } = self;
        let why = if server.found.is_some() { FOUND } else { ADDED };
        let signed = Signed::new(&server.author, why);
        let server = AddedServer { author: signed.author().to_owned(), ..server };
        ((server, signed), reply)
    }
}

fn tell_all(replies: Vec<Reply<Done>>, fault: &OrderError) {
    for reply in replies {
        _ = reply.send(Err(fault.clone()));
    }
}

/// Why a server that has just been added is drained.
const ADDED: &str = "added at run time";

/// Why one is that discovery lets in.
const FOUND: &str = "found, and proven to belong";

/// How long others are waited for: nothing next to the probes that follow.
const SHORTEST: Duration = Duration::from_millis(20);

/// The same where a plan takes longer than that.
const LONGEST: Duration = Duration::from_millis(100);

/// Servers of one plan.
const TOGETHER: usize = 1_000;
