//! Admin clients that mean harm: DNS does not notice, and honest ones are served.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::Duration,
};

use hickory_proto::rr::RecordType;

use crate::{
    admin::{OFTEN, Scene, Served, http},
    dns::client::{Reply, ask},
    patience::until,
};

/// Whether both names are answered with their first servers.
fn is_well(scene: &Scene, served: &Served) -> bool {
    ["orders.internal.", "billing.internal."].iter().zip([0, 2]).all(|(name, first)| {
        answers(served.dns, name) == [scene.servers[first].address.ip().to_string()]
    })
}

/// The addresses of `name`.
pub(super) fn answers(server: std::net::SocketAddr, name: &str) -> Vec<String> {
    let socket = std::net::UdpSocket::bind("127.33.255.1:0").expect("a local port");
    socket.connect(server).expect("loopback");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket option");
    let mut buffer = [0; 2048];
    // A lost packet is asked again.
    for _ in 0..10 {
        let question = ask(name, RecordType::A);
        if socket.send(&question.octets()).is_ok()
            && let Ok(length) = socket.recv(&mut buffer)
        {
            return Reply::parse(buffer[..length].to_vec()).answers();
        }
    }
    panic!("no answer by UDP")
}

#[test]
fn half_open_and_slow_clients_disturb_nobody() {
    let scene = Scene::new("127.33.4", OFTEN);
    let served = scene.serve(&[]);
    let files = served.service.open_files();
    let beginnings = [
        "",
        "GET /healthz HT",
        "GET /healthz HTTP/1.1\r\nHost: a\r\n",
        "POST /v1/hint HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{\"clu",
        "POST /v1/hint HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cl",
    ];
    let mut idle: Vec<Box<dyn Write>> = Vec::new();
    for (number, beginning) in beginnings.iter().cycle().take(500).enumerate() {
        let mut stream: Box<dyn Write> = match number % 2 {
            0 => Box::new(TcpStream::connect(served.http).expect("it listens")),
            _ => Box::new(UnixStream::connect(&served.socket).expect("it listens")),
        };
        // The oldest have had to go.
        let _ = stream.write_all(beginning.as_bytes());
        idle.push(stream);
        if number % 50 == 0 {
            assert!(is_well(&scene, &served), "a name has changed");
        }
    }
    until("no more files are open than there are places", || {
        served.service.open_files() <= files + 2 * 64 + 16
    });
    let before = scene.asked();
    for _ in 0..20 {
        assert_eq!(served.get("/healthz").status, 200);
        assert_eq!(served.get("/readyz").status, 200);
        let (head, body) = http::hint("orders");
        assert_eq!(http::over_unix(&served.socket, &head, &body).status, 202);
        // One octet of each, every now and then, wins nobody time.
        idle.iter_mut().for_each(|stream| _ = stream.write_all(b"x"));
        assert!(is_well(&scene, &served), "a name has changed");
    }
    until("the probes go on", || {
        scene.asked().iter().zip(before).all(|(now, before)| *now > before + 3)
    });
    until("all of them are shown out", || served.service.open_files() <= files + 16);
    assert_eq!(served.service.stop().code, Some(0));
}

#[test]
fn what_is_no_http_is_refused() {
    let scene = Scene::new("127.33.5", OFTEN);
    let served = scene.serve(&[]);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1_000));
    for garbage in ["\x16\x03\x01\x02\0\x01", "hello\r\n\r\n", "GET / HTTP/9\r\n\r\n", &long, &many]
    {
        let answer = http::over_tcp(served.http, garbage, b"");
        assert!([0, 400, 414, 431].contains(&answer.status), "{answer:?}");
    }
    // One connection, one request.
    let twice = http::head("GET", "/healthz", 0).repeat(2);
    let mut stream = TcpStream::connect(served.http).expect("it listens");
    stream.write_all(twice.as_bytes()).expect("an open connection");
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    assert_eq!(text.matches("HTTP/1.1 200").count(), 1, "{text}");
    assert!(text.contains("connection: close"), "{text}");
    assert!(is_well(&scene, &served));
    assert_eq!(served.service.stop().code, Some(0));
}
