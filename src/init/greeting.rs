//! What a port speaks, before anybody logs in.
//!
//! MySQL and MariaDB greet whoever connects. PostgreSQL waits to be spoken to, and answers one octet
//! to the question whether it speaks TLS.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::engine::ClusterKind;

/// What stands behind a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// One of the engines.
    Database(ClusterKind),
    /// Somebody listens who speaks something else.
    Other,
    /// Nobody accepts a connection.
    Nobody,
}

/// How long a connect may take.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a server is waited for that greets by itself; it may look up our name before.
const GREETS: Duration = Duration::from_millis(700);

/// How long an answer may take.
const ANSWERS: Duration = Duration::from_secs(5);

/// `SSLRequest` of PostgreSQL's protocol: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What listens at `address`.
pub async fn of(address: SocketAddr) -> Greeting {
    let Ok(Ok(mut stream)) = timeout(CONNECT, TcpStream::connect(address)).await else {
        return Greeting::Nobody;
    };
    let mut start = [0; 16];
    let greeted = timeout(GREETS, stream.read(&mut start)).await;
    let length = match greeted {
        Ok(Ok(length)) => length,
        Ok(Err(_)) => 0,
        Err(_) if stream.write_all(&SSL_REQUEST).await.is_err() => 0,
        Err(_) => match timeout(ANSWERS, stream.read(&mut start)).await {
            Ok(Ok(length)) => length,
            Ok(Err(_)) | Err(_) => 0,
        },
    };
    database(&start[..length]).map_or(Greeting::Other, Greeting::Database)
}

/// Whose first octets these are.
///
/// A packet of MySQL has its length in three octets, the number 0, and then its version of the
/// protocol, or a refusal. PostgreSQL answers one letter, or an error that begins with `E`.
fn database(start: &[u8]) -> Option<ClusterKind> {
    match start {
        [_, 0, 0, 0, 10 | 255, ..] => Some(ClusterKind::MySql),
        [b'S' | b'N'] | [b'E', 0, ..] => Some(ClusterKind::Postgres),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::database;
    use crate::engine::ClusterKind::{MySql, Postgres};

    #[test]
    fn first_octets_tell_who_speaks() {
        for (start, expected) in [
            (&b"J\0\0\0\x0a8.0.36"[..], Some(MySql)),
            (b"S\0\0\0\x0a10.11.6", Some(MySql)),
            (b"\x17\0\0\0\xff\x10\x04", Some(MySql)),
            (b"S", Some(Postgres)),
            (b"N", Some(Postgres)),
            (b"E\0\0\0\x40SFATAL", Some(Postgres)),
            (b"SSH-2.0-OpenSSH", None),
            (b"HTTP/1.1 400", None),
            (b"", None),
        ] {
            assert_eq!(database(start), expected, "{start:?}");
        }
    }
}
