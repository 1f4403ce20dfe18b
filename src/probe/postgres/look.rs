//! A look at a PostgreSQL server that leaves no line in its log: does it live?
//!
//! It asks whether the server speaks GSSAPI encryption, reads the one octet of the reply and
//! leaves. The postmaster must accept and start a process for that, so it proves more than a
//! connection does; and a client that leaves here is nothing that the server logs (protocol flow
//! 55.2.11, and `ProcessStartupPacket`: no data at all is no complaint). The like question for TLS
//! will not do: a server that agrees to TLS logs a handshake that does not follow. With
//! `log_connections` each look is a line, as each connection is.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, timeout_at},
};

use crate::{
    engine::Failure,
    probe::{dial::Dial, socket::failure_of},
};

/// Looks by `deadline`. Whether a living PostgreSQL was seen; not when the reply is an odd one,
/// which a login may understand.
pub async fn look(dial: &mut Dial, deadline: Instant) -> Result<bool, Failure> {
    let (mut stream, _) = dial.connect(deadline).await?;
    let question = async {
        stream.write_all(&GSSENC_REQUEST).await?;
        let mut reply = [0];
        stream.read_exact(&mut reply).await?;
        Ok(matches!(&reply, b"G" | b"N"))
    };
    match timeout_at(deadline, question).await {
        Ok(seen) => seen.map_err(|error| failure_of(&error, "before the login")),
        Err(_) => {
            let detail = format!("{}: connected, but got no reply", dial.target);
            Err(Failure::new(dial.silence(), detail))
        }
    }
}

/// The message GSSENCRequest: its length, and 80877104.
const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
