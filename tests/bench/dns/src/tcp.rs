//! Load by TCP: many connections, each with several queries on their way (RFC 7766 section
//! 6.2.1.1).

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
};

use crate::{
    clock,
    query::{self, Expected},
    tally::Tally,
    window::Window,
};

/// Connections to one server that ask one question.
#[derive(Debug)]
pub(crate) struct TcpLoad {
    connections: Vec<Connection>,
    poll: Epoll,
    server: SocketAddr,
    query: Vec<u8>,
    expected: Expected,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    window: Window,
    /// Octets that have come in and are not yet a whole message.
    inbox: Vec<u8>,
    /// Octets that could not be written yet.
    outbox: Vec<u8>,
}

impl TcpLoad {
    /// Opens all connections.
    pub(crate) fn open(server: SocketAddr, query: Vec<u8>, expected: Expected) -> io::Result<Self> {
        let poll = Epoll::new(EpollCreateFlags::empty())?;
        let mut load = Self { connections: Vec::new(), poll, server, query, expected };
        for number in 0..CONNECTIONS {
            let connection = load.connect(number)?;
            load.connections.push(connection);
        }
        Ok(load)
    }

    fn connect(&self, number: usize) -> io::Result<Connection> {
        let stream = TcpStream::connect(self.server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        self.poll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?;
        let window = Window::new(PLACE_BITS);
        Ok(Connection { stream, window, inbox: Vec::new(), outbox: Vec::new() })
    }

    /// Asks as fast as answers come, for so long.
    pub(crate) fn saturate(&mut self, time: Duration) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let start = clock::now();
        let mut swept = start;
        let mut events = [EpollEvent::empty(); CONNECTIONS];
        for connection in &mut self.connections {
            connection.ask(&self.query, start);
            _ = connection.write();
        }
        loop {
            let ready = match self.poll.wait(&mut events, EpollTimeout::from(10_u8)) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            let now = clock::now();
            tally.time = now.duration_since(start);
            if tally.time >= time {
                return Ok(tally);
            }
            for event in &events[..ready] {
                let number = usize::try_from(event.data()).map_err(io::Error::other)?;
                let connection = &mut self.connections[number];
                let talked = connection.read(self.expected, &mut tally).and_then(|()| {
                    connection.ask(&self.query, now);
                    connection.write()
                });
                if talked.is_err() {
                    self.replace(number, &mut tally)?;
                }
            }
            if now.duration_since(swept) > IN_TIME {
                swept = now;
                for connection in &mut self.connections {
                    tally.lost += connection.window.expire(now, IN_TIME);
                    connection.ask(&self.query, now);
                    // An error comes again when the connection is read.
                    _ = connection.write();
                }
            }
        }
    }

    /// Opens a connection anew that the server has closed. Its queries are lost.
    fn replace(&mut self, number: usize, tally: &mut Tally) -> io::Result<()> {
        tally.lost += self.connections[number].window.expire(clock::now(), Duration::ZERO);
        self.poll.delete(&self.connections[number].stream)?;
        self.connections[number] = self.connect(number)?;
        self.connections[number].ask(&self.query, clock::now());
        Ok(())
    }
}

impl Connection {
    /// Fills the window.
    fn ask(&mut self, query: &[u8], now: Instant) {
        while let Some(id) = self.window.take(now) {
            let length = u16::try_from(query.len()).expect("a short query");
            self.outbox.extend(length.to_be_bytes());
            self.outbox.extend(id.to_be_bytes());
            self.outbox.extend(&query[2..]);
        }
    }

    /// Writes what waits, as far as it goes.
    fn write(&mut self) -> io::Result<()> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        match self.stream.write(&self.outbox) {
            Ok(written) => {
                self.outbox.drain(..written);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads once and counts the whole messages.
    fn read(&mut self, expected: Expected, tally: &mut Tally) -> io::Result<()> {
        let mut octets = [0; 16_384];
        let length = match self.stream.read(&mut octets) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        self.inbox.extend(&octets[..length]);
        let mut rest = self.inbox.as_slice();
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some((message, after)) = after.split_at_checked(length) else { break };
            rest = after;
            match query::id(message).and_then(|id| self.window.give_back(id)) {
                Some(_) if expected.is_met_by(message) => tally.answered += 1,
                _ => tally.wrong += 1,
            }
        }
        let read = self.inbox.len() - rest.len();
        self.inbox.drain(..read);
        Ok(())
    }
}

/// Connections at one time.
const CONNECTIONS: usize = 100;

/// Sixteen queries on their way by each connection.
const PLACE_BITS: u32 = 4;

/// Later answers are none.
const IN_TIME: Duration = Duration::from_secs(1);
