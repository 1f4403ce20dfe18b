//! Servers that are none: they ask whoever connects for a password, and keep all that they are sent.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// One of them. It listens for as long as the test runs.
pub(crate) struct Rogue {
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// What it asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asks {
    /// PostgreSQL: `AuthenticationCleartextPassword`.
    ClearText,
    /// PostgreSQL: `AuthenticationMD5Password`.
    Md5,
    /// PostgreSQL: SCRAM with so few iterations that a guess costs nothing.
    CheapScram,
    /// MySQL: the plugin `mysql_clear_password` from the beginning.
    ClearPlugin,
    /// MySQL: a usual beginning, and then that plugin.
    ClearSwitch,
}

impl Rogue {
    pub(crate) fn start(at: Ipv4Addr, port: u16, asks: Asks) -> Self {
        let listener = TcpListener::bind(SocketAddr::from((at, port))).expect("a free address");
        let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let keeps = Arc::clone(&heard);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let mut sent = Vec::new();
                // Who hangs up has said enough.
                _ = talk(stream, asks, &mut sent);
                keeps.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
            }
        });
        Self { heard }
    }

    /// All that was sent to it, by connections.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn talk(mut stream: TcpStream, asks: Asks, sent: &mut Vec<u8>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    match asks {
        Asks::ClearText => postgres(&mut stream, &[0, 0, 0, 3], sent),
        Asks::Md5 => postgres(&mut stream, &[0, 0, 0, 5, 1, 2, 3, 4], sent),
        Asks::CheapScram => {
            postgres(&mut stream, b"\0\0\0\x0aSCRAM-SHA-256\0\0", sent)?;
            let begun = String::from_utf8_lossy(sent).into_owned();
            let nonce = begun.rsplit("r=").next().unwrap_or_default().to_owned();
            let nonce: String = nonce.chars().take_while(|c| !c.is_control()).collect();
            let reply = format!("r={nonce}rogue,s=c2FsdHNhbHQ=,i=1");
            let body = [&[0, 0, 0, 11][..], reply.as_bytes()].concat();
            stream.write_all(&message(b'R', &body))?;
            hear(&mut stream, sent)
        }
        Asks::ClearPlugin => mysql(&mut stream, b"mysql_clear_password", sent),
        Asks::ClearSwitch => {
            mysql(&mut stream, b"mysql_native_password", sent)?;
            let body = b"\xfemysql_clear_password\0";
            let length = u8::try_from(body.len()).expect("short");
            stream.write_all(&[&[length, 0, 0, 2][..], body].concat())?;
            hear(&mut stream, sent)
        }
    }
}

/// The beginning of a session, without encryption; then asks for this proof.
fn postgres(stream: &mut TcpStream, asked: &[u8], sent: &mut Vec<u8>) -> io::Result<()> {
    hear(stream, sent)?;
    // The request for TLS (PostgreSQL manual, "Message Formats", SSLRequest).
    if sent.ends_with(&[0x04, 0xd2, 0x16, 0x2f]) {
        stream.write_all(b"N")?;
        hear(stream, sent)?;
    }
    stream.write_all(&message(b'R', asked))?;
    hear(stream, sent)
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// A greeting of protocol 10 (MySQL manual, "Protocol::HandshakeV10"), without TLS.
fn mysql(stream: &mut TcpStream, plugin: &[u8], sent: &mut Vec<u8>) -> io::Result<()> {
    let mut body = b"\x0a10.11.0-MariaDB\0\x07\0\0\0saltsalt\0".to_vec();
    // Capabilities: protocol 4.1, secure connection, plugin authentication, and the usual ones.
    body.extend([0xff, 0xf7, 0x21, 2, 0, 0x0b, 0, 21]);
    body.extend([0; 10]);
    body.extend(b"saltsaltsalt\0");
    body.extend(plugin);
    body.push(0);
    let length = u8::try_from(body.len()).expect("short");
    stream.write_all(&[&[length, 0, 0, 0][..], &body].concat())?;
    hear(stream, sent)
}

/// The next that comes; an error when nobody speaks any more.
fn hear(stream: &mut TcpStream, sent: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => {
            sent.extend(&buffer[..length]);
            Ok(())
        }
    }
}
