//! What a PostgreSQL server says on the wire, as far as a simulated one speaks it.
//!
//! The messages are those of the PostgreSQL manual, "Message Formats": a tag, the length of what
//! follows with itself, and the body. A client's first message has no tag.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The first message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It asks for TLS or GSSAPI encryption (`SSLRequest`, `GSSENCRequest`).
    Encryption,
    /// It logs in as this user (`StartupMessage`).
    Startup {
        /// Its name; empty when it gives none.
        user: String,
    },
}

impl Opening {
    /// Reads one.
    ///
    /// # Errors
    /// When the client leaves, asks to cancel a statement, or speaks another protocol.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let body = body(stream).await?;
        let (code, parameters) = body.split_first_chunk::<4>().ok_or(io::ErrorKind::InvalidData)?;
        match u32::from_be_bytes(*code) {
            SSL_REQUEST | GSSENC_REQUEST => Ok(Self::Encryption),
            PROTOCOL_3_0 => {
                let mut words = parameters.split(|&octet| octet == 0);
                let named = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
                let user = named.into_iter().find(|(name, _)| name == b"user");
                let user = user.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
                Ok(Self::Startup { user: user.unwrap_or_default() })
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Reads a message with a tag: the tag and the body.
///
/// # Errors
/// When the client leaves, or the message is longer than 64 KiB.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    Ok((stream.read_u8().await?, body(stream).await?))
}

async fn body(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?.checked_sub(4).filter(|&length| length <= BODY_MAX);
    let length = length.and_then(|length| usize::try_from(length).ok());
    let mut body = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// A message with `tag` and `body`, which is shorter than 2 GiB.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![tag];
    octets.extend(length_of(body.len() + 4));
    octets.extend(body);
    octets
}

/// `AuthenticationMD5Password`: asks for the password, proven with this salt.
pub fn md5_password(salt: [u8; 4]) -> Vec<u8> {
    message(b'R', &[5_u32.to_be_bytes(), salt].concat())
}

/// `AuthenticationOk`, a parameter, the key for cancelling and `ReadyForQuery`: the client is in.
pub fn login(server_version: &str) -> Vec<u8> {
    [
        message(b'R', &0_u32.to_be_bytes()),
        message(b'S', format!("server_version\0{server_version}\0").as_bytes()),
        message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]),
        ready(),
    ]
    .concat()
}

/// `ReadyForQuery`, outside of a transaction.
pub fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// `ErrorResponse` of this severity and SQLSTATE.
pub fn error(severity: &str, code: &str, text: &str) -> Vec<u8> {
    let body = format!("S{severity}\0V{severity}\0C{code}\0M{text}\0\0");
    message(b'E', body.as_bytes())
}

/// `RowDescription` of columns of the type `text`.
pub fn description(columns: &[&str]) -> Vec<u8> {
    let mut body = count_of(columns.len()).to_vec();
    for column in columns {
        body.extend(column.as_bytes());
        body.push(0);
        // Of no table.
        body.extend([0; 4 + 2]);
        body.extend(TEXT_OID.to_be_bytes());
        body.extend((-1_i16).to_be_bytes());
        body.extend((-1_i32).to_be_bytes());
        // As text.
        body.extend([0; 2]);
    }
    message(b'T', &body)
}

/// `DataRow` of texts; `None` is NULL.
pub fn row<T: AsRef<str>>(texts: &[Option<T>]) -> Vec<u8> {
    let mut body = count_of(texts.len()).to_vec();
    for text in texts {
        match text {
            None => body.extend((-1_i32).to_be_bytes()),
            Some(text) => {
                body.extend(length_of(text.as_ref().len()));
                body.extend(text.as_ref().as_bytes());
            }
        }
    }
    message(b'D', &body)
}

/// `CommandComplete` of a `SELECT` with one row.
pub fn complete() -> Vec<u8> {
    message(b'C', b"SELECT 1\0")
}

/// A length of the protocol; what a simulated server says is short.
fn length_of(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// A number of columns.
fn count_of(columns: usize) -> [u8; 2] {
    u16::try_from(columns).unwrap_or(u16::MAX).to_be_bytes()
}

/// The version that all clients know.
const PROTOCOL_3_0: u32 = 3 << 16;

/// The code of `SSLRequest`.
const SSL_REQUEST: u32 = (1234 << 16) + 5679;

/// The code of `GSSENCRequest`.
const GSSENC_REQUEST: u32 = (1234 << 16) + 5680;

/// The type `text` in `pg_type`.
const TEXT_OID: u32 = 25;

/// The longest message that is read: the probe's statement is a few KiB long.
const BODY_MAX: u32 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The first message of a client with this code and these parameters.
    async fn opening(code: u32, parameters: &[u8]) -> io::Result<Opening> {
        let mut octets = length_of(parameters.len() + 8).to_vec();
        octets.extend(code.to_be_bytes());
        octets.extend(parameters);
        Opening::read(&mut &*octets).await
    }

    #[tokio::test]
    async fn a_client_opens_with_its_name_or_asks_for_encryption() {
        for code in [SSL_REQUEST, GSSENC_REQUEST] {
            assert_eq!(opening(code, b"").await.unwrap(), Opening::Encryption);
        }
        let user = |user: &str| Opening::Startup { user: user.to_owned() };
        let opened = opening(PROTOCOL_3_0, b"database\0user\0user\0ann\0\0").await;
        assert_eq!(opened.unwrap(), user("ann"));
        assert_eq!(opening(PROTOCOL_3_0, b"\0").await.unwrap(), user(""));
        assert!(opening(2 << 16, b"").await.is_err(), "version 2");
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_or_shorter_than_its_length_is_refused() {
        for octets in [&b"Q\xff\xff\xff\xff"[..], b"Q\0\0\0\x03", b"Q\0\0\0\x09SEL", b"Q\0\0"] {
            assert!(read(&mut &*octets).await.is_err(), "{octets:?}");
        }
        let (tag, body) = read(&mut &*message(b'Q', b"SELECT 1\0")).await.unwrap();
        assert_eq!((tag, &*body), (b'Q', &b"SELECT 1\0"[..]));
    }
}
