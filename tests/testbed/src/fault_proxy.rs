//! A TCP proxy in front of a server, that does to connections what bad networks and broken programs
//! do.
//!
//! It listens on an address of its own and can change its conduct while it runs, for all
//! connections or only for those that come from then on. What happens to whole hosts, a black hole
//! for instance, is better done by a [`crate::namespace`].

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, watch},
    task::JoinSet,
    time,
};

/// A running proxy. Dropped, its port is closed and its connections are cut.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    orders: Option<watch::Sender<Orders>>,
    thread: Option<JoinHandle<()>>,
}

/// What the proxy does to connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conduct {
    /// Hands on what comes.
    Pass,
    /// Hands on all that the server says later by `by`, give or take up to `jitter`; whatever
    /// comes in one piece waits once.
    Delay {
        /// The mean.
        by: Duration,
        /// At most `by`.
        jitter: Duration,
    },
    /// Hands on one octet of the server's words after the other, each this much later.
    Trickle(Duration),
    /// Hands on so many octets of the server's words, counted from now or from the beginning of
    /// a new connection, and then ends the connection.
    Cut {
        /// How many are handed on.
        after: usize,
        /// How it ends.
        by: Cut,
    },
    /// Accepts, and hands on nothing; what is open falls silent.
    Silence,
    /// Accepts and ends the connection at once; what is open ends.
    Close(Cut),
    /// Its port is closed: new connections are refused. What is open goes on.
    Refuse,
    /// The same for so many in a hundred moments, at random, each of them 5 ms long.
    RefuseSome(u32),
    /// Says at once, and again to each word of the client, what means nothing in any protocol.
    Garbage,
    /// Answers each word as an HTTP server answers what it does not understand.
    Http,
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order, by FIN.
    Fin,
    /// By RST.
    Reset,
}

/// The conduct of old and new connections.
#[derive(Clone, Copy, Debug)]
struct Orders {
    /// For those that come from now on.
    fresh: Conduct,
    /// For all that came before the change of this number.
    all: Conduct,
    changes: u64,
}

impl FaultProxy {
    /// Starts one at `address` in front of `server`. Port 0 is a free one.
    ///
    /// # Panics
    /// When the address is taken.
    pub fn start(address: SocketAddr, server: SocketAddr) -> Self {
        let listener = StdListener::bind(address).expect("the proxy's address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let orders = Orders { fresh: Conduct::Pass, all: Conduct::Pass, changes: 0 };
        let (sender, orders) = watch::channel(orders);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be made");
            runtime.block_on(serve(listener, address, server, orders));
        });
        Self { address, orders: Some(sender), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the conduct for all connections, open and new.
    pub fn set(&self, conduct: Conduct) {
        self.order(|orders| {
            (orders.fresh, orders.all) = (conduct, conduct);
            orders.changes += 1;
        });
    }

    /// Changes the conduct for new connections. Those that are open go on as before.
    pub fn set_for_new(&self, conduct: Conduct) {
        self.order(|orders| orders.fresh = conduct);
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        if let Some(sender) = &self.orders {
            sender.send_modify(change);
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.orders = None; // The thread ends when nobody can give it orders any more.
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// More than any test opens at once.
const CONNECTIONS_MAX: usize = 256;

/// How long the port of [`Conduct::RefuseSome`] stays open or closed.
const MOMENT: Duration = Duration::from_millis(5);

async fn serve(
    listener: StdListener,
    address: SocketAddr,
    server: SocketAddr,
    mut orders: watch::Receiver<Orders>,
) {
    let mut listener = Some(adopt(listener).expect("a socket can be made asynchronous"));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let conduct = orders.borrow_and_update().fresh;
        let open = match conduct {
            Conduct::Refuse => false,
            Conduct::RefuseSome(percent) => rand::random_range(0..100) >= percent,
            _ => true,
        };
        if !open {
            listener = None;
        } else if listener.is_none() {
            listener = StdListener::bind(address).and_then(adopt).ok();
        }
        let moment = match conduct {
            Conduct::RefuseSome(_) => MOMENT,
            _ if open && listener.is_none() => MOMENT, // The port is taken; perhaps not for long.
            _ => Duration::MAX,
        };
        tokio::select! {
            changed = orders.changed() => if changed.is_err() { return },
            client = accept(listener.as_ref()) => {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                let orders = orders.clone();
                connections.spawn(async move {
                    // A connection that fails has ended, which is all there is to say.
                    let _ = Relay::run(client, server, orders).await;
                    drop(place);
                });
            }
            Some(_) = connections.join_next() => {}
            () = time::sleep(moment) => {}
        }
    }
}

fn adopt(listener: StdListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// The next client; never, without a listener.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((client, _)) => return client,
            Err(_) => time::sleep(MOMENT).await,
        }
    }
}

/// One connection.
struct Relay {
    client: Side,
    /// `None` when the proxy speaks for itself.
    server: Option<Side>,
    conduct: Conduct,
    changes: u64,
    orders: watch::Receiver<Orders>,
}

struct Side {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    /// It has said all it has to say.
    over: bool,
}

/// What a connection waited for.
enum Next {
    Orders,
    Client(usize),
    Server(usize),
}

impl Relay {
    async fn run(
        client: TcpStream,
        server: SocketAddr,
        mut orders: watch::Receiver<Orders>,
    ) -> io::Result<()> {
        let Orders { fresh: conduct, changes, .. } = *orders.borrow_and_update();
        let server = match conduct.needs_server() {
            true => match TcpStream::connect(server).await {
                Ok(server) => Some(Side::of(server)?),
                Err(_) => return Side::of(client)?.end(Cut::Reset),
            },
            false => None,
        };
        let mut relay = Self { client: Side::of(client)?, server, conduct, changes, orders };
        if conduct == Conduct::Garbage {
            relay.client.write.write_all(&garbage()).await?;
        }
        match relay.go_on().await? {
            Some(cut) => relay.client.end(cut),
            None => Ok(()),
        }
    }

    /// Until the connection has ended by itself, or is to be ended.
    async fn go_on(&mut self) -> io::Result<Option<Cut>> {
        let mut from_client = [0; 4096];
        let mut from_server = [0; 4096];
        loop {
            match self.conduct {
                Conduct::Close(cut) | Conduct::Cut { after: 0, by: cut } => return Ok(Some(cut)),
                _ => {}
            }
            let silent = self.conduct == Conduct::Silence;
            let next = tokio::select! {
                biased;
                changed = self.orders.changed() => {
                    if changed.is_err() {
                        return Ok(Some(Cut::Reset));
                    }
                    Next::Orders
                }
                length = self.client.read.read(&mut from_client),
                    if !silent && !self.client.over => Next::Client(length?),
                length = hear(self.server.as_mut(), &mut from_server), if !silent => {
                    Next::Server(length?)
                }
            };
            match next {
                Next::Orders => self.obey(),
                Next::Client(0) => {
                    self.client.over = true;
                    match &mut self.server {
                        Some(server) => server.write.shutdown().await?,
                        None => return Ok(None),
                    }
                }
                Next::Client(length) => self.hand_to_server(&from_client[..length]).await?,
                Next::Server(0) => return Ok(None),
                Next::Server(length) => self.hand_to_client(&from_server[..length]).await?,
            }
        }
    }

    fn obey(&mut self) {
        let orders = *self.orders.borrow_and_update();
        if orders.changes > self.changes {
            (self.conduct, self.changes) = (orders.all, orders.changes);
        }
    }

    async fn hand_to_server(&mut self, words: &[u8]) -> io::Result<()> {
        match self.conduct {
            Conduct::Garbage => self.client.write.write_all(&garbage()).await,
            Conduct::Http => self.client.write.write_all(HTTP).await,
            _ => match &mut self.server {
                Some(server) => server.write.write_all(words).await,
                None => Ok(()),
            },
        }
    }

    async fn hand_to_client(&mut self, words: &[u8]) -> io::Result<()> {
        let client = &mut self.client.write;
        match &mut self.conduct {
            Conduct::Delay { by, jitter } => {
                let (least, spread) = (by.saturating_sub(*jitter), *jitter * 2);
                let delay = least + spread.mul_f64(rand::random());
                self.wait(delay).await;
                self.client.write.write_all(words).await
            }
            Conduct::Trickle(pause) => {
                let pause = *pause;
                for (index, octet) in words.iter().enumerate() {
                    self.wait(pause).await;
                    if !matches!(self.conduct, Conduct::Trickle(_)) {
                        return self.client.write.write_all(&words[index..]).await;
                    }
                    self.client.write.write_all(&[*octet]).await?;
                }
                Ok(())
            }
            Conduct::Cut { after, .. } => {
                let handed = words.len().min(*after);
                *after -= handed;
                client.write_all(&words[..handed]).await
            }
            Conduct::Garbage | Conduct::Http => Ok(()),
            _ => client.write_all(words).await,
        }
    }

    /// Waits, unless new orders come: they count at once.
    async fn wait(&mut self, duration: Duration) {
        tokio::select! {
            () = time::sleep(duration) => {}
            Ok(()) = self.orders.changed() => self.obey(),
        }
    }
}

impl Side {
    fn of(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        Ok(Self { read, write, over: false })
    }

    fn end(self, cut: Cut) -> io::Result<()> {
        let stream = self.read.reunite(self.write).expect("the halves of one connection");
        match cut {
            Cut::Fin => Ok(()),
            Cut::Reset => stream.set_zero_linger(), // Closing it sends RST.
        }
    }
}

impl Conduct {
    /// Whether a new connection leads to the server.
    fn needs_server(self) -> bool {
        !matches!(self, Self::Silence | Self::Close(_) | Self::Garbage | Self::Http)
    }
}

/// Reads what the server says; never, when there is none.
async fn hear(server: Option<&mut Side>, words: &mut [u8]) -> io::Result<usize> {
    match server {
        Some(server) => server.read.read(words).await,
        None => std::future::pending().await,
    }
}

/// Octets of which none begins a message of any database.
fn garbage() -> [u8; 64] {
    let mut octets = rand::random::<[u8; 64]>();
    octets[..4].copy_from_slice(&[0x07, 0xff, 0xff, 0xff]);
    octets
}

const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[cfg(test)]
mod tests;
