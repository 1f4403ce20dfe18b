//! An application: it asks for the name, opens a session, and writes every 10 ms for as long as that
//! lasts. It has no deadline of its own but the one of the connect.

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hickory_proto::rr::Name;
use tokio::{task::JoinHandle, time};
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

use crate::{dns_client::DnsClient, postgres_sessions::SessionMaker};

/// What it writes to.
pub(super) const TABLE: &str = "CREATE TABLE written (id bigint GENERATED ALWAYS AS IDENTITY); \
                                GRANT INSERT, SELECT ON written TO application";

/// Dropped, it ends, whatever it waits for.
pub(super) struct Writer {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
    _maker: SessionMaker,
}

/// A write that a server has acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ack {
    pub(super) id: i64,
    pub(super) at: Instant,
    pub(super) server: IpAddr,
}

/// How a session ended, or did not begin.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) server: IpAddr,
    pub(super) words: String,
}

#[derive(Debug, Default)]
struct Seen {
    acks: Vec<Ack>,
    failures: Vec<Failure>,
}

impl Writer {
    /// Asks `dns` for `name`, and writes to whom it says.
    pub(super) fn start(dns: SocketAddr, name: Name, port: u16) -> Self {
        let maker = SessionMaker::start();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let noted = Arc::clone(&seen);
        let task = maker.runtime().spawn(async move {
            let mut dns = DnsClient::new(dns);
            loop {
                let said = dns.addresses(&name);
                if let Some(server) = said.and_then(|said| said.addresses.first().copied()) {
                    let words = write_to(server, port, &noted).await;
                    lock(&noted).failures.push(Failure { server, words });
                }
                time::sleep(WRITE_EVERY).await;
            }
        });
        Self { seen, task, _maker: maker }
    }

    /// The writes that were acknowledged.
    pub(super) fn acks(&self) -> Vec<Ack> {
        lock(&self.seen).acks.clone()
    }

    /// The sessions that failed.
    pub(super) fn failures(&self) -> Vec<Failure> {
        lock(&self.seen).failures.clone()
    }

    /// Whether the last write that was acknowledged was so by `server`.
    pub(super) fn writes_to(&self, server: impl Into<IpAddr>) -> bool {
        let server = server.into();
        lock(&self.seen).acks.last().is_some_and(|ack| ack.server == server)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Writes in one session until it fails, and tells how.
async fn write_to(server: IpAddr, port: u16, seen: &Mutex<Seen>) -> String {
    let connecting = Config::new()
        .host(server.to_string())
        .port(port)
        .user("application")
        .dbname("postgres")
        .connect_timeout(CONNECT)
        .connect(NoTls)
        .await;
    let (client, connection) = match connecting {
        Ok(connected) => connected,
        Err(error) => return words_of(&error),
    };
    let connection = tokio::spawn(connection);
    let failed = loop {
        let insert = "INSERT INTO written DEFAULT VALUES RETURNING id";
        let rows = match client.simple_query(insert).await {
            Ok(rows) => rows,
            Err(error) => break words_of(&error),
        };
        let at = Instant::now();
        let id = rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        let id = id.expect("the server tells the number of the row");
        lock(seen).acks.push(Ack { id, at, server });
        time::sleep(WRITE_EVERY).await;
    };
    // What the socket said is known to the task that reads it.
    drop(client);
    match connection.await {
        Ok(Err(error)) => format!("{failed}: {}", words_of(&error)),
        Ok(Ok(())) | Err(_) => failed,
    }
}

/// The error with its causes.
fn words_of(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_millis(10);

/// How long a new session is waited for.
const CONNECT: Duration = Duration::from_secs(2);
