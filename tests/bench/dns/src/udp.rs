//! Load by UDP, and what comes back.
//!
//! Several sockets, so that no one socket's queue or lock is the measure. Queries of one socket go
//! out in one call and as one segmented packet (`UDP_SEGMENT`) that the kernel takes apart at the
//! server's socket: to send costs the load less than to answer costs a server, so that the server
//! is what saturates.

use std::{
    io::{self, IoSliceMut},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    thread,
    time::{Duration, Instant},
};

use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, setsockopt, sockopt::UdpGsoSegment,
};

use crate::{
    clock,
    query::{self, Expected},
    tally::Tally,
    window::Window,
};

/// Sockets that ask one server one question.
#[derive(Debug)]
pub(crate) struct UdpLoad {
    lanes: Vec<Lane>,
    outbox: Outbox,
    inbox: Inbox,
    expected: Expected,
}

/// One socket and the queries on their way by it.
#[derive(Debug)]
struct Lane {
    socket: UdpSocket,
    window: Window,
}

/// Where queries are written before they go out together.
#[derive(Debug)]
struct Outbox {
    query: Vec<u8>,
    packets: Vec<u8>,
}

/// Where replies come in together.
#[derive(Debug)]
struct Inbox {
    packets: Vec<[u8; REPLY]>,
    headers: MultiHeaders<SockaddrIn>,
}

/// What a load does when no answer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// It looks again at once.
    Awake,
    /// It leaves the core to others for a moment.
    Asleep,
}

/// How a load is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// As many queries on their way as the server can hold: each answer lets the next query out.
    Full,
    /// Queries go out by the clock, whatever comes back.
    Paced,
}

impl UdpLoad {
    /// Opens the sockets. `query` is asked, with an ID of its own each time.
    pub(crate) fn open(
        server: SocketAddr,
        query: Vec<u8>,
        expected: Expected,
        pressure: Pressure,
    ) -> io::Result<Self> {
        let (lanes, place_bits) = match pressure {
            Pressure::Full => (8, 4),
            Pressure::Paced => (4, 10),
        };
        let lanes = (0..lanes).map(|_| Lane::open(server, query.len(), place_bits));
        Ok(Self {
            lanes: lanes.collect::<io::Result<_>>()?,
            outbox: Outbox { query, packets: Vec::new() },
            inbox: Inbox::new(),
            expected,
        })
    }

    /// Asks as fast as answers come, for so long.
    pub(crate) fn saturate(&mut self, time: Duration) -> io::Result<Tally> {
        self.closed(time, u64::MAX, IN_TIME, Waiting::Awake)
    }

    /// Asks until there are `count` answers or the time is over, which each answer may take.
    pub(crate) fn answer(&mut self, count: u64, within: Duration) -> io::Result<Tally> {
        self.closed(within, count, within, Waiting::Asleep)
    }

    fn closed(
        &mut self,
        time: Duration,
        enough: u64,
        patience: Duration,
        waiting: Waiting,
    ) -> io::Result<Tally> {
        let Self { lanes, outbox, inbox, expected } = self;
        let mut tally = Tally::default();
        let start = clock::now();
        let mut swept = start;
        loop {
            let now = clock::now();
            tally.time = now.duration_since(start);
            if tally.time >= time || tally.answered >= enough {
                return Ok(tally);
            }
            let before = tally.answered;
            for lane in &mut *lanes {
                inbox.receive(lane, *expected, &mut tally, None)?;
                outbox.send(lane, lane.window.room(), now)?;
            }
            if waiting == Waiting::Asleep && tally.answered == before {
                thread::sleep(NAP);
            }
            if now.duration_since(swept) > SWEEP {
                swept = now;
                for lane in &mut *lanes {
                    tally.lost += lane.window.expire(now, patience);
                }
            }
        }
    }

    /// Waits for the last answers of a paced load and counts what is missing.
    pub(crate) fn settle(&mut self) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let start = clock::now();
        while clock::now().duration_since(start) < IN_TIME {
            for lane in &mut self.lanes {
                self.inbox.receive(lane, self.expected, &mut tally, None)?;
            }
            thread::sleep(NAP);
        }
        for lane in &mut self.lanes {
            tally.lost += lane.window.expire(clock::now(), Duration::ZERO);
        }
        Ok(tally)
    }

    /// Asks `rate` times a second, for so long, and notes how long each answer took: from before
    /// the call that sends the query until after the call that receives the reply.
    pub(crate) fn pace(&mut self, rate: f64, time: Duration) -> io::Result<Tally> {
        let Self { lanes, outbox, inbox, expected } = self;
        let gap = Duration::from_secs_f64(1.0 / rate);
        let mut tally = Tally::default();
        let mut latencies = Vec::new();
        let start = clock::now();
        let mut due = start;
        let mut next = 0;
        while clock::now().duration_since(start) < time {
            next = (next + 1) % lanes.len();
            let now = clock::now();
            let mut count = 0;
            while due <= now && count < BURST {
                due += gap;
                count += 1;
            }
            let lane = &mut lanes[next];
            let held_back = count.saturating_sub(lane.window.room());
            tally.held_back += held_back as u64;
            outbox.send(lane, count - held_back, now)?;
            for lane in &mut *lanes {
                inbox.receive(lane, *expected, &mut tally, Some(&mut latencies))?;
            }
        }
        tally.time = clock::now().duration_since(start);
        tally.latencies = latencies;
        Ok(tally)
    }
}

impl Lane {
    fn open(server: SocketAddr, query: usize, place_bits: u32) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::from(CLIENT), 0))?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER)?;
        let segment = i32::try_from(query).map_err(io::Error::other)?;
        setsockopt(&socket, UdpGsoSegment, &segment)?;
        Ok(Self { socket, window: Window::new(place_bits) })
    }
}

impl Outbox {
    /// Sends `count` queries, for which there is room, in one call.
    fn send(&mut self, lane: &mut Lane, count: usize, now: Instant) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.packets.clear();
        for _ in 0..count {
            let id = lane.window.take(now).expect("the caller has looked for room");
            let at = self.packets.len();
            self.packets.extend(&self.query);
            self.packets[at..at + 2].copy_from_slice(&id.to_be_bytes());
        }
        match lane.socket.send(&self.packets) {
            Err(error) if !is_passing(&error) => Err(error),
            // What was not sent is not answered, and counts as lost in time.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

impl Inbox {
    fn new() -> Self {
        let headers = MultiHeaders::preallocate(BATCH, None);
        Self { packets: vec![[0; REPLY]; BATCH], headers }
    }

    /// Takes what has come in by `lane`.
    fn receive(
        &mut self,
        lane: &mut Lane,
        expected: Expected,
        tally: &mut Tally,
        latencies: Option<&mut Vec<u32>>,
    ) -> io::Result<()> {
        let mut lengths = [0; BATCH];
        let mut count = 0;
        let mut rest = self.packets.iter_mut();
        let mut slices: [_; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(rest.next().expect("a packet per slot"))]);
        let socket = lane.socket.as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT;
        match recvmmsg(socket, &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(batch) => {
                for message in batch {
                    lengths[count] = message.bytes;
                    count += 1;
                }
            }
            Err(error) => {
                let error = error.into();
                return if is_passing(&error) { Ok(()) } else { Err(error) };
            }
        }
        let mut latencies = latencies;
        let now = clock::now();
        for (packet, &length) in self.packets.iter().zip(&lengths).take(count) {
            let reply = &packet[..length];
            match query::id(reply).and_then(|id| lane.window.give_back(id)) {
                Some(sent) if expected.is_met_by(reply) => {
                    tally.answered += 1;
                    if let Some(latencies) = &mut latencies {
                        latencies.push(clock::nanoseconds(now.duration_since(sent)));
                    }
                }
                _ => tally.wrong += 1,
            }
        }
        Ok(())
    }
}

/// Whether the error says only "not now", or that the server is not there yet.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | ConnectionRefused)
}

/// Where queries come from.
const CLIENT: [u8; 4] = [127, 35, 0, 1];

/// Later answers are none.
const IN_TIME: Duration = Duration::from_millis(250);

/// How often the load looks for queries that have waited too long.
const SWEEP: Duration = Duration::from_millis(50);

/// Replies that are taken by one call.
const BATCH: usize = 32;

/// Queries that are sent by one call when the load is paced; the kernel segments up to 64.
const BURST: usize = 32;

/// How long to sleep when there is nothing to hurry for.
const NAP: Duration = Duration::from_micros(200);

/// Octets of a reply at most.
const REPLY: usize = 1232;

/// Octets, so that no reply is lost on our side of the way.
const RECEIVE_BUFFER: usize = 4 << 20;
