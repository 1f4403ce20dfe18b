//! One simulated server: the wire protocol of PostgreSQL around one member of the model.
//!
//! It asks for the password (MD5, which needs no TLS library), answers the probe's one question
//! from the model, and every other statement with a syntax error. What becomes of a connection
//! follows from the model's [`Condition`]:
//!
//! | condition | a new connection | an open one |
//! | --- | --- | --- |
//! | stopped | is refused | has been closed |
//! | starting | 57P03 | gets no answer until it is up |
//! | frozen | is accepted by the kernel, then silence | silence |
//! | running | logs in | is answered |

use std::{io, net::SocketAddr, time::Duration};

use postgres_protocol::authentication::md5_hash;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use super::{
    cluster::{Cluster, Condition},
    reply,
    wire::{self, Opening},
};
use crate::{
    clock::Clock,
    engine::ServerIndex,
    probe::{POSTGRES_COLUMNS, POSTGRES_FACTS},
};

/// The process of one server. Dropping it ends it soon; [`Self::close`] ends it now.
#[derive(Debug)]
pub struct Server {
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

/// One server as its connections see it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Which of the model's.
    pub index: ServerIndex,
    /// The model.
    pub cluster: watch::Receiver<Cluster>,
    /// The time of the model.
    pub clock: Clock,
}

#[derive(Debug)]
enum Order {
    EndSessions,
}

impl Server {
    /// Serves `member` at `address`, where the server before it may have left only just now.
    pub async fn open(address: SocketAddr, member: Member) -> io::Result<Self> {
        let mut attempts = BIND_ATTEMPTS;
        let listener = loop {
            match TcpListener::bind(address).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {
                    attempts -= 1;
                    sleep(BIND_PAUSE).await;
                }
                bound => break bound?,
            }
        };
        Ok(Self::serve(listener, member))
    }

    /// Serves `member` on a socket that listens already.
    pub fn serve(listener: TcpListener, member: Member) -> Self {
        let (orders, orders_to_task) = mpsc::channel(1);
        Self { orders, task: tokio::spawn(accept(listener, member, orders_to_task)) }
    }

    /// Closes the port and every connection, as the kernel does for a killed process.
    pub async fn close(self) {
        drop(self.orders);
        // Only a panic could be told, and there is nobody left to take it out on.
        let _ended = self.task.await;
    }

    /// Closes every connection and goes on accepting (`pg_terminate_backend`).
    pub async fn end_sessions(&self) {
        // A task that has ended has no sessions.
        let _ = self.orders.send(Order::EndSessions).await;
    }
}

/// Accepts until the sender of orders is gone.
async fn accept(listener: TcpListener, member: Member, mut orders: mpsc::Receiver<Order>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::EndSessions) => sessions.shutdown().await,
                None => break,
            },
            Some(_ended) = sessions.join_next() => {}
            Ok((stream, _)) = listener.accept() => {
                sessions.spawn(session(stream, member.clone()));
            }
        }
    }
    drop(listener);
    sessions.shutdown().await;
}

/// One connection, until its client leaves, is refused or breaks the protocol.
async fn session(stream: TcpStream, member: Member) {
    // A client that leaves in the middle is no news.
    let _ended = converse(stream, &member).await;
}

async fn converse(mut stream: TcpStream, member: &Member) -> io::Result<()> {
    let user = loop {
        match Opening::read(&mut stream).await? {
            Opening::Encryption => {
                member.thawed().await;
                stream.write_all(b"N").await?;
            }
            Opening::Startup { user } => break user,
        }
    };
    member.thawed().await;
    if let Some(refusal) = member.refusal() {
        return stream.write_all(&refusal).await;
    }
    let salt: [u8; 4] = rand::random();
    stream.write_all(&wire::md5_password(salt)).await?;
    let (_, proof) = wire::read(&mut stream).await?;
    member.thawed().await;
    if !member.lets_in(&user, salt, &proof) {
        let refusal = format!("password authentication failed for user \"{user}\"");
        return stream.write_all(&wire::error("FATAL", "28P01", &refusal)).await;
    }
    stream.write_all(&wire::login(SERVER_VERSION)).await?;
    while let (b'Q', statement) = wire::read(&mut stream).await? {
        member.thawed().await;
        stream.write_all(&member.reply(&statement)).await?;
    }
    Ok(())
}

impl Member {
    /// Waits while the process stands still.
    async fn thawed(&self) {
        let mut cluster = self.cluster.clone();
        let is_frozen = |cluster: &Cluster| {
            cluster.condition(self.index, self.clock.now()) == Condition::Frozen
        };
        // When the model is gone, nothing thaws any more, and soon nothing is served.
        let _ = cluster.wait_for(|cluster| !is_frozen(cluster)).await;
    }

    /// The error that a server in this condition greets a client with.
    fn refusal(&self) -> Option<Vec<u8>> {
        let text = match self.cluster.borrow().condition(self.index, self.clock.now()) {
            Condition::Starting(_) => "the database system is starting up",
            Condition::Stopped => "the database system is shutting down",
            Condition::Frozen | Condition::Running => return None,
        };
        Some(wire::error("FATAL", "57P03", text))
    }

    /// Whether `proof`, the body of a `PasswordMessage`, is that of this user's password.
    fn lets_in(&self, user: &str, salt: [u8; 4], proof: &[u8]) -> bool {
        let cluster = self.cluster.borrow();
        let expected = md5_hash(user.as_bytes(), cluster.password(self.index).as_bytes(), salt);
        proof.strip_suffix(b"\0") == Some(expected.as_bytes())
    }

    /// The reply to a statement, which ends with a zero octet.
    fn reply(&self, statement: &[u8]) -> Vec<u8> {
        if statement.strip_suffix(b"\0") != Some(POSTGRES_FACTS.as_bytes()) {
            let error =
                wire::error("ERROR", "42601", "a simulated server knows one statement only");
            return [error, wire::ready()].concat();
        }
        let facts = self.cluster.borrow().facts(self.index, self.clock.now());
        let row = wire::row(&reply::row(&facts));
        [wire::description(&POSTGRES_COLUMNS), row, wire::complete(), wire::ready()].concat()
    }
}

/// What the servers say they are.
const SERVER_VERSION: &str = "15.18";

/// How often a port that is still in use is tried again.
const BIND_ATTEMPTS: u32 = 100;

/// Pause between two attempts.
const BIND_PAUSE: Duration = Duration::from_millis(20);
