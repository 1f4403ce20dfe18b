//! One connection to a server: the only part that touches the driver.
//!
//! The driver trusts servers more than a probe may, so every step of it runs fenced:
//!
//! - a panic inside the driver (it unwraps what a server sent, such as an RSA key that is none) is a `Garbled`
//!   failure and ends nothing but the connection;
//! - a driver connection that is dropped half-way spawns a task that talks on: it would send COM_QUIT into an
//!   unfinished login, read an endless result to its end, or panic after a failed TLS handshake. Fenced drops
//!   spawn nothing (see [`Fence`]);
//! - a result is cut off at [`MAX_ROWS`].
//!
//! Only a login that went through and a connection that is idle are left politely, with COM_QUIT: servers count
//! the others (`Aborted_clients`, `Aborted_connects`).

use std::{
    future::Future,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

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
        let mut result = Fence::of_connect(attempt).await?;
        if let Err(error) = &result
            && may_fall_back
            && is_tls(error)
        {
            let attempt = Conn::new(options(target, address, config, false));
            result = Fence::of_connect(attempt).await?;
        }
        let conn = result.map_err(|error| failure(&error))?;
        Ok(Self {
            conn: Some(conn),
            busy: false,
        })
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
        let result = Fence::around(read_all(conn, statement)).await;
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
        replies
            .pop()
            .ok_or_else(|| Fault::Broken(garbled("no result")))
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
            let _ = Fence::around(conn.disconnect()).await;
        }
    }

    /// Closes without a word.
    fn sever(&mut self) {
        let conn = self.conn.take();
        fenced(|| drop(conn));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.busy {
            self.sever();
        }
        // Otherwise the driver spawns one short task that sends COM_QUIT.
    }
}

async fn resolve(target: &ProbeTarget) -> Result<Vec<SocketAddr>, Failure> {
    match &target.host {
        TargetHost::Address(address) => Ok(vec![SocketAddr::new(*address, target.port)]),
        TargetHost::Name(name) => match lookup_host((&**name, target.port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(Failure::new(
                FailureKind::Unresolved,
                io_failure(&error).detail,
            )),
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
        if result.is_empty() {
            return Ok(replies);
        }
    }
}

fn columns(result: &QueryResult<'_, '_, TextProtocol>) -> Vec<Box<str>> {
    result
        .columns_ref()
        .iter()
        .map(|column| column.name_str().into())
        .collect()
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

/// Runs a future of the driver so that it can neither panic nor spawn.
///
/// The driver's `Drop` spawns on the current runtime, if there is one. Within a fence the current runtime is one
/// that has been shut down, and that drops whatever is spawned on it. Sockets keep their own runtime, to which they
/// were bound when they were made; so the first step of a connect, which makes the socket, runs unfenced.
struct Fence<F: Future> {
    /// `None` once it is done.
    future: Option<Pin<Box<F>>>,
    unfenced_steps: u8,
}

/// A runtime that runs nothing any more.
static SHUT_DOWN: LazyLock<Option<Handle>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let handle = runtime.handle().clone();
    // Dropping a runtime blocks, which is forbidden on the threads of another one.
    runtime.shutdown_background();
    Some(handle)
});

impl<F: Future> Fence<F> {
    fn around(future: F) -> Self {
        Self {
            future: Some(Box::pin(future)),
            unfenced_steps: 0,
        }
    }

    fn of_connect(future: F) -> Self {
        let mut fence = Self::around(future);
        fence.unfenced_steps = 1;
        fence
    }
}

impl<F: Future> Future for Fence<F> {
    type Output = Result<F::Output, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let unfenced = self.unfenced_steps > 0;
        self.unfenced_steps = self.unfenced_steps.saturating_sub(1);
        let Some(future) = self.future.as_mut() else {
            return Poll::Ready(Err(closed()));
        };
        let step = AssertUnwindSafe(|| future.as_mut().poll(context));
        let polled = if unfenced {
            catch_unwind(step)
        } else {
            fenced(|| catch_unwind(step))
        };
        let output = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(_) => Err(garbled("the reply broke the driver")),
        };
        let finished = self.future.take();
        fenced(|| drop(finished));
        Poll::Ready(output)
    }
}

impl<F: Future> Drop for Fence<F> {
    fn drop(&mut self) {
        let abandoned = self.future.take();
        fenced(|| drop(abandoned));
    }
}

fn fenced<T>(step: impl FnOnce() -> T) -> T {
    let guard = SHUT_DOWN.as_ref().map(Handle::enter);
    let output = step();
    drop(guard);
    output
}
