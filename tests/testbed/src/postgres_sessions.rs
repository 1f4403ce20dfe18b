//! Sessions of the tests themselves with PostgreSQL servers.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{runtime::Runtime, time};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// Why a statement has no result: refused, failed, or out of time.
pub type SqlError = Box<dyn std::error::Error>;

/// Makes sessions and runs what they do.
pub struct SessionMaker {
    runtime: Runtime,
}

impl SessionMaker {
    /// With a thread of its own, so that open sessions notice what happens to them.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        Self { runtime }
    }

    /// Where the sessions live.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The first column of the first row that `statements` return, if any, in a new session of the
    /// superuser.
    pub fn query(
        &self,
        address: Ipv4Addr,
        port: u16,
        statements: &str,
    ) -> Result<Option<String>, SqlError> {
        self.runtime.block_on(async {
            let work = async {
                let client = connect(address, port, "postgres").await?;
                client.simple_query(statements).await
            };
            let messages = time::timeout(Duration::from_secs(10), work).await??;
            Ok(first_value(messages))
        })
    }

    /// The same in an open session; `None` also when it fails.
    pub fn ask(&self, session: &Client, statements: &str) -> Option<String> {
        first_value(self.runtime.block_on(session.simple_query(statements)).ok()?)
    }

    /// Whether a session has not ended.
    pub fn is_open(&self, session: &Client) -> bool {
        !session.is_closed()
    }

    /// Runs statements that must succeed in a session.
    pub fn run(&self, session: &Client, statements: &str) {
        self.runtime
            .block_on(session.simple_query(statements))
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// A new session, unless the server refuses it.
    pub fn open(&self, address: Ipv4Addr, port: u16, user: &str) -> Option<Client> {
        let connect =
            async { time::timeout(Duration::from_secs(5), connect(address, port, user)).await };
        self.runtime.block_on(connect).ok()?.ok()
    }
}

fn first_value(messages: Vec<SimpleQueryMessage>) -> Option<String> {
    let row = messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })?;
    Some(row.try_get(0).ok()??.to_owned())
}

async fn connect(
    address: Ipv4Addr,
    port: u16,
    user: &str,
) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = Config::new()
        .host(address.to_string())
        .port(port)
        .user(user)
        .dbname("postgres")
        .connect_timeout(Duration::from_secs(5))
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}
