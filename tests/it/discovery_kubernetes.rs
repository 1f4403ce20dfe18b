//! The source `kubernetes` beside a simulated API server: by TLS, with a token that is replaced while
//! Pointsman runs, as those of pods are.

use std::fs;

use crate::{
    fake_http::Service as Api,
    patience::until,
    probe_tls::{AUTHORITY, HOST, SERVER, server_config},
    process::{Service, Settings, run},
};

const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices\
                      ?labelSelector=kubernetes.io%2Fservice-name%3Dorders";

const LIST: &str = r#"{"items": [{"endpoints": [
    {"addresses": ["127.27.9.12"], "targetRef": {"name": "orders-1"}}],
    "ports": [{"name": "postgres", "port": 5432}]}]}"#;

fn settings(api: &Api) -> Settings {
    let config = format!(
        r#"
[dns]
listen = ["127.27.9.1:0"]

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
server = [{{ name = "db1", address = "127.27.9.11", port = 5432 }}]

[cluster.discovery]
sources = ["kubernetes"]
networks = ["127.27.9.0/24"]
interval = "1s"

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
    settings
}

/// By TLS a reply without a length is cut off by whoever likes.
fn reply(api: &Api, status: u16, body: &str) {
    let length = body.len();
    api.says(SLICES, format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n{body}"));
}

#[test]
fn slices_are_asked_for_with_the_token_of_the_moment() {
    let api = Api::start(HOST, Some(server_config(SERVER)));
    reply(&api, 200, LIST);
    let settings = settings(&api);
    let (_service, _) = Service::serve(&settings, &[]);
    let asked_with = |token: &str| {
        let wanted = format!("authorization: bearer {token}");
        api.requests().iter().any(|request| request.to_ascii_lowercase().contains(&wanted))
    };
    let socket = settings.folder().join("admin.sock");
    let discovered = || run(&["discover", "--socket", socket.to_str().expect("UTF-8")]).stdout;
    until("the slices are asked for", || asked_with("first"));
    until("the pod is found", || discovered().contains("127.27.9.12"));
    fs::write(settings.folder().join("token"), "second\n").expect("a file can be written");
    until("the new token is shown", || asked_with("second"));
    reply(&api, 403, r#"{"kind": "Status", "code": 403}"#);
    until("what is missing is said", || discovered().contains("let the service account `list`"));
    assert!(discovered().contains("127.27.9.12"), "a refusal takes nobody away");
}
