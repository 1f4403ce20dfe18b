//! What a server asks for, read on its way to the protocol library, which would answer it: a password
//! in clear text goes to nobody whom `require_auth` does not let ask (libpq has the same setting; the
//! library has none).
//!
//! The stream is watched from the first message to the one that lets us in. The library reads the same
//! messages in the same order, and one that is no whole message ends its login.

use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use crate::config::{AuthMethod, ProbeConfig, RequireAuth};

/// A stream from which no message comes that asks for what must not be given.
pub struct Guarded<S> {
    stream: S,
    watch: Watch,
}

/// What has been read of a login.
pub struct Watch {
    config: Arc<ProbeConfig>,
    place: Place,
    /// The server has asked for something.
    asked: bool,
}

/// Where in the messages the next octet is.
enum Place {
    /// It, or so many, tell nothing.
    Within(u32),
    /// In the head of a message, of which this is known.
    Head(Vec<u8>),
    /// In the server's part of SCRAM, of which so many octets are left.
    Salted(u32, Vec<u8>),
    /// There is nothing left to watch.
    Past,
}

/// The server has asked for what it does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A way of proof that is not allowed.
    Method {
        /// Which.
        method: AuthMethod,
        /// An operator's list says so.
        listed: bool,
    },
    /// A proof that anybody could try passwords against at little cost.
    TooCheap,
}

impl Watch {
    /// Of a connection on which nothing was said yet; `asks_for_tls` when one octet is the reply to
    /// that.
    pub fn new(config: &Arc<ProbeConfig>, asks_for_tls: bool) -> Self {
        let place = if asks_for_tls { Place::Within(1) } else { Place::Head(Vec::new()) };
        Self { config: Arc::clone(config), place, asked: false }
    }

    /// Reads what the server says next.
    fn read(&mut self, mut octets: &[u8]) -> Result<(), Refused> {
        while let Some((first, rest)) = octets.split_first() {
            match &mut self.place {
                Place::Past => return Ok(()),
                Place::Within(0) => self.place = Place::Head(Vec::new()),
                Place::Within(left) => {
                    let skipped = octets.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= u32::try_from(skipped).unwrap_or(*left);
                    octets = &octets[skipped..];
                }
                Place::Salted(left, said) => {
                    let taken = octets.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    said.extend_from_slice(&octets[..taken]);
                    *left -= u32::try_from(taken).unwrap_or(*left);
                    octets = &octets[taken..];
                    // The library answers as soon as it has all of it.
                    if *left == 0 {
                        let said = std::mem::take(said);
                        self.place = Place::Head(Vec::new());
                        self.check_iterations(&said)?;
                    }
                }
                Place::Head(head) => {
                    head.push(*first);
                    octets = rest;
                    let head = std::mem::take(head);
                    self.place = self.after(head)?;
                }
            }
        }
        Ok(())
    }

    /// Whether SCRAM takes as much work as it should (RFC 5802 section 5.1, attribute `i`).
    fn check_iterations(&self, said: &[u8]) -> Result<(), Refused> {
        let mut attributes = said.split(|octet| *octet == b',');
        let iterations = attributes.find_map(|attribute| attribute.strip_prefix(b"i="));
        let iterations =
            iterations.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok());
        // What is no number is for the library to refuse.
        match iterations.unwrap_or(u32::MAX) < self.config.auth.scram_iterations_min {
            true => Err(Refused::TooCheap),
            false => Ok(()),
        }
    }

    /// Where it goes on after `head`.
    fn after(&mut self, head: Vec<u8>) -> Result<Place, Refused> {
        let (length, code) = match head[..] {
            [tag, a, b, c, d] if tag != AUTHENTICATION => (u32::from_be_bytes([a, b, c, d]), None),
            [_, a, b, c, d, e, f, g, h] => {
                let length = u32::from_be_bytes([a, b, c, d]);
                (length, Some(u32::from_be_bytes([e, f, g, h])))
            }
            _ => return Ok(Place::Head(head)),
        };
        // The length counts itself. What is shorter than its head is no message.
        let known = if code.is_some() { 8 } else { 4 };
        let Some(left) = length.checked_sub(known) else { return Ok(Place::Past) };
        let method = match code {
            None => return Ok(Place::Within(left)),
            Some(LET_IN) if self.asked => return Ok(Place::Past),
            Some(LET_IN) => AuthMethod::None,
            Some(CLEAR_TEXT) => AuthMethod::Password,
            Some(MD5) => AuthMethod::Md5,
            Some(SASL) => AuthMethod::ScramSha256,
            Some(SASL_CONTINUE) if self.config.auth.scram_iterations_min > 0 => {
                return match left {
                    1..=SALTED_MAX => Ok(Place::Salted(left, Vec::new())),
                    _ => Err(Refused::TooCheap),
                };
            }
            // The library refuses what is left, or it is a part of SASL.
            Some(_) => return Ok(Place::Within(left)),
        };
        let ProbeConfig { auth, tls, .. } = &*self.config;
        if !auth.require_auth.allows(method, tls) {
            let listed = matches!(auth.require_auth, RequireAuth::OneOf(_));
            return Err(Refused::Method { method, listed });
        }
        self.asked = true;
        match method {
            AuthMethod::None => Ok(Place::Past),
            _ => Ok(Place::Within(left)),
        }
    }
}

impl<S> Guarded<S> {
    /// Watches what comes from `stream`.
    pub fn new(stream: S, watch: Watch) -> Self {
        Self { stream, watch }
    }

    /// What is below, when it is to be encrypted; the watch goes on above that.
    pub fn into_parts(self) -> (S, Watch) {
        (self.stream, self.watch)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Poll::Ready(Ok(())) = &polled
            && let Err(refused) = self.watch.read(&buffer.filled()[before..])
        {
            buffer.set_filled(before);
            return Poll::Ready(Err(io::Error::other(refused)));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Guarded<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// What the operator can do about it.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method { method: AuthMethod::None, .. } => f.write_str(
                "the server lets the probe in without a proof, which `require_auth` does not allow",
            ),
            Self::Method { method, listed: true } => {
                let name = method.name();
                write!(f, "the server asks for \"{name}\", which `require_auth` does not allow")
            }
            Self::TooCheap => f.write_str(
                "the server asks for a proof by SCRAM with too few iterations, and nobody vouches \
                 for it: raise `scram_iterations` there and set the password anew",
            ),
            Self::Method { .. } => f.write_str(
                "the server asks for the password in clear text, and nothing shows that it is the \
                 server: give the user a SCRAM password, or set tls = \"verify-full\", or \
                 require_auth = [\"password\"] to give it to whoever answers",
            ),
        }
    }
}

impl Error for Refused {}

/// The tag of each message of a login that asks for something ("Message Formats").
const AUTHENTICATION: u8 = b'R';
/// `AuthenticationOk`.
const LET_IN: u32 = 0;
/// `AuthenticationCleartextPassword`.
const CLEAR_TEXT: u32 = 3;
/// `AuthenticationMD5Password`.
const MD5: u32 = 5;
/// `AuthenticationSASL`.
const SASL: u32 = 10;
/// `AuthenticationSASLContinue`.
const SASL_CONTINUE: u32 = 11;
/// Octets of the server's part of SCRAM: a nonce, a salt and a number. PostgreSQL's has less than 100.
const SALTED_MAX: u32 = 2_048;

#[cfg(test)]
mod tests;
