//! The connection that asks: one login whose socket is ours, so that it can be watched while it is
//! idle.
//!
//! A query whose future is dropped leaves the rest of its reply on the wire. Such a connection is
//! of no more use, and says so.

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{
    error::Fault,
    login::{Encryption, Refusal, Terms, log_in},
    reply::Reply,
    text::{Collector, Progress},
    wire::Wire,
};
use crate::{
    engine::{Failure, FailureKind},
    probe::{
        dial::Dial,
        handshake::{self, Login, Place},
        trouble::Trouble,
    },
};

/// First octet of a command: leave, and ask.
const COM_QUIT: u8 = 1;
const COM_QUERY: u8 = 3;

/// A logged-in connection.
pub struct Link {
    /// `None` while a reply is being read, and once the connection is of no more use.
    wire: Option<Wire>,
}

/// Where a login is kept that its server takes its time for.
#[derive(Default)]
pub struct KeptLogin(pub(in crate::probe) Place<Link, Refusal>);

impl Link {
    /// Resolves, connects and logs in by `deadline`, at the first address that lets itself be
    /// connected to.
    ///
    /// `prefer` falls back to plain text when the server has no TLS, or none that both sides speak.
    /// A login that gets no reply by `deadline` goes on and is `kept`, and the next call waits for
    /// it.
    ///
    /// # Errors
    /// How it failed.
    pub async fn open(
        dial: &mut Dial,
        kept: &mut KeptLogin,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let mode = Encryption::of(&dial.config.tls);
        let begin = begin_login(dial, mode)?;
        let link = handshake::log_in(dial, &mut kept.0, deadline, begin).await;
        match link {
            Err(Refusal::NoTls(why)) if mode == Encryption::IfOffered => {
                dial.trail.fail(&why);
                let begin = begin_login(dial, Encryption::Off)?;
                handshake::log_in_once(dial, deadline, begin).await
            }
            link => link,
        }
        .map_err(Refusal::into_failure)
    }

    /// Sends `statement`, which may be several joined by `;`, and returns one reply per statement.
    ///
    /// # Errors
    /// The server's refusal of the first statement it refused, or the connection's end.
    pub(super) async fn query(&mut self, statement: &str) -> Result<Vec<Reply>, Fault> {
        let Some(mut wire) = self.wire.take() else {
            let closed = Failure::new(FailureKind::Closed, "connection is closed");
            return Err(closed.into());
        };
        wire.begin();
        let result = ask(&mut wire, statement, Collector::default()).await;
        if !matches!(result, Err(Fault::Broken(_))) {
            self.wire = Some(wire);
        }
        result
    }

    /// As `query`, for one statement with a reply of up to so many rows and octets.
    pub async fn table(
        &mut self,
        statement: &str,
        (rows, octets): (usize, usize),
    ) -> Result<Reply, Fault> {
        let Some(mut wire) = self.wire.take() else {
            let closed = Failure::new(FailureKind::Closed, "connection is closed");
            return Err(closed.into());
        };
        wire.begin_for(octets);
        let result = ask(&mut wire, statement, Collector::of_rows(rows)).await;
        if !matches!(result, Err(Fault::Broken(_))) {
            self.wire = Some(wire);
        }
        Ok(result?.pop().unwrap_or_default())
    }

    /// As `query`, for one statement.
    pub(super) async fn query_one(&mut self, statement: &str) -> Result<Reply, Fault> {
        let mut replies = self.query(statement).await?;
        match (replies.pop(), replies.pop()) {
            (Some(reply), None) => Ok(reply),
            _ => Err(super::error::garbled("several results for one statement").into()),
        }
    }

    /// Whether a statement could be sent now.
    pub(super) fn is_usable(&self) -> bool {
        self.wire.is_some()
    }

    /// Whether nothing can be asked any more, as far as has been heard; never waits.
    pub(super) async fn has_ended(&mut self) -> bool {
        match &mut self.wire {
            Some(wire) => wire.last_words().await.is_some(),
            None => true,
        }
    }

    /// Waits until the server ends the idle connection. Cancel-safe.
    pub(super) async fn ended(&mut self) -> Trouble {
        match &mut self.wire {
            Some(wire) => wire.ended().await,
            None => Failure::new(FailureKind::Closed, "connection is closed").into(),
        }
    }

    /// Says goodbye (COM_QUIT) and closes, by `deadline`. A connection that is dropped instead
    /// counts as aborted on the server (`Aborted_clients`), so one that broke is only dropped.
    pub async fn quit(&mut self, deadline: Instant) {
        if let Some(mut wire) = self.wire.take() {
            let goodbye = async {
                wire.begin();
                if wire.send(&[COM_QUIT]).await.is_ok() {
                    wire.shut_down().await;
                }
            };
            // Nobody is left to be told of a failure.
            let _ = timeout_at(deadline, goodbye).await;
        }
    }
}

/// What to do with a connection so that it becomes a login.
fn begin_login(
    dial: &Dial,
    encryption: Encryption,
) -> Result<impl FnOnce(&Dial, TcpStream) -> Login<Link, Refusal> + use<>, Failure> {
    let terms = Terms::of(dial, encryption)?;
    Ok(|_: &Dial, stream| -> Login<Link, Refusal> {
        Box::pin(async move {
            let wire = log_in(Wire::new(stream), terms).await?;
            Ok(Link { wire: Some(wire) })
        })
    })
}

async fn ask(
    wire: &mut Wire,
    statement: &str,
    mut collector: Collector,
) -> Result<Vec<Reply>, Fault> {
    let command = [&[COM_QUERY], statement.as_bytes()].concat();
    if let Err(failure) = wire.send(&command).await {
        return Err(Fault::Broken(wire.last_words().await.unwrap_or_else(|| failure.into())));
    }
    loop {
        if let Progress::Whole(replies) = collector.take_in(&wire.receive().await?)? {
            return Ok(replies);
        }
    }
}
