//! One connection to a server: the only part that touches the driver.
//!
//! The driver trusts servers more than a probe may:
//!
//! - it unwraps what a server sent (an RSA key that is none, a number of columns beyond all
//!   memory): a panic inside it is a `Garbled` failure and ends nothing but the connection;
//! - a connection dropped within a result spawns a task that reads the result to its end, which a
//!   server may put off for ever: connections are dropped where nothing can be spawned (see
//!   [`drop_quietly`]);
//! - it takes results of any length and number: they are cut off at [`MAX_ROWS`] and
//!   [`MAX_RESULTS`].
//!
//! The driver says goodbye (COM_QUIT) only when it is told to: [`Link::quit`]. A connection that is
//! dropped instead counts as aborted on the server (`Aborted_clients`).

use std::{net::SocketAddr, panic::AssertUnwindSafe, sync::LazyLock};

use futures_util::FutureExt;
use mysql_async::{Conn, QueryResult, TextProtocol, Value, prelude::Queryable};
use tokio::{net::lookup_host, runtime::Handle};

use super::{
    error::{Fault, failure, garbled, io_failure, is_tls},
    options::options,
    reply::Reply,
};
use crate::{
    config::{ProbeConfig, ProbeTarget, TargetHost, TlsMode},
    engine::{Failure, FailureKind},
};

/// Most rows read of one result: replication channels and group members number in the tens.
const MAX_ROWS: usize = 1_000;
/// Most results read of one query: no query here has more statements.
const MAX_RESULTS: usize = 3;

/// A logged-in connection.
pub(super) struct Link {
    /// `None` once it broke.
    conn: Option<Conn>,
    /// A statement was begun and not ended, by an error or because its future was dropped.
    busy: bool,
}

impl Link {
    /// Resolves the target's name, connects and logs in. The caller sets the deadline.
    ///
    /// All addresses of a name are tried in the resolver's order.
    ///
    /// # Errors
    /// How the last address failed.
    pub(super) async fn open(target: &ProbeTarget, config: &ProbeConfig) -> Result<Self, Failure> {
        let mut last = Failure::new(FailureKind::Unresolved, "the name has no address");
        for address in resolve(target).await? {
            match Self::open_at(target, address, config).await {
                Ok(link) => return Ok(link),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    /// `prefer` falls back to plain text when the server has no TLS, or none that both sides speak.
    async fn open_at(
        target: &ProbeTarget,
        address: SocketAddr,
        config: &ProbeConfig,
    ) -> Result<Self, Failure> {
        let encrypt = !matches!(config.tls, TlsMode::Disable);
        let may_fall_back = matches!(config.tls, TlsMode::Prefer);
        let attempt = Conn::new(options(target, address, config, encrypt));
        let mut result = caught(attempt).await?;
        if let Err(error) = &result
            && may_fall_back
            && is_tls(error)
        {
            let attempt = Conn::new(options(target, address, config, false));
            result = caught(attempt).await?;
        }
        let conn = result.map_err(|error| failure(&error))?;
        Ok(Self { conn: Some(conn), busy: false })
    }

    /// Sends `statement`, which may be several joined by `;`, and returns one reply per statement.
    ///
    /// # Errors
    /// The server's refusal of the first statement it refused, or the connection's end.
    pub(super) async fn query(&mut self, statement: &str) -> Result<Vec<Reply>, Fault> {
        let Some(conn) = self.conn.as_mut() else {
            return Err(Fault::Broken(closed()));
        };
        self.busy = true;
        let result = caught(read_all(conn, statement)).await;
        match result {
            Ok(Ok(replies)) => {
                self.busy = false;
                Ok(replies)
            }
            Ok(Err(fault @ Fault::Refused { .. })) => {
                self.busy = false;
                Err(fault)
            }
            Ok(Err(fault)) => {
                self.sever();
                Err(fault)
            }
            Err(panicked) => {
                self.sever();
                Err(Fault::Broken(panicked))
            }
        }
    }

    /// As [`Link::query`], for one statement.
    pub(super) async fn query_one(&mut self, statement: &str) -> Result<Reply, Fault> {
        let mut replies = self.query(statement).await?;
        replies.pop().ok_or_else(|| Fault::Broken(garbled("no result")))
    }

    /// Rows that the last statement matched and changed.
    pub(super) fn affected_rows(&self) -> u64 {
        self.conn.as_ref().map_or(0, Conn::affected_rows)
    }

    /// Whether a statement could be sent now.
    pub(super) fn is_usable(&self) -> bool {
        self.conn.is_some() && !self.busy
    }

    /// Says goodbye (COM_QUIT) and closes.
    pub(super) async fn quit(mut self) {
        if !self.busy
            && let Some(conn) = self.conn.take()
        {
            // Nobody is left to be told of a failure.
            let _ = caught(conn.disconnect()).await;
        }
    }

    /// Closes without a word.
    fn sever(&mut self) {
        drop_quietly(self.conn.take());
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.sever();
    }
}

async fn resolve(target: &ProbeTarget) -> Result<Vec<SocketAddr>, Failure> {
    match &target.host {
        TargetHost::Address(address) => Ok(vec![SocketAddr::new(*address, target.port)]),
        TargetHost::Name(name) => match lookup_host((&**name, target.port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(Failure::new(FailureKind::Unresolved, io_failure(&error).detail)),
        },
    }
}

async fn read_all(conn: &mut Conn, statement: &str) -> Result<Vec<Reply>, Fault> {
    let driver = |error| Fault::of(&error);
    let mut result = conn.query_iter(statement).await.map_err(driver)?;
    let mut replies = Vec::new();
    loop {
        let mut reply = Reply::new(columns(&result));
        let mut count = 0;
        while let Some(row) = result.next().await.map_err(driver)? {
            count += 1;
            if count > MAX_ROWS {
                return Err(Fault::Broken(garbled("endless result")));
            }
            reply.push(row.unwrap_raw().into_iter().map(text).collect());
        }
        replies.push(reply);
        if replies.len() > MAX_RESULTS {
            return Err(Fault::Broken(garbled("endless results")));
        }
        if result.is_empty() {
            // The refusal of a later statement waits here.
            result.next().await.map_err(driver)?;
            return Ok(replies);
        }
    }
}

fn columns(result: &QueryResult<'_, '_, TextProtocol>) -> Vec<Box<str>> {
    result.columns_ref().iter().map(|column| column.name_str().into()).collect()
}

fn text(value: Option<Value>) -> Option<Box<str>> {
    match value? {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into()),
        // The text protocol has no other values.
        other => Some(other.as_sql(true).into()),
    }
}

fn closed() -> Failure {
    Failure::new(FailureKind::Closed, "connection is closed")
}

/// Runs a future of the driver; a panic in it becomes a failure.
async fn caught<F: Future>(future: F) -> Result<F::Output, Failure> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|_| garbled("the reply broke the driver"))
}

/// A runtime that runs nothing any more: what is spawned on it is dropped at once.
static SHUT_DOWN: LazyLock<Option<Handle>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let handle = runtime.handle().clone();
    // Dropping a runtime blocks, which is forbidden on the threads of another one.
    runtime.shutdown_background();
    Some(handle)
});

/// Drops a driver connection without the task that its `Drop` would spawn on the current runtime.
fn drop_quietly(conn: Option<Conn>) {
    let _nowhere = SHUT_DOWN.as_ref().map(Handle::enter);
    drop(conn);
}
