//! The source `kubernetes` beside a simulated API server: by TLS, with a token that is replaced while
//! Pointsman runs, as those of pods are; listed, and watched where that is let.

use std::fs;

use crate::{
    fake_http::{HOLD, Service as Api},
    patience::until,
    probe_tls::{AUTHORITY, HOST, SERVER, server_config},
    process::{Service, Settings, run},
};

const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices\
                      ?labelSelector=kubernetes.io%2Fservice-name%3Dorders";

/// Where slices are watched from a version on.
fn watched(version: u32) -> String {
    format!(
        "{SLICES}&watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=240"
    )
}

/// A slice with one pod.
fn slice(name: &str, version: u32, address: &str) -> String {
    format!(
        r#"{{"metadata": {{"name": "{name}", "resourceVersion": "{version}"}}, "endpoints": [
            {{"addresses": ["{address}"], "targetRef": {{"name": "{name}-0"}}}}],
            "ports": [{{"name": "postgres", "port": 5432}}]}}"#
    )
    .replace('\n', " ")
}

fn list(version: u32, slices: &[String]) -> String {
    let slices = slices.join(", ");
    format!(r#"{{"metadata": {{"resourceVersion": "{version}"}}, "items": [{slices}]}}"#)
}

/// A line of a watch, as a chunk (RFC 9112, section 7.1).
fn event(kind: &str, object: &str) -> String {
    chunk(&format!("{{\"type\": \"{kind}\", \"object\": {object}}}\n"))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

const WATCH: &str = "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An API server, and a service that asks it.
struct Scene {
    api: Api,
    settings: Settings,
}

impl Scene {
    fn new(network: &str, interval: &str) -> Self {
        let api = Api::start(HOST, Some(server_config(SERVER)));
        let config = format!(
            r#"
[dns]
listen = ["{network}.1:0"]

[admin]
socket = "admin.sock"

[[zone]]
origin = "internal."
file = "internal.zone"

[[cluster]]
name = "orders"
engine = "postgres"
write = {{ name = "db-write.internal." }}
probe = {{ user = "pointsman" }}
server = [{{ name = "db1", address = "{network}.11", port = 5432 }}]

[cluster.discovery]
sources = ["kubernetes"]
networks = ["{network}.0/24"]
interval = "{interval}"

[cluster.discovery.kubernetes]
service = "orders"
namespace = "shop"
url = "https://{HOST}:{port}"
ca_file = "ca.pem"
token_file = "token"
"#,
            port = api.address.port()
        );
        let settings = Settings::new(&config, "");
        fs::write(settings.folder().join("ca.pem"), AUTHORITY).expect("a file can be written");
        fs::write(settings.folder().join("token"), "first\n").expect("a file can be written");
        Self { api, settings }
    }

    /// By TLS a reply without a length is cut off by whoever likes.
    fn replies(&self, path: &str, status: u16, body: &str) {
        let length = body.len();
        let reply = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n{body}");
        self.api.says(path, reply);
    }

    /// Lets a version be watched, as long as anybody likes.
    fn holds(&self, version: u32) {
        self.api.says(&watched(version), [WATCH.as_bytes(), HOLD].concat());
    }

    /// How often a path has been asked for.
    fn asked(&self, path: &str) -> usize {
        let line = format!("GET {path} HTTP/1.1\r\n");
        self.api.requests().iter().filter(|request| request.starts_with(&line)).count()
    }

    fn asked_with(&self, token: &str) -> bool {
        let wanted = format!("authorization: bearer {token}");
        self.api.requests().iter().any(|request| request.to_ascii_lowercase().contains(&wanted))
    }

    fn discovered(&self) -> String {
        let socket = self.settings.folder().join("admin.sock");
        run(&["discover", "--socket", socket.to_str().expect("UTF-8")]).stdout
    }
}

#[test]
fn slices_are_asked_for_with_the_token_of_the_moment() {
    let scene = Scene::new("127.27.9", "1s");
    scene.replies(SLICES, 200, &list(7, &[slice("orders", 7, "127.27.9.12")]));
    // Whoever may list and not watch asks again and again.
    scene.replies(&watched(7), 403, r#"{"kind": "Status", "code": 403}"#);
    let (_service, _) = Service::serve(&scene.settings, &[]);
    until("the slices are asked for", || scene.asked_with("first"));
    until("the pod is found", || scene.discovered().contains("127.27.9.12"));
    until("they are listed again", || scene.asked(SLICES) >= 3);
    assert_eq!(scene.asked(&watched(7)), 1, "who was refused asks again soon");
    let token = scene.settings.folder().join("token");
    fs::write(token, "second\n").expect("a file can be written");
    until("the new token is shown", || scene.asked_with("second"));
    scene.replies(SLICES, 403, r#"{"kind": "Status", "code": 403}"#);
    let advice = "let the service account `list` and `watch`";
    until("what is missing is said", || scene.discovered().contains(advice));
    assert!(scene.discovered().contains("127.27.9.12"), "a refusal takes nobody away");
}

#[test]
fn what_a_watch_tells_is_heard_long_before_the_next_question() {
    let scene = Scene::new("127.27.10", "1h");
    scene.replies(SLICES, 200, &list(7, &[slice("orders", 7, "127.27.10.12")]));
    scene.holds(7);
    let (_service, _) = Service::serve(&scene.settings, &[]);
    until("the pod is found", || scene.discovered().contains("127.27.10.12"));
    until("the slices are watched", || scene.asked(&watched(7)) == 1);
    // A bookmark is no change, and half an event none yet.
    let bookmark = event("BOOKMARK", r#"{"metadata": {"resourceVersion": "8"}}"#);
    let added = event("ADDED", &slice("more", 9, "127.27.10.13"));
    let (half, rest) = added.split_at(added.len() / 2);
    scene.api.pushes(&watched(7), bookmark + half);
    scene.api.pushes(&watched(7), rest);
    until("the second pod is found", || scene.discovered().contains("127.27.10.13"));
    let moved = event("MODIFIED", &slice("more", 10, "127.27.10.14"));
    scene.api.pushes(&watched(7), moved);
    until("the third pod is found", || scene.discovered().contains("127.27.10.14"));
    assert_eq!((scene.asked(SLICES), scene.asked(&watched(7))), (1, 1));
}

#[test]
fn a_watch_goes_on_from_what_it_told_and_falls_back_to_the_list() {
    let scene = Scene::new("127.27.11", "1s");
    let first = slice("orders", 7, "127.27.11.12");
    scene.replies(SLICES, 200, &list(7, std::slice::from_ref(&first)));
    scene.holds(7);
    let (_service, _) = Service::serve(&scene.settings, &[]);
    scene.api.pushes(&watched(7), event("ADDED", &slice("more", 8, "127.27.11.13")));
    until("the change is heard", || scene.discovered().contains("127.27.11.13"));
    // The watch ends, and what came after the change is gone.
    scene.replies(&watched(8), 410, r#"{"kind": "Status", "code": 410}"#);
    scene.replies(SLICES, 200, &list(9, &[first, slice("third", 9, "127.27.11.14")]));
    scene.holds(9);
    scene.api.pushes(&watched(7), "0\r\n\r\n");
    until("it goes on from the change", || scene.asked(&watched(8)) > 0);
    until("what is gone is listed", || scene.discovered().contains("127.27.11.14"));
    until("and watched from there", || scene.asked(&watched(9)) > 0);

    // A line that is none ends the watch, and the list that follows fails: nobody is taken away.
    scene.replies(SLICES, 500, "");
    scene.replies(&watched(9), 500, "");
    scene.api.pushes(&watched(9), chunk("nonsense\n"));
    until("the list is asked for", || scene.discovered().contains("the reply is 500"));
    for address in ["127.27.11.12", "127.27.11.13", "127.27.11.14"] {
        let told = scene.discovered();
        assert!(told.contains(address), "{address}:\n{told}");
    }
    // An empty list is no fault, and takes nobody away either before its time.
    scene.replies(SLICES, 200, &list(10, &[]));
    scene.holds(10);
    until("the slices are listed", || !scene.discovered().contains("the reply is 500"));
    until("and watched again", || scene.asked(&watched(10)) > 0);
    assert!(scene.discovered().contains("127.27.11.14"), "{}", scene.discovered());
    // "Gone" may be told by a line, too.
    scene.replies(SLICES, 200, &list(11, &[slice("fourth", 11, "127.27.11.15")]));
    scene.holds(11);
    scene.api.pushes(&watched(10), event("ERROR", r#"{"kind": "Status", "code": 410}"#));
    until("it is listed anew", || scene.discovered().contains("127.27.11.15"));
}
