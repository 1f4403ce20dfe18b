//! DNS over TLS (RFC 7858): handshakes, limits, and certificates that change. The certificates are
//! those of `probe_tls`; both have the same key.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hickory_proto::rr::RecordType;
use pointsman::{
    config::{DnsConfig, TcpConfig, TlsListenConfig},
    dns::{BindError, CertificateError, bind},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    client::{PATIENCE, Reply, ask, framed},
    fixture::Fixture,
};

const FIRST: &[u8] = include_bytes!("../tls/server.pem");
const SECOND: &[u8] = include_bytes!("../tls/self_signed.pem");
const KEY: &[u8] = include_bytes!("../tls/server.key");

/// A folder with the certificate and its key.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().expect("a temporary folder"));
        files.write("server.pem", FIRST);
        files.write("server.key", KEY);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces the file as a careful tool does: by another one.
    fn write(&self, name: &str, content: &[u8]) {
        let new = self.path("new");
        fs::write(&new, content).expect("a file can be written");
        fs::rename(new, self.path(name)).expect("a file can be renamed");
    }

    /// A server on `host` with these files.
    fn config(&self, host: &str, tcp: TcpConfig) -> DnsConfig {
        let address: SocketAddr = format!("{host}:0").parse().expect("an address");
        let tls = TlsListenConfig {
            listen: vec![address],
            certificate_file: self.path("server.pem"),
            key_file: self.path("server.key"),
        };
        DnsConfig { tls: Some(tls), tcp, ..DnsConfig::on(vec![address], 1) }
    }

    fn serve(&self, host: &str) -> (Fixture, SocketAddr) {
        let fixture = Fixture::with(&self.config(host, TcpConfig::default()));
        let address = fixture.server.tls_addresses()[0];
        (fixture, address)
    }
}

/// Takes any certificate, as long as the server has its key.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A client that speaks these versions and names these protocols.
fn client(versions: &[&'static SupportedProtocolVersion], protocols: &[&[u8]]) -> TlsConnector {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("the provider knows them")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn handshake(
    connector: &TlsConnector,
    server: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server).await.expect("served");
    let name = ServerName::from(server.ip());
    timeout(PATIENCE, connector.connect(name, stream)).await.expect("in time")
}

async fn any_handshake(server: SocketAddr) -> TlsStream<TcpStream> {
    handshake(&client(&[&TLS13], &[b"dot"]), server).await.expect("a handshake")
}

/// The certificate that a new connection is shown.
async fn shown(server: SocketAddr) -> CertificateDer<'static> {
    let stream = any_handshake(server).await;
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone()
}

fn certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).expect("a certificate")
}

async fn question(stream: &mut TlsStream<TcpStream>, id: u16) {
    let octets = framed(&ask("db-write.internal.", RecordType::A).id(id).octets());
    stream.write_all(&octets).await.expect("an open connection");
    stream.flush().await.expect("an open connection");
}

async fn answer(stream: &mut TlsStream<TcpStream>, id: u16) {
    let read = async {
        let length = stream.read_u16().await.expect("a reply");
        let mut reply = vec![0; usize::from(length)];
        stream.read_exact(&mut reply).await.expect("a whole reply");
        Reply::parse(reply)
    };
    let reply = timeout(PATIENCE, read).await.expect("a reply in time");
    assert_eq!(reply.message.metadata.id, id);
    assert_eq!(reply.answers(), ["127.0.1.1"]);
}

#[tokio::test]
async fn questions_are_answered_by_both_versions_of_tls() {
    let files = Files::new();
    let (fixture, address) = files.serve("127.31.10.1");
    for (version, expected) in
        [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut stream = handshake(&client(&[version], &[b"dot"]), address).await.expect("served");
        let session = stream.get_ref().1;
        assert_eq!(session.protocol_version(), Some(expected));
        assert_eq!(session.alpn_protocol(), Some(&b"dot"[..]));
        for id in 0..100 {
            question(&mut stream, id).await;
        }
        for id in 0..100 {
            answer(&mut stream, id).await;
        }
        stream.shutdown().await.expect("an open connection");
        // The end comes as a message of TLS; without it this would be an error.
        assert_eq!(stream.read(&mut [0]).await.expect("a proper end"), 0);
    }
    let plain = ask("db-write.internal.", RecordType::A).tcp(fixture.address).await;
    assert_eq!(plain.answers(), ["127.0.1.1"]);
}

#[tokio::test]
async fn who_names_no_protocol_is_served_and_who_names_only_others_is_not() {
    let files = Files::new();
    let (_fixture, address) = files.serve("127.31.10.2");
    let mut stream = handshake(&client(&[&TLS13], &[]), address).await.expect("served");
    question(&mut stream, 1).await;
    answer(&mut stream, 1).await;
    let several = handshake(&client(&[&TLS13], &[b"h2", b"dot"]), address).await.expect("served");
    assert_eq!(several.get_ref().1.alpn_protocol(), Some(&b"dot"[..]));
    let refused = handshake(&client(&[&TLS13], &[b"h2"]), address).await.expect_err("no DNS");
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[tokio::test]
async fn new_handshakes_see_a_new_certificate_and_open_connections_go_on() {
    let files = Files::new();
    let (_fixture, address) = files.serve("127.31.10.3");
    let mut open = any_handshake(address).await;
    assert_eq!(shown(address).await, certificate(FIRST));
    files.write("server.pem", SECOND);
    see(address, SECOND).await;
    question(&mut open, 5).await;
    answer(&mut open, 5).await;
    // In place, too.
    fs::write(files.path("server.pem"), FIRST).expect("a file can be written");
    see(address, FIRST).await;
}

/// Waits until new connections are shown this certificate.
async fn see(server: SocketAddr, pem: &[u8]) {
    let expected = certificate(pem);
    let seen = async {
        while shown(server).await != expected {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE * 4, seen).await.expect("the certificate is read");
}

/// What is logged by the thread of a test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let octets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&octets).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_change_nothing_and_are_logged_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // A lone subscriber is taken for that of every thread: a test on another thread, which has
    // none, would switch the event off for all. A second one, though idle, has each asked.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    let files = Files::new();
    let (_fixture, address) = files.serve("127.31.10.4");
    files.write("server.pem", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    let logged = async {
        while !log.text().contains("the old one stays in use") {
            assert_eq!(shown(address).await, certificate(FIRST));
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE * 4, logged).await.expect("the log says so");
    assert_eq!(shown(address).await, certificate(FIRST));
    // And from there to a good one.
    files.write("server.pem", SECOND);
    see(address, SECOND).await;
    let text = log.text();
    assert_eq!(text.matches("the old one stays in use").count(), 1, "{text}");
    assert!(text.contains("server.pem is broken PEM"), "{text}");
    assert_eq!(text.matches("new certificate for DNS over TLS file=").count(), 1, "{text}");
}

#[tokio::test]
async fn a_start_without_a_usable_certificate_is_refused_with_advice() {
    let files = Files::new();
    let fixture = Fixture::start("127.31.10.5");
    let config = files.config("127.31.10.6", TcpConfig::default());
    let try_bind = || match bind(&config, &fixture.publisher.reader()) {
        Err(BindError::Certificate(error)) => error,
        other => panic!("{other:?}"),
    };
    let other_key = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls/other.key");
    for (name, content, expected) in [
        ("server.pem", &b"no PEM"[..], "holds no certificate; it needs the server's own first"),
        ("server.pem", KEY, "holds no certificate"),
        ("server.pem", b"-----BEGIN CERTIFICATE-----\n", "is broken PEM"),
        ("server.key", FIRST, "holds no private key that can be read without a passphrase"),
        ("server.key", &fs::read(other_key).expect("a key"), "does not belong to the first"),
    ] {
        let good = fs::read(files.path(name)).expect("it was written");
        files.write(name, content);
        let error = try_bind();
        assert!(error.to_string().contains(expected), "{error}");
        files.write(name, &good);
    }
    fs::remove_file(files.path("server.key")).expect("it was written");
    let error = try_bind();
    assert!(matches!(error, CertificateError::Unreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("server.key: No such file"), "{error}");
}

/// Time is paused: it runs ahead while nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn who_does_not_finish_the_handshake_or_is_silent_after_it_is_left() {
    let files = Files::new();
    let (_fixture, address) = files.serve("127.31.10.7");
    let idle = TcpConfig::default().idle_timeout;
    let started = Instant::now();
    let mut silent = TcpStream::connect(address).await.expect("served");
    let mut begun = TcpStream::connect(address).await.expect("served");
    begun.write_all(&[22, 3, 1, 0, 200]).await.expect("an open connection");
    let mut idling = any_handshake(address).await;
    assert_eq!(idling.read(&mut [0]).await.expect("a proper end"), 0);
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0);
    assert_eq!(begun.read(&mut [0]).await.unwrap_or(0), 0);
    let open_for = started.elapsed();
    assert!(open_for >= idle && open_for < idle * 2, "{open_for:?}");
}

#[tokio::test]
async fn handshakes_count_among_the_connections() {
    let files = Files::new();
    let tcp = TcpConfig { max_connections_per_client: 2, ..TcpConfig::default() };
    let fixture = Fixture::with(&files.config("127.31.10.8", tcp));
    let address = fixture.server.tls_addresses()[0];
    let mut first = TcpStream::connect(address).await.expect("served");
    let mut second = any_handshake(address).await;
    question(&mut second, 1).await;
    answer(&mut second, 1).await;
    // By plain TCP: the places are the same.
    let reply = ask("db-write.internal.", RecordType::A).tcp(fixture.address).await;
    assert_eq!(reply.answers(), ["127.0.1.1"]);
    let end = timeout(PATIENCE, first.read(&mut [0])).await.expect("closed in time");
    assert_eq!(end.unwrap_or(0), 0);
    question(&mut second, 2).await;
    answer(&mut second, 2).await;
}
