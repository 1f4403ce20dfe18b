//! One login on the wire: sending a statement, reading its reply, noticing its end.
//!
//! The protocol library splits a login into a client and a connection that must be polled. Both
//! live here and are polled together, so there is no background task that could outlive its
//! session.

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use futures_util::Stream as _;
use rustls::ClientConfig;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_postgres::{
    Client, Config, Connection, SimpleQueryMessage, SimpleQueryRow, SimpleQueryStream,
    config::{self, SslMode},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    guard::{Guarded, Watch},
    noted::{Noted, let_in},
    sql,
    wire_error::WireError,
};
use crate::{
    config::{ChannelBinding, TlsMode},
    engine::{Failure, FailureKind},
    probe::{
        dial::Dial,
        handshake::{self, Login, Place},
        socket::{Meter, Metered},
        trail::Step,
        trouble::Trouble,
    },
};

/// One login.
pub struct Wire {
    client: Client,
    /// `None` once it has ended.
    connection: Option<Link>,
    /// How it ended. It may end in the moment in which a reply is complete; the reason waits here
    /// for the next one who asks.
    end: Option<WireError>,
    meter: Arc<Meter>,
    /// The statement whose reply is still owed.
    pending: Option<Pending>,
}

type Encrypted = <MakeRustlsConnect as MakeTlsConnect<Metered>>::Stream;

type Link = Connection<Guarded<Metered>, Guarded<Encrypted>>;

struct Pending {
    stream: Pin<Box<SimpleQueryStream>>,
    reply: Reply,
    /// Rows that it may have.
    rows_max: usize,
}

/// A whole reply to one statement.
#[derive(Default)]
pub struct Reply {
    rows: Vec<SimpleQueryRow>,
    affected: u64,
}

impl Wire {
    /// Connects, encrypts and logs in by `deadline`.
    ///
    /// With `prefer`, a server that refuses the encrypted login is asked once more without, as
    /// libpq does.
    pub async fn open(dial: &mut Dial, options: &str, deadline: Instant) -> Result<Self, Failure> {
        Self::open_with(dial, None, options, deadline).await
    }

    /// The same; a login that gets no reply by `deadline` goes on and is `kept`, and the next call
    /// waits for it.
    pub async fn open_patiently(
        dial: &mut Dial,
        kept: &mut Place<Self, WireError>,
        options: &str,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        Self::open_with(dial, Some(kept), options, deadline).await
    }

    async fn open_with(
        dial: &mut Dial,
        kept: Option<&mut Place<Self, WireError>>,
        options: &str,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let mode = match &dial.config.tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyFull { .. } => SslMode::Require,
        };
        match Self::log_in(dial, kept, options, mode, deadline).await {
            Err(refusal) if mode == SslMode::Prefer && refusal.may_pass_without_tls() => {
                dial.trail.fail(&Trouble::from(refusal.clone()).into_failure());
                let mode = SslMode::Disable;
                let plain = Self::log_in(dial, None, options, mode, deadline).await;
                plain.map_err(|_| refusal)
            }
            result => result,
        }
        .map_err(|error| Trouble::from(error).into_failure())
    }

    async fn log_in(
        dial: &mut Dial,
        kept: Option<&mut Place<Self, WireError>>,
        options: &str,
        mode: SslMode,
        deadline: Instant,
    ) -> Result<Self, WireError> {
        let settings = dial.tls().map_err(WireError::Broken)?;
        let mut connector = MakeRustlsConnect::new(ClientConfig::clone(&settings));
        let Ok(connector) =
            MakeTlsConnect::<Metered>::make_tls_connect(&mut connector, &dial.host());
        let connector = Noted { connector, trail: dial.trail.clone() };
        let mut meter = None;
        let begin = |dial: &Dial, stream: TcpStream| -> Login<Self, WireError> {
            let (stream, metered) = Metered::new(stream);
            meter = Some(Arc::clone(&metered));
            dial.trail.begin(if mode == SslMode::Disable { Step::Login } else { Step::Tls });
            let config = login(dial, options, mode);
            let stream = Guarded::new(stream, Watch::new(&dial.config, mode != SslMode::Disable));
            Box::pin(async move {
                match config.connect_raw(stream, connector).await {
                    Ok((client, connection)) => Ok(Self {
                        client,
                        connection: Some(connection),
                        end: None,
                        meter: metered,
                        pending: None,
                    }),
                    Err(error) => Err(WireError::of_login(&error, &metered)),
                }
            })
        };
        let replied = match kept {
            Some(place) => handshake::log_in(dial, place, deadline, begin).await,
            None => handshake::log_in_once(dial, deadline, begin).await,
        };
        let trail = &dial.trail;
        let plain = mode == SslMode::Prefer && meter.is_some_and(|meter| meter.has_heard());
        if plain && trail.is_silent_at(Step::Tls) {
            trail.skip(Step::Tls, "the server does not offer it: plain text", Step::Login);
        }
        if let Ok(Self { connection: Some(connection), .. }) = &replied {
            trail.say(|| let_in(dial, connection.parameter("server_version")));
        }
        replied
    }

    /// Sends `statement` and reads its whole reply by `deadline`. `silence` is what it proves when
    /// there is none.
    pub(super) async fn ask(
        &mut self,
        statement: &str,
        deadline: Instant,
        silence: FailureKind,
    ) -> Result<Reply, WireError> {
        self.send(statement).await?;
        self.received(deadline, silence).await
    }

    /// The same right after the login, for a reply of up to so many rows and octets.
    pub async fn ask_for_table(
        &mut self,
        statement: &str,
        (rows, octets): (usize, usize),
        deadline: Instant,
    ) -> Result<Reply, WireError> {
        self.meter.allow(octets);
        self.send_for(statement, rows).await?;
        self.received(deadline, FailureKind::Unresponsive).await
    }

    async fn received(
        &mut self,
        deadline: Instant,
        silence: FailureKind,
    ) -> Result<Reply, WireError> {
        timeout_at(deadline, self.receive()).await.unwrap_or_else(|_| {
            let detail = "logged in, but the question got no reply";
            Err(WireError::Broken(Failure::new(silence, detail)))
        })
    }

    /// Sends `statement`; its reply is owed from now on.
    pub(super) async fn send(&mut self, statement: &str) -> Result<(), WireError> {
        self.meter.refill();
        self.send_for(statement, ROWS_MAX).await
    }

    async fn send_for(&mut self, statement: &str, rows_max: usize) -> Result<(), WireError> {
        let stream = self.client.simple_query_raw(statement).await;
        let stream = match stream {
            Ok(stream) => Box::pin(stream),
            Err(error) => {
                let error = WireError::new(&error, &self.meter);
                return Err(error.or_rather(self.end.as_ref()));
            }
        };
        self.pending = Some(Pending { stream, reply: Reply::default(), rows_max });
        Ok(())
    }

    /// Whether the connection has not been seen to end.
    pub(super) fn is_up(&self) -> bool {
        self.connection.is_some() && self.meter.end().is_none()
    }

    /// Whether a reply is owed.
    pub(super) fn owes_reply(&self) -> bool {
        self.pending.is_some()
    }

    /// Reads the reply that is owed, to its end. Cancel-safe: what has been read is kept.
    pub(super) async fn receive(&mut self) -> Result<Reply, WireError> {
        let result = poll_fn(|cx| {
            let Some(pending) = &mut self.pending else {
                return Poll::Ready(Ok(Reply::default()));
            };
            loop {
                // What has arrived comes first: the server's last words are worth more than the end
                // of the line.
                while let Poll::Ready(item) = pending.stream.as_mut().poll_next(cx) {
                    match item {
                        None => return Poll::Ready(Ok(std::mem::take(&mut pending.reply))),
                        Some(Ok(message)) => pending.reply.take_in(message, pending.rows_max)?,
                        Some(Err(error)) => {
                            let error = WireError::new(&error, &self.meter);
                            return Poll::Ready(Err(error.or_rather(self.end.as_ref())));
                        }
                    }
                }
                let Some(connection) = &mut self.connection else {
                    return Poll::Pending;
                };
                match Pin::new(connection).poll(cx) {
                    Poll::Ready(end) => {
                        self.end = Some(WireError::of_end(end, &self.meter));
                        self.connection = None;
                    }
                    // The connection may just have handed over a part of the reply, and wakes us if
                    // so.
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        self.pending = None;
        result
    }

    /// Waits for the server to end the idle connection. Cancel-safe.
    pub(super) async fn ended(&mut self) -> WireError {
        if let Some(connection) = &mut self.connection {
            let end = Pin::new(connection).await;
            self.end = Some(WireError::of_end(end, &self.meter));
            self.connection = None;
        }
        self.end.clone().unwrap_or_else(WireError::closed)
    }

    /// Says goodbye (protocol message Terminate).
    pub async fn close(self) {
        let Self { client, connection, pending, .. } = self;
        drop((client, pending));
        if let Some(connection) = connection {
            // A connection that breaks at the very end is over all the same.
            let _ = connection.await;
        }
    }
}

impl Reply {
    /// The one row; anything else is no reply.
    pub(super) fn row(&self) -> Result<Vec<(&str, Option<&str>)>, Failure> {
        let [row] = &self.rows[..] else {
            let text = format!("{} rows instead of one", self.rows.len());
            return Err(Failure::new(FailureKind::Garbled, text));
        };
        (0..row.len()).map(|index| Ok((row.columns()[index].name(), text(row, index)?))).collect()
    }

    /// Every row, column by column.
    pub(in crate::probe) fn rows(&self) -> Result<Vec<Vec<Option<Box<str>>>>, Failure> {
        let cells = |row: &SimpleQueryRow| {
            (0..row.len()).map(|index| Ok(text(row, index)?.map(Box::from))).collect()
        };
        self.rows.iter().map(cells).collect()
    }

    /// How many rows the statement changed.
    pub(super) fn affected(&self) -> u64 {
        self.affected
    }

    fn take_in(&mut self, message: SimpleQueryMessage, rows_max: usize) -> Result<(), WireError> {
        match message {
            SimpleQueryMessage::Row(_) if self.rows.len() >= rows_max => {
                let text = "more rows than were asked for";
                return Err(WireError::Broken(Failure::new(FailureKind::Garbled, text)));
            }
            SimpleQueryMessage::Row(row) => self.rows.push(row),
            SimpleQueryMessage::CommandComplete(affected) => self.affected = affected,
            _ => {}
        }
        Ok(())
    }
}

fn text(row: &SimpleQueryRow, index: usize) -> Result<Option<&str>, Failure> {
    let no_text = |_| Failure::new(FailureKind::Garbled, "a column is no UTF-8 text");
    row.try_get(index).map_err(no_text)
}

fn login(dial: &Dial, options: &str, mode: SslMode) -> Config {
    let mut config = Config::new();
    config
        .user(&*dial.config.user)
        .dbname(&*dial.config.database)
        .application_name(sql::APPLICATION_NAME)
        .options(options)
        .ssl_mode(mode)
        .channel_binding(match dial.config.auth.channel_binding {
            ChannelBinding::Disable => config::ChannelBinding::Disable,
            ChannelBinding::Prefer => config::ChannelBinding::Prefer,
            ChannelBinding::Require => config::ChannelBinding::Require,
        });
    if let Some(password) = &dial.config.password {
        config.password(password.reveal());
    }
    config
}

/// The statements ask for one row; the second is kept to show that there was more than one.
const ROWS_MAX: usize = 2;
