//! The heartbeat's connection: the only part that touches the driver.
//!
//! Nobody needs to watch this connection while it is idle, which is what the driver cannot do and
//! the probes' own client (`link.rs`) is for; so the driver is good enough here, and what is written
//! goes through the code of a client that many use. It trusts servers more than a probe may:
//!
//! - it unwraps what a server sent (an RSA key that is none, a number of columns beyond all
//!   memory): a panic inside it is a `Garbled` failure and ends nothing but the connection;
//! - a connection dropped within a result spawns a task that reads the result to its end, which a
//!   server may put off for ever: connections are dropped where nothing can be spawned (see
//!   [`drop_quietly`]).
//!
//! The driver says goodbye (COM_QUIT) only when it is told to: [`Link::quit`]. A connection that is
//! dropped instead counts as aborted on the server (`Aborted_clients`).

use std::{io, net::SocketAddr, panic::AssertUnwindSafe, sync::LazyLock};

use futures_util::FutureExt;
use mysql_async::{Conn, DriverError, Error, IoError, prelude::Queryable};
use tokio::{net::lookup_host, runtime::Handle};

use super::{
    error::{Fault, garbled, refusal},
    options::options,
};
use crate::{
    config::{ProbeConfig, ProbeTarget, TargetHost, TlsMode},
    engine::{Failure, FailureKind},
};

/// A logged-in connection.
pub struct Link {
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

    /// Sends one statement that returns no rows.
    ///
    /// # Errors
    /// The server's refusal, or the connection's end.
    pub(super) async fn run(&mut self, statement: &str) -> Result<(), Fault> {
        let Some(conn) = self.conn.as_mut() else {
            return Err(Failure::new(FailureKind::Closed, "connection is closed").into());
        };
        self.busy = true;
        let fault = match caught(conn.query_drop(statement)).await {
            Ok(Ok(())) => {
                self.busy = false;
                return Ok(());
            }
            Ok(Err(Error::Server(refusal))) => {
                self.busy = false;
                let message = refusal.message.as_str().into();
                return Err(Fault::Refused { code: refusal.code, message });
            }
            Ok(Err(error)) => failure(&error),
            Err(panicked) => panicked,
        };
        self.sever();
        Err(fault.into())
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
            Err(error) => Err(Failure::new(FailureKind::Unresolved, error.to_string())),
        },
    }
}

/// What an error of the driver proves, as far as a heartbeat asks: whether somebody has to set
/// something right.
fn failure(error: &Error) -> Failure {
    match error {
        Error::Server(server) => refusal(server.code, &server.message),
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::CleartextPluginDisabled,
        ) => Failure::new(FailureKind::Misconfigured, error.to_string()),
        error if is_tls(error) => Failure::new(FailureKind::Misconfigured, error.to_string()),
        _ => Failure::new(FailureKind::Closed, error.to_string()),
    }
}

/// Whether the error says that the two sides could not agree on TLS, which in the mode `prefer`
/// leaves plain text.
fn is_tls(error: &Error) -> bool {
    match error {
        Error::Io(IoError::Tls(_)) | Error::Driver(DriverError::NoClientSslFlagFromServer) => true,
        Error::Io(IoError::Io(error)) => is_tls_fault(error),
        _ => false,
    }
}

fn is_tls_fault(error: &io::Error) -> bool {
    let Some(inner) = error.get_ref() else { return false };
    inner.is::<rustls::Error>() || inner.source().is_some_and(|inner| inner.is::<rustls::Error>())
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

#[cfg(test)]
mod tests {
    use std::io;

    use mysql_async::{DriverError, Error, ServerError};

    use super::{failure, is_tls};
    use crate::engine::FailureKind;

    #[test]
    fn errors_of_the_driver_are_told_apart() {
        let check = |error: Error, expected| assert_eq!(failure(&error).kind, expected, "{error}");
        check(DriverError::ConnectionClosed.into(), FailureKind::Closed);
        check(DriverError::NoClientSslFlagFromServer.into(), FailureKind::Misconfigured);
        check(DriverError::CleartextPluginDisabled.into(), FailureKind::Misconfigured);
        let full = ServerError { code: 1040, message: "full".into(), state: "08004".into() };
        check(full.into(), FailureKind::Saturated);
        let refused = io::Error::other(rustls::Error::HandshakeNotComplete);
        assert!(is_tls(&refused.into()));
        assert!(!is_tls(&io::Error::from(io::ErrorKind::ConnectionReset).into()));
    }
}
