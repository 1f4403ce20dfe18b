//! A simulated MySQL server: the real wire protocol, scripted answers.
//!
//! It speaks the protocol as the manual documents it ("Client/Server Protocol": handshake version
//! 10, `mysql_native_password` with every password accepted, COM_QUERY with text result sets and
//! EOF packets) and answers each statement with the first scripted answer whose beginning fits. A
//! statement that no answer fits is a syntax error, as on a server of another version. Several
//! statements in one query are answered one by one.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

/// What to answer to a statement.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Column names and rows; `None` is NULL.
    Rows(Vec<String>, Vec<Vec<Option<String>>>),
    /// No result set.
    Done {
        /// Rows changed.
        affected: u8,
    },
    /// Error number, SQLSTATE and message.
    Error(u16, &'static str, &'static str),
    /// These bytes as one packet.
    Raw(Vec<u8>),
    /// The connection ends.
    Close,
    /// The columns of a result, and then nothing for as long as the client waits.
    Unfinished(&'static str),
    /// Nothing at all, for as long as the client waits.
    Silence,
}

/// When a login is refused.
#[derive(Clone, Copy)]
pub(crate) enum Login {
    /// Never.
    Accept,
    /// Instead of the greeting, as for a full server or a blocked host.
    RefuseAtOnce(u16, &'static str),
    /// After the password, as for a wrong one or `offline_mode`.
    Refuse(u16, &'static str),
    /// Never decided: these packets are said, each after what the client says. Its answers are among
    /// the statements, as `login` and their octets.
    Demand(&'static [&'static [u8]]),
}

/// Where a server that stands still keeps its clients waiting.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Hold {
    /// Before the greeting.
    Greeting,
    /// Before the reply to the password.
    Login,
}

/// How a server leaves a client that asks nothing.
#[derive(Clone)]
pub(crate) enum Parting {
    /// It closes the connection.
    Close,
    /// Its kernel resets the connection, as for a killed process that left octets unread.
    Reset,
    /// It says this and closes.
    Say(Vec<u8>),
}

/// A server, and all it will ever say.
#[derive(Clone)]
pub(crate) struct Script {
    /// In the greeting.
    pub(crate) greeting: &'static str,
    pub(crate) login: Login,
    /// Each client waits there for a permit, and every later one finds it open.
    pub(crate) held: Option<(Hold, Arc<Semaphore>)>,
    /// The statement after whose answer it leaves its client, and how.
    pub(crate) parting: Option<(&'static str, Parting)>,
    /// Each octet is a write of its own.
    pub(crate) trickles: bool,
    answers: Vec<(&'static str, Answer)>,
}

impl Script {
    /// A server that accepts every login and knows no statement.
    pub(crate) fn new(greeting: &'static str) -> Self {
        Self {
            greeting,
            login: Login::Accept,
            held: None,
            parting: None,
            trickles: false,
            answers: Vec::new(),
        }
    }

    /// Answers statements that begin with `start`; what was said last comes first.
    pub(crate) fn on(mut self, start: &'static str, answer: Answer) -> Self {
        self.answers.insert(0, (start, answer));
        self
    }

    pub(crate) fn login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    fn answer(&self, statement: &str) -> Answer {
        self.answers.iter().find(|(start, _)| statement.starts_with(start)).map_or(
            Answer::Error(1064, "42000", "You have an error in your SQL syntax"),
            |(_, answer)| answer.clone(),
        )
    }
}

/// Rows of one column set, all values present.
pub(crate) fn rows(columns: &[&str], rows: &[&[&str]]) -> Answer {
    Answer::Rows(
        columns.iter().map(|&name| name.to_owned()).collect(),
        rows.iter().map(|row| row.iter().map(|&value| Some(value.to_owned())).collect()).collect(),
    )
}

/// Rows as the `mysql` client prints them with `\G`.
pub(crate) fn vertical(text: &str) -> Answer {
    let mut columns = Vec::new();
    let mut all: Vec<Vec<Option<String>>> = Vec::new();
    for line in text.lines() {
        if line.starts_with('*') {
            all.push(Vec::new());
        } else if let (Some((name, value)), Some(row)) = (line.split_once(':'), all.last_mut()) {
            row.push((value.trim() != "NULL").then(|| value.trim().to_owned()));
            if columns.len() < row.len() {
                columns.push(name.trim().to_owned());
            }
        }
    }
    Answer::Rows(columns, all)
}

/// A listening server. It ends when it is dropped.
pub(crate) struct FakeMySql {
    pub(crate) address: SocketAddr,
    statements: Arc<Mutex<Vec<String>>>,
    /// How many clients said goodbye.
    goodbyes: Arc<Mutex<usize>>,
    accepted: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl FakeMySql {
    /// Listens on `host` and a free port.
    pub(crate) async fn start(host: &str, script: Script) -> Self {
        Self::start_each(host, vec![script]).await
    }

    /// Plays the first script to the first client, and so on; the last one to all that follow.
    pub(crate) async fn start_each(host: &str, scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind((host, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let statements = Arc::new(Mutex::new(Vec::new()));
        let goodbyes = Arc::new(Mutex::new(0));
        let (log, quits) = (Arc::clone(&statements), Arc::clone(&goodbyes));
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let accepting = tokio::spawn(async move {
            let mut clients = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let client = count.fetch_add(1, Ordering::SeqCst);
                let script = scripts[client.min(scripts.len() - 1)].clone();
                // Each packet is a write of its own.
                socket.set_nodelay(true).expect("a TCP socket");
                let client = Client { socket, sequence: 0, script, log: Arc::clone(&log) };
                let quits = Arc::clone(&quits);
                clients.spawn(async move {
                    if client.serve().await == Some(Goodbye) {
                        *quits.lock().expect("not poisoned") += 1;
                    }
                });
            }
        });
        Self { address, statements, goodbyes, accepted, accepting }
    }

    /// Every statement received so far.
    pub(crate) fn statements(&self) -> Vec<String> {
        self.statements.lock().expect("not poisoned").clone()
    }

    /// How many clients have come so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How many clients ended their session with COM_QUIT.
    pub(crate) fn goodbyes(&self) -> usize {
        *self.goodbyes.lock().expect("not poisoned")
    }
}

impl Drop for FakeMySql {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(PartialEq)]
struct Goodbye;

struct Client {
    socket: TcpStream,
    sequence: u8,
    script: Script,
    log: Arc<Mutex<Vec<String>>>,
}

/// CLIENT_PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, MULTI_STATEMENTS, MULTI_RESULTS,
/// PLUGIN_AUTH and LONG_PASSWORD; no TLS and no DEPRECATE_EOF.
const CAPABILITIES: u32 = 0x000B_A201;
const AUTOCOMMIT: u16 = 0x0002;
const MORE_RESULTS: u16 = 0x0008;

impl Client {
    /// Serves one client until it leaves; `None` when it did not say goodbye.
    async fn serve(mut self) -> Option<Goodbye> {
        if let Login::RefuseAtOnce(code, message) = self.script.login {
            // Before the handshake an error has no SQLSTATE.
            self.send(&error(code, "", message)).await?;
            return None;
        }
        self.wait(Hold::Greeting).await?;
        self.send(&greeting(self.script.greeting)).await?;
        self.receive().await?;
        self.wait(Hold::Login).await?;
        if let Login::Refuse(code, message) = self.script.login {
            self.send(&error(code, "28000", message)).await?;
            return None;
        }
        if let Login::Demand(packets) = self.script.login {
            for packet in packets {
                self.send(packet).await?;
                let answer = self.receive().await?;
                self.log.lock().expect("not poisoned").push(format!("login {answer:?}"));
            }
            self.wait_for_the_end().await?;
        }
        self.send(&ok(0, AUTOCOMMIT)).await?;
        loop {
            let packet = self.receive().await?;
            match packet.split_first()? {
                (1, _) => return Some(Goodbye),
                (3, text) => {
                    let text = String::from_utf8(text.to_vec()).ok()?;
                    self.query(&text).await?;
                    if let Some((last, parting)) = self.script.parting.clone()
                        && text.starts_with(last)
                    {
                        return self.leave(parting).await;
                    }
                }
                _ => self.send(&error(1047, "08S01", "Unknown command")).await?,
            }
        }
    }

    async fn wait(&self, place: Hold) -> Option<()> {
        match &self.script.held {
            Some((held, gate)) if *held == place => gate.acquire().await.map(drop).ok(),
            _ => Some(()),
        }
    }

    async fn query(&mut self, text: &str) -> Option<()> {
        let parts: Vec<&str> = text.split(';').map(str::trim).collect();
        for (place, statement) in parts.iter().enumerate() {
            self.log.lock().expect("not poisoned").push((*statement).to_owned());
            let more = if place + 1 < parts.len() { MORE_RESULTS } else { 0 };
            match self.script.answer(statement) {
                Answer::Rows(columns, rows) => {
                    self.result_set(&columns, &rows, AUTOCOMMIT | more).await?;
                }
                Answer::Done { affected } => self.send(&ok(affected, AUTOCOMMIT | more)).await?,
                Answer::Error(code, state, message) => {
                    return self.send(&error(code, state, message)).await;
                }
                Answer::Raw(packet) => self.send(&packet).await?,
                Answer::Close => return None,
                Answer::Unfinished(column) => {
                    self.send(&[1]).await?;
                    self.send(&column_definition(column)).await?;
                    self.send(&eof(AUTOCOMMIT)).await?;
                    return self.wait_for_the_end().await;
                }
                Answer::Silence => return self.wait_for_the_end().await,
            }
        }
        Some(())
    }

    /// Ends the connection without having been asked.
    async fn leave(mut self, parting: Parting) -> Option<Goodbye> {
        match parting {
            Parting::Close => {}
            Parting::Reset => {
                let linger = Some(Duration::ZERO);
                SockRef::from(&self.socket).set_linger(linger).expect("a TCP socket");
            }
            Parting::Say(packet) => {
                self.sequence = 0;
                self.send(&packet).await?;
            }
        }
        None
    }

    async fn wait_for_the_end(&mut self) -> Option<()> {
        let mut ignored = Vec::new();
        let _ = self.socket.read_to_end(&mut ignored).await;
        None
    }

    async fn result_set(
        &mut self,
        columns: &[String],
        rows: &[Vec<Option<String>>],
        status: u16,
    ) -> Option<()> {
        let count = u8::try_from(columns.len()).expect("few columns");
        self.send(&[count]).await?;
        for column in columns {
            self.send(&column_definition(column)).await?;
        }
        self.send(&eof(status)).await?;
        for row in rows {
            let mut packet = Vec::new();
            for value in row {
                match value {
                    None => packet.push(0xFB),
                    Some(value) => put_text(&mut packet, value),
                }
            }
            self.send(&packet).await?;
        }
        self.send(&eof(status)).await
    }

    async fn send(&mut self, packet: &[u8]) -> Option<()> {
        let length = u32::try_from(packet.len()).expect("a small packet").to_le_bytes();
        let mut frame = vec![length[0], length[1], length[2], self.sequence];
        frame.extend_from_slice(packet);
        self.sequence = self.sequence.wrapping_add(1);
        let step = if self.script.trickles { 1 } else { frame.len() };
        for piece in frame.chunks(step) {
            self.socket.write_all(piece).await.ok()?;
        }
        Some(())
    }

    async fn receive(&mut self) -> Option<Vec<u8>> {
        let mut head = [0; 4];
        self.socket.read_exact(&mut head).await.ok()?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        self.sequence = head[3].wrapping_add(1);
        let mut packet = vec![0; usize::try_from(length).expect("24 bits")];
        self.socket.read_exact(&mut packet).await.ok()?;
        Some(packet)
    }
}

/// Protocol::HandshakeV10.
pub(crate) fn greeting(version: &str) -> Vec<u8> {
    let capabilities = CAPABILITIES.to_le_bytes();
    let mut packet = vec![10];
    packet.extend_from_slice(version.as_bytes());
    packet.push(0);
    packet.extend_from_slice(&7_u32.to_le_bytes());
    packet.extend_from_slice(b"12345678\0");
    packet.extend_from_slice(&capabilities[..2]);
    packet.push(45);
    packet.extend_from_slice(&AUTOCOMMIT.to_le_bytes());
    packet.extend_from_slice(&capabilities[2..]);
    packet.push(21);
    packet.extend_from_slice(&[0; 10]);
    packet.extend_from_slice(b"123456789012\0");
    packet.extend_from_slice(b"mysql_native_password\0");
    packet
}

fn ok(affected: u8, status: u16) -> Vec<u8> {
    let [low, high] = status.to_le_bytes();
    vec![0, affected, 0, low, high, 0, 0]
}

fn eof(status: u16) -> Vec<u8> {
    let [low, high] = status.to_le_bytes();
    vec![0xFE, 0, 0, low, high]
}

pub(crate) fn error(code: u16, state: &str, message: &str) -> Vec<u8> {
    let mut packet = vec![0xFF];
    packet.extend_from_slice(&code.to_le_bytes());
    if !state.is_empty() {
        packet.push(b'#');
        packet.extend_from_slice(state.as_bytes());
    }
    packet.extend_from_slice(message.as_bytes());
    packet
}

/// Protocol::ColumnDefinition41 of a VARCHAR in utf8mb4.
fn column_definition(name: &str) -> Vec<u8> {
    let mut packet = Vec::new();
    for text in ["def", "", "", "", name, name] {
        put_text(&mut packet, text);
    }
    packet.extend_from_slice(&[12, 45, 0, 0, 4, 0, 0, 253, 0, 0, 0, 0, 0]);
    packet
}

/// A length-encoded string.
fn put_text(packet: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) if length < 251 => packet.push(length),
        _ => {
            let length = u32::try_from(text.len()).expect("a short text");
            packet.push(0xFD);
            packet.extend_from_slice(&length.to_le_bytes()[..3]);
        }
    }
    packet.extend_from_slice(text.as_bytes());
}
