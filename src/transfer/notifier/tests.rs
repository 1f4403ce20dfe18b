//! Where NOTIFY leaves from, and where a signature begins.

use std::net::UdpSocket as Socket;

use tokio::{task::spawn_blocking, time::timeout};

use super::{
    super::{key::Key, seen::Seen, tsig::check, version::Version},
    *,
};
use crate::{
    answers::{
        Copied,
        sample::{self, name},
    },
    config::{KeyAlgorithm, KeyConfig, SecondaryConfig, TransferTransport},
};

#[test]
fn it_leaves_from_the_address_that_the_secondary_knows() {
    let listen: Vec<SocketAddr> =
        ["127.0.0.1:53", "10.0.0.2:53", "[fd00::2]:53"].map(|text| text.parse().unwrap()).into();
    for (to, from) in [
        ("127.0.0.9", "127.0.0.1:0"),
        ("10.0.0.53", "10.0.0.2:0"),
        ("fd00::53", "[fd00::2]:0"),
        ("::1", "[fd00::2]:0"),
    ] {
        assert_eq!(source(to.parse().unwrap(), &listen).to_string(), from, "{to}");
    }
    let any = ["0.0.0.0:53".parse().unwrap()];
    assert_eq!(source("10.0.0.53".parse().unwrap(), &any).to_string(), "0.0.0.0:0");
    assert_eq!(source("fd00::53".parse().unwrap(), &any).to_string(), "[::]:0");
}

#[test]
fn the_last_record_of_a_message_is_found() {
    let mut message = vec![0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 1];
    message.extend(b"\x01a\0\0\x06\0\x01");
    message.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04\x0a\0\0\x01");
    let start = message.len();
    message.extend(b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\x03abc");
    assert_eq!(last_record(&message), Some(start));
    for end in 0..message.len() {
        assert_eq!(last_record(&message[..end]), None, "{end}");
    }
    message.push(0);
    assert_eq!(last_record(&message), None, "an octet too many");
}

/// A secondary that is played by hand, and its notifier.
struct Played {
    socket: Socket,
    latest: watch::Sender<Option<Latest>>,
    seen: Seen,
    key: Key,
}

impl Played {
    fn new(address: &str) -> Self {
        Self::told_every(address, None)
    }

    fn told_every(address: &str, notify_every: Option<Duration>) -> Self {
        let socket = Socket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let key = Arc::new(KeyConfig {
            name: name("k."),
            algorithm: KeyAlgorithm::HmacSha256,
            secret: (*b"0123456789abcdef").into(),
            secret_file: "k".into(),
        });
        let config = SecondaryConfig {
            name: "ns3".into(),
            address: address.parse().unwrap(),
            port: socket.local_addr().unwrap().port(),
            key: Some(Arc::clone(&key)),
            transport: TransferTransport::Tcp,
            notify: true,
            notify_every,
        };
        let (seen, origin) = (Seen::default(), name("internal."));
        let sight = seen.of(&origin, &config);
        let key = Key::new(&key);
        let places = Arc::new(tokio::sync::Semaphore::new(1));
        let secondary = Arc::new(Secondary { config, key: Some(key.clone()), places });
        let latest = watch::Sender::new(None);
        let notifier = Notifier::new(&origin, secondary, &[], latest.subscribe(), sight);
        tokio::spawn(notifier.run());
        Self { socket, latest, seen, key }
    }

    /// Publishes this serial.
    fn publish(&self, serial: u32) {
        let copied = Copied { services: true, servers: true };
        let table = sample::table(&sample::healthy());
        let soa = Version::of(&table, &name("internal."), copied).unwrap().soa;
        self.latest.send_replace(Some(Latest { serial, soa, since: Instant::now() }));
    }

    /// The next message with this opcode, and who sent it.
    async fn next(&self, opcode: u8) -> (Vec<u8>, SocketAddr) {
        let socket = self.socket.try_clone().unwrap();
        let received = spawn_blocking(move || {
            loop {
                let mut buffer = [0; 1024];
                let (octets, from) = socket.recv_from(&mut buffer).expect("a message in time");
                if buffer[2] >> 3 & 15 == opcode {
                    return (buffer[..octets].to_vec(), from);
                }
            }
        });
        received.await.unwrap()
    }

    /// Answers a NOTIFY, signed by who has the key.
    fn welcome(&self, (message, from): &(Vec<u8>, SocketAddr)) {
        let start = last_record(message).unwrap();
        let now = clock::unix_seconds();
        let mut signer = check(message, start, [&self.key], now).unwrap();
        let mut reply = unsigned_reply(message);
        signer.sign(&mut reply, now);
        self.socket.send_to(&reply, from).unwrap();
    }

    /// Answers a question for the SOA.
    fn say(&self, (message, from): &(Vec<u8>, SocketAddr), serial: u32) {
        let mut reply = message.clone();
        reply[2] |= 0x84;
        reply[7] = 1;
        reply.extend(b"\xc0\x0c\0\x06\0\x01\0\0\0\x01\0\x16\0\0");
        reply.extend(serial.to_be_bytes());
        reply.extend([0; 16]);
        self.socket.send_to(&reply, from).unwrap();
    }

    /// Passes over the messages that have arrived.
    fn forget_what_came(&self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 1024]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
    }

    async fn until(&self, what: impl Fn(&super::super::SecondaryView) -> bool) {
        let level = async {
            while !what(&self.seen.views()[0]) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), level).await.expect("seen in time");
    }
}

/// The header and the question of a NOTIFY as a reply.
fn unsigned_reply(message: &[u8]) -> Vec<u8> {
    let mut reply = message[..12 + 14].to_vec();
    reply[2] |= 0x80;
    reply[6..12].copy_from_slice(&[0; 6]);
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_until_it_answers_and_asked_until_it_is_level() {
    let played = Played::new("127.38.30.1");
    played.publish(7);
    let first = played.next(4).await;
    let again = played.next(4).await;
    assert_ne!(first.0[..2], again.0[..2], "another message, signed anew");
    played.welcome(&again);
    played.say(&played.next(0).await, 6);
    played.until(|view| view.serial == Some(6) && view.lag > Duration::ZERO).await;
    played.say(&played.next(0).await, 7);
    played.until(|view| view.serial == Some(7) && view.lag == Duration::ZERO).await;
    // Another primary is ahead: nothing that it lacks.
    played.publish(5);
    played.until(|view| view.ours == Some(5) && view.lag == Duration::ZERO).await;
}

/// Our usual switchover is two changes.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_change_is_told_as_soon_as_the_first_is_answered() {
    let played = Played::new("127.38.30.2");
    played.publish(7);
    let first = played.next(4).await;
    played.publish(8);
    played.until(|view| view.ours == Some(8)).await;
    played.welcome(&first);
    let second = played.next(4).await;
    assert_ne!(first.0[..2], second.0[..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_welcome_ends_nothing_and_a_refusal_is_told() {
    let played = Played::new("127.38.30.3");
    played.publish(7);
    let (message, from) = played.next(4).await;
    played.socket.send_to(&unsigned_reply(&message), from).unwrap();
    // The notifier may have sent another before it hears the refusal of this one.
    let is_refused =
        || matches!(played.seen.views()[0].fault, Some(SecondaryFault::NotifyRefused(_)));
    for _ in 0..5 {
        let (message, from) = played.next(4).await;
        let mut refused = unsigned_reply(&message);
        refused[3] |= 5;
        played.socket.send_to(&refused, from).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        if is_refused() {
            return;
        }
    }
    panic!("five refusals were not told: {:?}", played.seen.views());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_distant_secondary_is_level_by_its_answer_to_an_earlier_question() {
    let played = Played::new("127.38.30.6");
    played.publish(7);
    played.welcome(&played.next(4).await);
    let first = played.next(0).await;
    for _ in 0..3 {
        played.next(0).await;
    }
    played.say(&first, 7);
    played.until(|view| view.lag == Duration::ZERO && view.serial == Some(7)).await;
    // One of the time before it says nothing new: a question is answered once.
    played.say(&first, 6);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(played.seen.views()[0].serial, Some(7));
}

/// Knot DNS passes over NOTIFY in the second in which it looks by itself, and over one that names a serial that it has.
#[tokio::test(flavor = "multi_thread")]
async fn who_wants_it_is_told_again_without_a_serial() {
    let played = Played::told_every("127.38.30.4", Some(Duration::from_millis(200)));
    played.publish(7);
    let first = played.next(4).await;
    assert_eq!(first.0[7], 1, "a change names its SOA");
    played.welcome(&first);
    played.say(&played.next(0).await, 7);
    played.until(|view| view.serial == Some(7) && view.lag == Duration::ZERO).await;
    played.forget_what_came();
    for _ in 0..3 {
        let again = played.next(4).await;
        assert_eq!(again.0[6..8], [0, 0], "no SOA is named");
        played.welcome(&again);
    }
    played.publish(8);
    let change = loop {
        let told = played.next(4).await;
        played.welcome(&told);
        if told.0[7] == 1 {
            break told;
        }
    };
    assert_ne!(change.0[..2], first.0[..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_level_is_left_alone() {
    let played = Played::new("127.38.30.5");
    played.publish(7);
    played.welcome(&played.next(4).await);
    played.say(&played.next(0).await, 7);
    played.until(|view| view.lag == Duration::ZERO && view.serial == Some(7)).await;
    played.forget_what_came();
    played.socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut buffer = [0; 1024];
    let told_again = std::iter::from_fn(|| played.socket.recv(&mut buffer).ok().map(|_| buffer[2]))
        .any(|flags| flags >> 3 & 15 == 4);
    assert!(!told_again);
}
