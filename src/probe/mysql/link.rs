//! The connection that asks: one login whose socket is ours, so that it can be watched while it is
//! idle.
//!
//! A query whose future is dropped leaves the rest of its reply on the wire. Such a connection is
//! of no more use, and says so. Not so a statement that is sent ahead: its reply may be waited for
//! again and again, and the next query takes it off the wire first.

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{
    error::Fault,
    login::{Encryption, Refusal, Terms, log_in},
    reply::Reply,
    text::{Collector, Progress},
    wire::{REPLY_OCTETS_MAX, Wire},
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
    /// What has arrived of the reply to a statement that was sent ahead.
    ahead: Option<Collector>,
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
        self.exchange(statement, REPLY_OCTETS_MAX, Collector::default()).await
    }

    /// Sends one `statement` and leaves its reply for later.
    ///
    /// # Errors
    /// The connection's end.
    pub(super) async fn send_ahead(&mut self, statement: &str) -> Result<(), Trouble> {
        let mut wire = self.wire.take().ok_or_else(closed)?;
        wire.begin();
        send(&mut wire, statement).await?;
        (self.wire, self.ahead) = (Some(wire), Some(Collector::default()));
        Ok(())
    }

    /// Whether the reply to a statement that was sent ahead is to come.
    pub(super) fn is_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    /// The reply to the statement that was sent ahead. Cancel-safe.
    ///
    /// # Errors
    /// As for `query`. A statement that the server refused is answered, too.
    pub(super) async fn reply_ahead(&mut self) -> Result<Reply, Fault> {
        let (Some(wire), Some(collector)) = (&mut self.wire, &mut self.ahead) else {
            return Err(closed().into());
        };
        let result = rest_of(wire, collector).await;
        self.ahead = None;
        if matches!(result, Err(Fault::Broken(_))) {
            self.wire = None;
        }
        Ok(result?.pop().unwrap_or_default())
    }

    /// As `query`, for one statement with a reply of up to so many rows and octets.
    pub async fn table(
        &mut self,
        statement: &str,
        (rows, octets): (usize, usize),
    ) -> Result<Reply, Fault> {
        let mut replies = self.exchange(statement, octets, Collector::of_rows(rows)).await?;
        Ok(replies.pop().unwrap_or_default())
    }

    /// Takes off the wire what was sent ahead, sends `statement` and collects a reply of up to so many
    /// `octets`.
    async fn exchange(
        &mut self,
        statement: &str,
        octets: usize,
        collector: Collector,
    ) -> Result<Vec<Reply>, Fault> {
        let mut wire = self.wire.take().ok_or_else(closed)?;
        let ahead = self.ahead.take();
        let replies = async {
            if let Some(ahead) = ahead {
                pass_over(&mut wire, ahead).await?;
            }
            wire.begin_for(octets);
            ask(&mut wire, statement, collector).await
        };
        let result = replies.await;
        if !matches!(result, Err(Fault::Broken(_))) {
            self.wire = Some(wire);
        }
        result
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
            None => closed().into(),
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

/// What is said of a connection that is of no more use.
fn closed() -> Failure {
    Failure::new(FailureKind::Closed, "connection is closed")
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
            Ok(Link { wire: Some(wire), ahead: None })
        })
    })
}

async fn ask(
    wire: &mut Wire,
    statement: &str,
    mut collector: Collector,
) -> Result<Vec<Reply>, Fault> {
    send(wire, statement).await.map_err(Fault::Broken)?;
    rest_of(wire, &mut collector).await
}

/// Sends one command with `statement`.
async fn send(wire: &mut Wire, statement: &str) -> Result<(), Trouble> {
    let command = [&[COM_QUERY], statement.as_bytes()].concat();
    match wire.send(&command).await {
        Ok(()) => Ok(()),
        Err(failure) => Err(wire.last_words().await.unwrap_or_else(|| failure.into())),
    }
}

/// What is missing of the replies. Cancel-safe: `collector` keeps what has come.
async fn rest_of(wire: &mut Wire, collector: &mut Collector) -> Result<Vec<Reply>, Fault> {
    loop {
        if let Progress::Whole(replies) = collector.take_in(&wire.receive().await?)? {
            return Ok(replies);
        }
    }
}

/// Takes a reply off the wire that is of no more use, or the refusal of its statement.
async fn pass_over(wire: &mut Wire, mut collector: Collector) -> Result<(), Fault> {
    match rest_of(wire, &mut collector).await {
        Err(fault @ Fault::Broken(_)) => Err(fault),
        Ok(_) | Err(_) => Ok(()),
    }
}
