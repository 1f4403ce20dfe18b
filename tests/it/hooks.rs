//! Hooks of the real binary: commands and webhooks are told of what happens to real sockets.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use crate::{
    admin::http::{head, over_unix},
    fake_postgres::Fake,
    patience::until,
    process::{Service, Settings, message},
};

const SECRET: &str = "Gr4nite-Otter-71";

/// Two servers without roles: when the first one goes, writes move to the second.
pub(crate) struct Scene {
    servers: [Fake; 2],
    /// For what hooks write.
    notes: TempDir,
    dns: String,
}

impl Scene {
    pub(crate) fn new(third_octet: u8) -> Self {
        let at = |last: u8| format!("127.57.{third_octet}.{last}");
        Self {
            servers: [11, 12].map(|last| Fake::start(&at(last), Vec::new())),
            notes: tempfile::tempdir().expect("a temporary folder"),
            dns: at(1),
        }
    }

    pub(crate) fn notes(&self) -> &Path {
        self.notes.path()
    }

    /// A hook that runs this script of the shell, in which `$1` is the folder of the notes.
    fn script(&self, name: &str, events: &str, script: &str, more: &str) -> String {
        let notes = self.notes().display();
        format!(
            "[[hook]]\nname = \"{name}\"\nevents = {events}\n\
             command = [\"/bin/sh\", \"-c\", '{script}', \"hook\", \"{notes}\"]\n{more}\n"
        )
    }

    pub(crate) fn settings(&self, hooks: &str) -> Settings {
        let dns = &self.dns;
        let socket = self.notes().join("admin.sock");
        let mut text = format!(
            r#"
[dns]
listen = ["{dns}:0"]

[admin]
socket = "{socket}"

[[zone]]
origin = "internal."
file = "internal.zone"

{hooks}
[[cluster]]
name = "orders"
engine = "tcp"
write = {{ name = "db-write.internal." }}

[cluster.probe]
interval = "200ms"
fast_interval = "100ms"
timeout = "1s"
"#,
            socket = socket.display()
        );
        for (number, server) in (1..).zip(&self.servers) {
            let (ip, port) = (server.address.ip(), server.address.port());
            write!(
                text,
                "[[cluster.server]]\nname = \"db{number}\"\naddress = \"{ip}\"\nport = {port}\n"
            )
            .expect("a string takes all");
        }
        Settings::new(&text, SECRET)
    }

    /// The first server goes.
    pub(crate) fn fail_over(self) -> TempDir {
        let Self { servers: [first, second], notes, .. } = self;
        drop(first);
        // It goes on for as long as the process under test.
        std::mem::forget(second);
        notes
    }

    fn asks(&self, method: &str, path: &str) -> Value {
        asks(self.notes(), method, path)
    }
}

pub(crate) fn asks(notes: &Path, method: &str, path: &str) -> Value {
    let (head, body): (_, &[u8]) = match method {
        "POST" => {
            let json = "Content-Type: application/json\r\nContent-Length";
            (head(method, path, 2).replace("Content-Length", json), b"{}")
        }
        _ => (head(method, path, 0), b""),
    };
    let answer = over_unix(&notes.join("admin.sock"), &head, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).expect("JSON")
}

/// What the service says has happened, of these kinds.
pub(crate) fn events(notes: &Path, kinds: &[&str]) -> Vec<Value> {
    let all = asks(notes, "GET", "/v1/events?limit=1000");
    let all = all["events"].as_array().expect("a list").iter();
    all.filter(|event| kinds.iter().any(|kind| event["kind"] == **kind)).cloned().collect()
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

pub(crate) fn wait_for_writes_at(service: &Service, server: &str) {
    service.wait_for_line("the write name is published", |line| {
        line["fields"]["event"] == "write" && line["fields"]["to"] == server
    });
}

pub(crate) fn says(service: &Service, words: &str) -> bool {
    let is_ours = |line: &Value| line["fields"]["event"] == "hook" && message(line).contains(words);
    service.log().iter().any(is_ours)
}

#[test]
fn a_command_is_told_of_each_event_once_and_in_order() {
    let scene = Scene::new(1);
    let script = "cat >> \"$1/json\"; env | grep ^POINTSMAN_ | sort >> \"$1/environment\"; \
                  env | wc -l >> \"$1/variables\"; pwd >> \"$1/folder\"";
    let kinds = ["write_changed", "server_state"];
    let both = "[\"write_changed\", \"server_state\"]";
    let failing = scene.script("fails", "[\"write_changed\"]", "echo no pool >&2; exit 3", "");
    let hooks = scene.script("pools", both, script, "clusters = [\"orders\"]") + &failing;
    let settings = scene.settings(&hooks);
    let (service, _) = Service::serve(&settings, &[("HOME", "/nowhere")]);
    wait_for_writes_at(&service, "db1");
    let notes = scene.fail_over();
    wait_for_writes_at(&service, "db2");
    let told = || -> Vec<Value> {
        let lines = lines(&notes.path().join("json"));
        lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let moved = |event: &Value| event["kind"] == "write_changed" && event["to"] == "db2";
    until("the hook is told of the move", || told().iter().any(moved));
    until("all is told", || told() == events(notes.path(), &kinds));
    until("the last call has ended", || lines(&notes.path().join("folder")).len() == told().len());
    let told = told();
    let environment = lines(&notes.path().join("environment"));
    assert_eq!(environment.len(), told.len() * 9);
    for (event, variables) in told.iter().zip(environment.chunks(9)) {
        let text = |key: &str| match &event[key] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let expected = [
            ("AT", "at"),
            ("CLUSTER", "cluster"),
            ("EVENT", "kind"),
            ("FROM", "from"),
            ("ID", "id"),
            ("NAME", "name"),
            ("REASON", "reason"),
            ("SERVER", "server"),
            ("TO", "to"),
        ];
        let expected = expected.map(|(name, key)| format!("POINTSMAN_{name}={}", text(key)));
        assert_eq!(variables, expected);
    }
    assert!(lines(&notes.path().join("folder")).iter().all(|folder| folder == "/"));
    // PATH, and what the shell adds by itself: PWD, OLDPWD, _.
    let most = lines(&notes.path().join("variables"));
    assert!(most.iter().all(|count| count.trim().parse::<u32>().expect("a number") <= 13));
    until("the failure is told", || says(&service, "exit status: 3: no pool"));
    // A run is counted when the command has ended, a moment after its last word.
    let mut status = Value::Null;
    until("all runs are counted", || {
        status = asks(notes.path(), "GET", "/v1/status");
        status["hooks"][0]["runs"] == json!(told.len())
    });
    let [pools, fails] = [0, 1].map(|hook| &status["hooks"][hook]);
    assert_eq!(pools["name"], "pools");
    assert_eq!((&pools["failures"], &pools["failing_since"]), (&json!(0), &json!(null)));
    assert_eq!(fails["runs"], fails["failures"], "{fails}");
    assert!(fails["failing_since"].is_string(), "{fails}");
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains("the hook fails fails since") && !warnings.contains("no pool"));
    assert_eq!(service.stop().code, Some(0));
}

#[test]
fn a_command_that_hangs_is_killed_with_its_children_and_later_events_come() {
    let scene = Scene::new(2);
    let script = "if mkdir \"$1/first\"; then echo stuck >&2; sleep 1000 & echo $! > \"$1/child\"; \
                  sleep 1000; fi; echo \"$POINTSMAN_TO\" >> \"$1/told\"";
    let hook = scene.script("hangs", "[\"write_changed\"]", script, "timeout = \"1s\"");
    let settings = scene.settings(&hook);
    let (service, _) = Service::serve(&settings, &[]);
    wait_for_writes_at(&service, "db1");
    until("it hangs", || !lines(&scene.notes().join("child")).is_empty());
    let child = lines(&scene.notes().join("child"))[0].clone();
    let notes = scene.fail_over();
    wait_for_writes_at(&service, "db2");
    until("it is killed", || says(&service, "was killed after 1s: stuck"));
    until("the later event comes", || {
        lines(&notes.path().join("told")).last().is_some_and(|to| to == "db2")
    });
    let is_gone = || match fs::read_to_string(format!("/proc/{child}/stat")) {
        // Nobody may have taken its leave of it yet.
        Ok(stat) => stat.contains(") Z "),
        Err(_) => true,
    };
    until("its child is killed, too", is_gone);
    assert_eq!(service.stop().code, Some(0));
}

#[test]
fn when_too_many_events_wait_the_oldest_are_dropped_and_the_log_says_so() {
    let scene = Scene::new(3);
    let script = "while ! [ -e \"$1/go\" ]; do sleep 0.05; done; echo $POINTSMAN_ID >> \"$1/told\"";
    let hook = scene.script("slow", "[\"config\"]", script, "timeout = \"5m\"");
    let settings = scene.settings(&hook);
    let (service, _) = Service::serve(&settings, &[]);
    for _ in 0..115 {
        scene.asks("POST", "/v1/reload");
    }
    let warnings = scene.asks("GET", "/v1/status")["warnings"].to_string();
    assert!(warnings.contains("the hook slow is too slow: 101 events wait"), "{warnings}");
    until("the log says so", || says(&service, "too many events wait"));
    fs::write(scene.notes().join("go"), "").expect("a file can be written");
    until("the rest is told", || lines(&scene.notes().join("told")).len() == 101);
    let ids: Vec<String> =
        events(scene.notes(), &["config"]).iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 115);
    // The first was being told, and the last hundred waited.
    let expected: Vec<_> = ids[..1].iter().chain(&ids[15..]).cloned().collect();
    assert_eq!(lines(&scene.notes().join("told")), expected);
    assert!(says(&service, "14 events were dropped, the oldest first"), "{}", service.output());
    let hook = asks(scene.notes(), "GET", "/v1/status")["hooks"][0].clone();
    assert_eq!((&hook["dropped"], &hook["failures"]), (&json!(14), &json!(0)), "{hook}");
    assert_eq!(service.stop().code, Some(0));
}

#[test]
fn a_reload_brings_hooks_and_takes_them_away() {
    let scene = Scene::new(4);
    let hook = |name: &str| {
        let script = format!("echo $POINTSMAN_ID >> \"$1/{name}\"");
        scene.script(name, "[\"config\"]", &script, "")
    };
    let settings = scene.settings(&hook("before"));
    let (service, _) = Service::serve(&settings, &[]);
    let told = |name: &str| lines(&scene.notes().join(name)).len();
    scene.asks("POST", "/v1/reload");
    until("the first is told", || told("before") == 1);
    let text = fs::read_to_string(settings.file()).expect("the configuration");
    fs::write(settings.file(), text.replace(&hook("before"), &hook("after"))).expect("a file");
    let reloaded = scene.asks("POST", "/v1/reload");
    assert_eq!(
        reloaded["changed"],
        serde_json::json!(["hook after is new", "hook before is gone"])
    );
    until("the second is told of its own coming", || told("after") == 1);
    scene.asks("POST", "/v1/reload");
    until("and of the next", || told("after") == 2);
    assert_eq!(told("before"), 1);
    assert_eq!(service.stop().code, Some(0));
}

/// One request to a webhook.
#[derive(Clone, Debug)]
struct Request {
    line: String,
    /// In lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }

    /// Checks it as the documents tell receivers to.
    fn is_signed(&self) -> bool {
        let stamp = self.header("x-pointsman-timestamp");
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
        mac.update(&[stamp.as_bytes(), b".", &self.body].concat());
        let octets = mac.finalize().into_bytes();
        let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let age = now.abs_diff(stamp.parse().expect("seconds"));
        self.header("x-pointsman-signature") == format!("sha256={digits}") && age < 60
    }
}

/// Replies with one status after the other, then with 204 for ever.
struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    fn start(ip: &str, mut statuses: Vec<u16>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let heard = Arc::clone(&requests);
        statuses.reverse();
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut hear = |stream: &mut dyn ReadWrite| {
                    let Some(request) = read(stream) else { return };
                    let status = statuses.pop().unwrap_or(204);
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                    let reply = format!(
                        "HTTP/1.1 {status} x\r\nLocation: http://{address}/elsewhere\r\n\
                         Content-Length: 0\r\n\r\n"
                    );
                    // Whoever asked may have left.
                    _ = stream.write_all(reply.as_bytes());
                    _ = stream.flush();
                };
                match &tls {
                    None => hear(&mut { stream }),
                    Some(config) => {
                        let session = ServerConnection::new(Arc::clone(config)).expect("settings");
                        hear(&mut StreamOwned::new(session, stream));
                    }
                }
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

trait ReadWrite: Read + Write {}

impl<S: Read + Write> ReadWrite for S {}

fn read(stream: &mut dyn ReadWrite) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<_> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: lines[0].clone(), headers, body })
}

#[test]
fn a_webhook_is_signed_and_tried_again_in_order_until_it_is_taken() {
    let scene = Scene::new(5);
    let receiver = Receiver::start("127.57.5.20", vec![503, 503, 302], None);
    let address = receiver.address;
    let settings = scene.settings(&format!(
        "[[hook]]\nname = \"chat\"\nevents = [\"write_changed\"]\n\
         webhook = \"http://{address}/hooks/hidden?x=1\"\nsecret_file = \"probe.password\"\n"
    ));
    let (service, _) = Service::serve(&settings, &[]);
    wait_for_writes_at(&service, "db1");
    let notes = scene.fail_over();
    wait_for_writes_at(&service, "db2");
    let expected = events(notes.path(), &["write_changed"]);
    // Three refusals of the first event.
    until("all is told", || receiver.requests().len() == expected.len() + 3);
    let requests = receiver.requests();
    for request in &requests {
        assert_eq!(request.line, "POST /hooks/hidden?x=1 HTTP/1.1");
        assert_eq!(request.header("host"), address.to_string());
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.header("x-pointsman-event"), "write_changed");
        assert!(request.is_signed(), "{request:?}");
    }
    let delivery = |request: &Request| request.header("x-pointsman-delivery").to_owned();
    let first = delivery(&requests[0]);
    let bodies: Vec<Value> = requests
        .iter()
        .map(|request| serde_json::from_slice(&request.body).expect("JSON"))
        .collect();
    for again in &requests[1..4] {
        assert_eq!(delivery(again), first);
        assert_eq!(again.body, requests[0].body);
    }
    assert_eq!(bodies[3..], expected);
    assert!(requests[4..].iter().all(|request| delivery(request) != first));
    assert!(says(&service, "the reply is 503"), "{}", service.output());
    let ended = service.stop();
    assert_eq!(ended.code, Some(0));
    for hidden in [SECRET, "hidden"] {
        assert!(!ended.stderr.contains(hidden), "the log shows {hidden}: {}", ended.stderr);
    }
}

#[test]
fn an_encrypted_webhook_goes_to_nobody_but_its_host() {
    let part = |name: &str| {
        let path = format!("{}/tests/it/tls/{name}", env!("CARGO_MANIFEST_DIR"));
        (fs::read(&path).expect("a part"), path)
    };
    let chain = CertificateDer::pem_slice_iter(&part("server.pem").0)
        .collect::<Result<_, _>>()
        .expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(&part("server.key").0).expect("a key");
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a fitting key");
    let tls = Arc::new(tls);
    let scene = Scene::new(6);
    let [good, other] =
        [GOOD, "127.57.6.21"].map(|ip| Receiver::start(ip, Vec::new(), Some(Arc::clone(&tls))));
    let authority = part("authority.pem").1;
    let hook = |name: &str, receiver: &Receiver, ca_file: &str| {
        format!(
            "[[hook]]\nname = \"{name}\"\nevents = [\"write_changed\"]\n\
             webhook = \"https://{}\"\nca_file = \"{ca_file}\"\n",
            receiver.address
        )
    };
    let stranger = part("self_signed.pem").1;
    let hooks = [
        hook("good", &good, &authority),
        hook("host", &other, &authority),
        hook("stranger", &good, &stranger),
    ];
    let settings = scene.settings(&hooks.concat());
    let (service, _) = Service::serve(&settings, &[]);
    until("it is told", || !good.requests().is_empty());
    let of = |hook: &str| {
        let log = service.log();
        log.iter().any(|line| line["fields"]["hook"] == hook && message(line).contains("TLS: "))
    };
    until("the others are refused", || of("host") && of("stranger"));
    assert!(other.requests().is_empty() && !of("good"));
    assert_eq!(service.stop().code, Some(0));
}

/// The certificate of these tests names it.
const GOOD: &str = "127.22.3.1";
