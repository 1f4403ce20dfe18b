//! A log that nobody reads or that cannot be written: standard error is a pipe or a disk that is full.

use std::{
    fs::OpenOptions,
    io::Read,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
};

use rustix::{
    pipe::fcntl_setpipe_size,
    process::{Pid, Signal, kill_process},
};

use crate::{
    admin::{hostile::answers, http},
    patience::{PATIENCE, poll, until},
    process::Settings,
};

/// Killed when a test fails.
struct Unheard(Child);

impl Drop for Unheard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every change goes through the driver, which logs it, and answers follow nevertheless.
#[test]
fn answers_follow_the_servers_when_nobody_reads_the_log() {
    let dns = free_address();
    let second = TcpListener::bind("127.33.15.3:0").expect("a free port");
    let port = second.local_addr().expect("bound").port();
    let first = SocketAddr::from(([127, 33, 15, 2], port));
    let text = format!(
        "[dns]\nlisten = [\"{dns}\"]\n\
         [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
         [admin]\nsocket = \"admin.sock\"\n\
         [[cluster]]\nname = \"orders\"\nengine = \"tcp\"\n\
         write = {{ name = \"orders.internal.\", failback = \"preferred\", flap_block = \"0s\" }}\n\
         probe = {{ interval = \"100ms\", fast_interval = \"100ms\", timeout = \"500ms\", \
                    rise = 1 }}\n\
         server = [{{ name = \"db1\", address = \"127.33.15.2\", port = {port} }}, \
                   {{ name = \"db2\", address = \"127.33.15.3\", port = {port} }}]\n"
    );
    let settings = Settings::new(&text, "");
    let mut child = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(["serve", "--config", &settings.file()])
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map(Unheard)
        .expect("the binary was built");
    let mut log = child.0.stderr.take().expect("a pipe");
    // A page: some ten lines.
    let size = fcntl_setpipe_size(&log, 4096).expect("a pipe may shrink");
    let socket = settings.folder().join("admin.sock");
    until("it answers", || socket.exists() && answers(dns, "orders.internal.") == ["127.33.15.3"]);
    for _ in 0..20 {
        let listener = TcpListener::bind(first).expect("the port is free there");
        until("the first server is taken", || answers(dns, "orders.internal.") == ["127.33.15.2"]);
        drop(listener);
        until("the second server is taken", || answers(dns, "orders.internal.") == ["127.33.15.3"]);
    }
    let ready = http::over_unix(&socket, &http::head("GET", "/readyz", 0), b"");
    assert_eq!(ready.status, 200, "{ready:?}");
    kill_process(Pid::from_child(&child.0), Signal::TERM).expect("it runs");
    let code = poll(PATIENCE, || child.0.try_wait().expect("a child"));
    assert_eq!(code.and_then(|status| status.code()), Some(0), "it ends all the same");
    let mut left = Vec::new();
    log.read_to_end(&mut left).expect("the rest of the log");
    assert!(left.len() * 2 > size, "the pipe was full: {} of {size}", left.len());
}

/// Lines that the disk does not take are counted, and the status says so, for the log cannot.
#[test]
fn lines_that_cannot_be_written_are_counted_and_told_by_the_status() {
    let dns = free_address();
    let text = format!(
        "[dns]\nlisten = [\"{dns}\"]\n\
         [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
         [admin]\nsocket = \"admin.sock\"\n\
         [[cluster]]\nname = \"orders\"\nengine = \"tcp\"\n\
         write = {{ name = \"orders.internal.\" }}\n\
         server = [{{ name = \"db1\", address = \"127.33.15.2\", port = 1 }}]\n"
    );
    let settings = Settings::new(&text, "");
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let _service = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(["serve", "--config", &settings.file()])
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(full)
        .spawn()
        .map(Unheard)
        .expect("the binary was built");
    let socket = settings.folder().join("admin.sock");
    until("it listens", || UnixStream::connect(&socket).is_ok());
    let get = |path| http::over_unix(&socket, &http::head("GET", path, 0), b"").body;
    until("lines are counted", || {
        let metrics = get("/metrics");
        let mut samples = metrics.lines();
        samples.any(|line| {
            let lost = line.strip_prefix("pointsman_log_lines_lost_total ");
            lost.and_then(|lost| lost.parse::<f64>().ok()).is_some_and(|lost| lost > 0.0)
        })
    });
    let status = get("/v1/status");
    assert!(status.contains("lines of the log are lost (No space left on device"), "{status}");
}

/// An address whose port is free for both transports.
fn free_address() -> SocketAddr {
    let udp = UdpSocket::bind("127.33.15.1:0").expect("a free port");
    let address = udp.local_addr().expect("bound");
    TcpListener::bind(address).expect("free for TCP, too");
    address
}
