//! Tells one secondary of each change of one zone (NOTIFY, RFC 1996), and asks it until it says the same.
//!
//! A NOTIFY is sent again until it is answered. An answer proves nothing: the secondary's own SOA
//! does. While it is an old one, it is asked again, and told again now and then.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{LowerName, RData},
};
use tokio::{
    net::UdpSocket,
    select,
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    offer::Secondary,
    secondary_fault::SecondaryFault,
    seen::Sight,
    tsig::{Expected, TsigRefusal, sign_request},
    version::is_later,
    wire::{Body, Head, RecordOctets, last_record, name_octets, packed},
};
use crate::clock;

/// The newest version of a zone.
#[derive(Clone, Debug)]
pub struct Latest {
    /// Its serial.
    pub serial: u32,
    /// Its SOA record.
    pub soa: RecordOctets,
    /// Since when it is offered.
    pub since: Instant,
}

/// Tells one secondary.
pub struct Notifier {
    origin: LowerName,
    question: Box<[u8]>,
    secondary: Arc<Secondary>,
    from: SocketAddr,
    to: SocketAddr,
    latest: watch::Receiver<Option<Latest>>,
    sight: Sight,
    /// The NOTIFY that was sent last.
    told: Option<Told>,
    /// Whether that was of the newest version.
    is_told: bool,
    /// How often it was told of this serial without an answer.
    attempts: u32,
    /// How often it has answered and then was told of this serial again.
    told_anew: u32,
    /// Whether it said our serial when it was asked last.
    is_level: bool,
    /// When it is told next.
    tell_at: Option<Instant>,
    /// The questions that were sent last and have no answer, oldest first. A secondary may be further
    /// away than the time between two of them.
    asked: VecDeque<u16>,
    /// When the first question was sent that no answer has come after.
    unanswered_since: Option<Instant>,
    /// When it is asked next, and how long after that again.
    ask_at: Instant,
    ask_after: Duration,
}

/// A NOTIFY on its way.
struct Told {
    id: u16,
    at: Instant,
    expected: Option<Expected>,
    is_answered: bool,
}

impl Notifier {
    /// Of `secondary`, to be told of `latest`.
    pub fn new(
        origin: &LowerName,
        secondary: Arc<Secondary>,
        listen: &[SocketAddr],
        latest: watch::Receiver<Option<Latest>>,
        sight: Sight,
    ) -> Self {
        let config = &secondary.config;
        let question = [&name_octets(origin)[..], &[0, 6, 0, 1]].concat();
        Self {
            origin: origin.clone(),
            question: question.into(),
            from: source(config.address, listen),
            to: SocketAddr::new(config.address, config.port),
            secondary,
            latest,
            sight,
            told: None,
            is_told: false,
            attempts: 0,
            told_anew: 0,
            is_level: false,
            tell_at: None,
            asked: VecDeque::new(),
            unanswered_since: None,
            ask_at: Instant::now(),
            ask_after: ASK_FIRST,
        }
    }

    /// Runs for ever. What the network refuses is tried again.
    pub async fn run(mut self) {
        loop {
            let socket = match UdpSocket::bind(self.from).await {
                Ok(socket) => socket,
                Err(error) => {
                    self.sight.failed(SecondaryFault::NoSocket(error.to_string().into()));
                    tokio::time::sleep(AFTER_ERROR).await;
                    continue;
                }
            };
            // Connected: nothing arrives but from there.
            if let Err(error) = socket.connect(self.to).await {
                self.sight.failed(SecondaryFault::Unreachable(error.to_string().into()));
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
            self.talk(&socket).await;
        }
    }

    async fn talk(&mut self, socket: &UdpSocket) {
        let mut buffer = [0; 4096];
        self.follow();
        loop {
            let tell_at = self.tell_at;
            select! {
                biased;
                changed = self.latest.changed() => match changed {
                    Ok(()) => self.follow(),
                    // The editor has left, and ends us.
                    Err(_) => std::future::pending().await,
                },
                received = socket.recv(&mut buffer) => match received {
                    Ok(octets) => self.hear(&buffer[..octets]),
                    // Nobody listens there: told by what is missing.
                    Err(_) => tokio::time::sleep(AFTER_REFUSAL).await,
                },
                () = sleep_until(tell_at.unwrap_or(self.ask_at)), if tell_at.is_some() => {
                    self.tell(socket).await;
                }
                () = sleep_until(self.ask_at) => self.ask(socket).await,
            }
        }
    }

    /// Takes in another version.
    fn follow(&mut self) {
        let Some((serial, since)) =
            self.latest.borrow_and_update().as_ref().map(|latest| (latest.serial, latest.since))
        else {
            return;
        };
        self.sight.published(serial, since);
        (self.is_told, self.is_level) = (false, false);
        (self.attempts, self.told_anew) = (0, 0);
        let now = Instant::now();
        // A secondary that still works on the last NOTIFY would take two for one.
        let unanswered = self.told.as_ref().filter(|told| !told.is_answered);
        let wait = unanswered.map(|told| told.at + FOR_AN_ANSWER).filter(|until| *until > now);
        self.tell_at = self.secondary.config.notify.then(|| wait.unwrap_or(now));
        self.ask_after = ASK_FIRST;
        self.ask_at = wait.unwrap_or(now) + ASK_FIRST;
    }

    async fn tell(&mut self, socket: &UdpSocket) {
        let Some(latest) = self.latest.borrow().clone() else { return };
        let id = rand::random();
        let head = Head { id, flags: NOTIFY | AA, question: self.question.clone() };
        // Who has this serial makes nothing of a NOTIFY that names it. The SOA is a hint (RFC 1996 section 3.7).
        let hint = if self.is_level { Body::default() } else { packed([&*latest.soa]).remove(0) };
        let mut message = head.message(&hint, &[]);
        let key = self.secondary.key.as_ref();
        let expected = key.map(|key| sign_request(key, &mut message, clock::unix_seconds()));
        let now = Instant::now();
        self.is_told = true;
        self.told = Some(Told { id, at: now, expected, is_answered: false });
        self.tell_at = Some(now + TELL_AGAIN.saturating_mul(1 << self.attempts.min(7)));
        self.attempts = self.attempts.saturating_add(1);
        self.send(socket, &message).await;
    }

    async fn ask(&mut self, socket: &UdpSocket) {
        let id = rand::random();
        let head = Head { id, flags: 0, question: self.question.clone() };
        let message = head.message(&Body::default(), &[]);
        let now = Instant::now();
        let since = *self.unanswered_since.get_or_insert(now);
        if self.asked.len() >= SILENT_QUESTIONS && now - since >= SILENT_TIME {
            self.sight.failed(SecondaryFault::Silent);
        }
        if self.asked.len() == ASKED_MOST {
            self.asked.pop_front();
        }
        self.asked.push_back(id);
        self.ask_at = now + self.ask_after;
        self.ask_after = (self.ask_after * 2).min(ASK_LAST);
        self.send(socket, &message).await;
    }

    async fn send(&self, socket: &UdpSocket, message: &[u8]) {
        if let Err(error) = socket.send(message).await
            && error.kind() != io::ErrorKind::ConnectionRefused
        {
            self.sight.failed(SecondaryFault::Unreachable(error.to_string().into()));
        }
    }

    /// Takes in a message of the secondary's.
    fn hear(&mut self, octets: &[u8]) {
        let Ok(message) = Message::from_vec(octets) else { return };
        let is_reply = octets.len() > 2 && octets[2] & 0x80 != 0;
        match octets.get(2).map(|flags| flags >> 3 & 15) {
            Some(0) if is_reply && self.is_answered(message.id) => self.hear_soa(&message),
            Some(4) if is_reply => self.hear_told(&message, octets),
            _ => {}
        }
    }

    /// The answer to a NOTIFY ends telling, until it turns out to have been of no use.
    fn hear_told(&mut self, message: &Message, octets: &[u8]) {
        let Some(told) = self.told.as_mut().filter(|told| told.id == message.id) else { return };
        let signed = told.expected.as_ref().is_none_or(|expected| {
            let start = last_record(octets);
            start.is_some_and(|start| expected.is_signed(octets, start, clock::unix_seconds()))
        });
        let code = message.response_code;
        // Who does not know our key cannot sign, and its word that it does not is all there is.
        if !signed && code == ResponseCode::NoError {
            return;
        }
        told.is_answered = true;
        let now = Instant::now();
        match code {
            ResponseCode::NoError => {
                self.sight.told(None);
                if self.is_level {
                    return self.rest(now);
                }
                self.ask_after = ASK_FIRST;
                self.ask_at = self.ask_at.min(now + ASK_FIRST);
            }
            code => self.sight.told(Some(refusal(code, message))),
        }
        // A change that came meanwhile has waited for this.
        let next = match self.is_told {
            true => now + TELL_AGAIN.saturating_mul(1 << self.told_anew.min(TOLD_ANEW_MOST)),
            false => now,
        };
        self.told_anew = self.told_anew.saturating_add(1);
        self.tell_at = self.tell_at.map(|_| next);
    }

    /// Whether this is the identifier of a question without an answer. It and those before it have
    /// one now.
    fn is_answered(&mut self, id: u16) -> bool {
        let Some(place) = self.asked.iter().position(|asked| *asked == id) else { return false };
        self.asked.drain(..=place);
        self.unanswered_since = None;
        true
    }

    fn hear_soa(&mut self, message: &Message) {
        let soa = message.answers.iter().find_map(|record| match &record.data {
            RData::SOA(soa) if LowerName::from(&record.name) == self.origin => Some(soa.serial),
            _ => None,
        });
        let ours = self.latest.borrow().as_ref().map(|latest| latest.serial);
        let fault = match (soa, ours, message.response_code) {
            (Some(soa), Some(ours), _) if is_later(soa, ours) => Some(SecondaryFault::Ahead),
            (Some(_), ..) => None,
            (None, _, ResponseCode::NoError) => Some(SecondaryFault::NoSoa),
            (None, _, code) => Some(SecondaryFault::SoaRefused(code)),
        };
        self.sight.answered(soa, fault);
        self.is_level = soa.is_some() && soa == ours;
        if self.is_level {
            let now = Instant::now();
            self.rest(now);
            self.ask_after = ASK_CALM;
            self.ask_at = now + ASK_CALM;
        }
    }

    /// Nothing is left to tell until the next change, but where it is told again all the same.
    fn rest(&mut self, now: Instant) {
        self.tell_at = self.secondary.config.notify_every.map(|every| now + every);
        self.attempts = 0;
    }
}

/// Why a NOTIFY was not welcome.
fn refusal(code: ResponseCode, message: &Message) -> SecondaryFault {
    match TsigRefusal::of(message) {
        Some(TsigRefusal::BadTime) => SecondaryFault::BadTime,
        Some(TsigRefusal::BadKey) => SecondaryFault::BadKey,
        Some(TsigRefusal::BadSignature) => SecondaryFault::BadSignature,
        None => SecondaryFault::NotifyRefused(code),
    }
}

/// The address that a secondary knows us by: the first that we listen on which may reach it.
fn source(to: IpAddr, listen: &[SocketAddr]) -> SocketAddr {
    let to = to.to_canonical();
    let fits = |ip: &IpAddr| {
        ip.is_ipv4() == to.is_ipv4()
            && !ip.is_unspecified()
            && (!ip.is_loopback() || to.is_loopback())
    };
    let ip = listen.iter().map(SocketAddr::ip).find(fits).unwrap_or_else(|| match to {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    });
    SocketAddr::new(ip, 0)
}

/// Opcode NOTIFY (RFC 1996 section 3.3).
const NOTIFY: u16 = 4 << 11;

/// NOTIFY comes from who has the authority (RFC 1996 section 3.8).
const AA: u16 = 0x0400;

/// A NOTIFY without an answer is sent again after so long, and after twice, four times, … so long.
const TELL_AGAIN: Duration = Duration::from_millis(250);

/// A NOTIFY with an answer is sent again after the same times, if the secondary still has not followed: one
/// that was busy with the change before may have taken it for that one's. The last time is two seconds.
const TOLD_ANEW_MOST: u32 = 3;

/// A NOTIFY waits so long for the answer to the one before.
const FOR_AN_ANSWER: Duration = Duration::from_millis(100);

/// The secondary is asked so soon after it was told, and ever more seldom.
const ASK_FIRST: Duration = Duration::from_millis(4);

/// A secondary that is behind is asked so often at last.
const ASK_LAST: Duration = Duration::from_millis(500);

/// A secondary that is up to date is asked so often.
const ASK_CALM: Duration = Duration::from_secs(5);

/// An answer to one of so many questions is taken: with `ASK_LAST` those of four seconds.
const ASKED_MOST: usize = 8;

/// A secondary is said to be silent that has answered none of so many questions, …
const SILENT_QUESTIONS: usize = 4;

/// … for so long: the first questions follow each other faster than a distant one can answer.
const SILENT_TIME: Duration = Duration::from_secs(1);

/// Pause after an error of the system's.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Pause after nobody was there.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
