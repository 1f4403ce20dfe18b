//! The proxy's conduct, as a client of an echo server sees it.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use super::{Conduct, Cut, FaultProxy};

/// A server that says every word twice.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::new(127, 42, 0, 11), 0)).expect("an address");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut word = [0; 64];
                while let Ok(length @ 1..) = client.read(&mut word) {
                    let said = client.write_all(&word[..length]);
                    if said.and_then(|()| client.write_all(&word[..length])).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

fn proxy() -> FaultProxy {
    FaultProxy::start((Ipv4Addr::new(127, 42, 0, 12), 0).into(), echo())
}

fn client(proxy: &FaultProxy) -> io::Result<TcpStream> {
    let client = TcpStream::connect(proxy.address())?;
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(client)
}

/// Says `word` and hears `length` octets.
fn say(client: &mut TcpStream, word: &[u8], length: usize) -> io::Result<Vec<u8>> {
    client.write_all(word)?;
    let mut heard = vec![0; length];
    client.read_exact(&mut heard)?;
    Ok(heard)
}

fn silence(client: &mut TcpStream) -> bool {
    client.set_read_timeout(Some(Duration::from_millis(100))).expect("a duration");
    let heard = client.read(&mut [0; 64]);
    client.set_read_timeout(Some(Duration::from_secs(5))).expect("a duration");
    heard.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn what_is_passed_comes_out_as_it_went_in() {
    let proxy = proxy();
    let mut one = client(&proxy).expect("it listens");
    assert_eq!(say(&mut one, b"abc", 6).expect("an echo"), b"abcabc");
    proxy.set(Conduct::Silence);
    one.write_all(b"def").expect("it is not closed");
    assert!(silence(&mut one));
    let mut two = client(&proxy).expect("it accepts");
    two.write_all(b"def").expect("it is not closed");
    assert!(silence(&mut two));
    proxy.set(Conduct::Pass);
    assert_eq!(say(&mut one, b"", 6).expect("what was kept back"), b"defdef");
}

#[test]
fn a_conduct_may_be_for_new_connections_only() {
    let proxy = proxy();
    let mut old = client(&proxy).expect("it listens");
    assert_eq!(say(&mut old, b"a", 2).expect("an echo"), b"aa");
    proxy.set_for_new(Conduct::Close(Cut::Fin));
    let mut new = client(&proxy).expect("it accepts");
    assert_eq!(new.read(&mut [0; 9]).expect("FIN"), 0);
    assert_eq!(say(&mut old, b"b", 2).expect("an echo"), b"bb");
    proxy.set(Conduct::Close(Cut::Reset));
    let reset = old.read(&mut [0; 9]).expect_err("RST");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_delay_and_a_trickle_take_their_time_and_lose_nothing() {
    let proxy = proxy();
    let mut client = client(&proxy).expect("it listens");
    let took = |client: &mut TcpStream, word: &[u8]| {
        let began = Instant::now();
        let heard = say(client, word, 2 * word.len()).expect("an echo");
        assert_eq!(heard, [word, word].concat());
        began.elapsed()
    };
    let (by, jitter) = (Duration::from_millis(200), Duration::from_millis(50));
    proxy.set(Conduct::Delay { by, jitter });
    assert!(took(&mut client, b"late") >= by - jitter);
    let pause = Duration::from_millis(30);
    proxy.set(Conduct::Trickle(pause));
    assert!(took(&mut client, b"drops") >= 10 * pause);
    proxy.set(Conduct::Trickle(Duration::from_secs(3600)));
    client.write_all(b"x").expect("it is not closed");
    assert!(silence(&mut client));
    proxy.set(Conduct::Pass);
    assert_eq!(say(&mut client, b"", 2).expect("orders count at once"), b"xx");
}

#[test]
fn a_cut_comes_in_the_middle() {
    let proxy = proxy();
    for by in [Cut::Fin, Cut::Reset] {
        proxy.set(Conduct::Cut { after: 5, by });
        let mut client = client(&proxy).expect("it listens");
        assert_eq!(say(&mut client, b"abc", 5).expect("a part"), b"abcab");
        match (by, client.read(&mut [0; 9])) {
            (Cut::Fin, Ok(0)) => {}
            (Cut::Reset, Err(error)) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            (by, heard) => panic!("{by:?}: {heard:?}"),
        }
    }
}

#[test]
fn a_closed_port_refuses_and_opens_again() {
    let proxy = proxy();
    let mut open = client(&proxy).expect("it listens");
    assert_eq!(say(&mut open, b"a", 2).expect("an echo"), b"aa");
    proxy.set(Conduct::Refuse);
    crate::patience::until("its port is closed", || client(&proxy).is_err());
    assert_eq!(say(&mut open, b"b", 2).expect("what is open goes on"), b"bb");
    proxy.set(Conduct::RefuseSome(50));
    let (mut refused, mut accepted) = (0, 0);
    crate::patience::until("both happen", || {
        match client(&proxy) {
            Ok(_) => accepted += 1,
            Err(error) => refused += u32::from(error.kind() == ErrorKind::ConnectionRefused),
        }
        refused > 3 && accepted > 3
    });
    proxy.set(Conduct::Pass);
    crate::patience::until("its port is open", || client(&proxy).is_ok());
}

#[test]
fn somebody_else_may_answer() {
    let proxy = proxy();
    proxy.set(Conduct::Garbage);
    let mut one = client(&proxy).expect("it listens");
    assert_eq!(say(&mut one, b"", 64).expect("unasked")[..2], [0x07, 0xff]);
    assert_eq!(say(&mut one, b"hello", 64).expect("a reply")[..2], [0x07, 0xff]);
    proxy.set(Conduct::Http);
    let mut two = client(&proxy).expect("it listens");
    assert_eq!(say(&mut two, b"hello", 8).expect("a reply"), b"HTTP/1.1");
}

#[test]
fn a_dead_server_ends_its_connections_and_a_dropped_proxy_all() {
    let nobody = (Ipv4Addr::new(127, 42, 0, 13), 9).into();
    let proxy = FaultProxy::start((Ipv4Addr::new(127, 42, 0, 12), 0).into(), nobody);
    let mut one = client(&proxy).expect("it listens");
    assert_eq!(one.read(&mut [0; 9]).expect_err("RST").kind(), ErrorKind::ConnectionReset);
    proxy.set(Conduct::Silence);
    let mut two = client(&proxy).expect("it listens");
    assert!(silence(&mut two));
    let address = proxy.address();
    drop(proxy);
    assert!(matches!(two.read(&mut [0; 9]), Ok(0) | Err(_)));
    assert!(TcpStream::connect(address).is_err());
}
