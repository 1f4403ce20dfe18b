//! A real Prometheus scrapes the service, by OpenMetrics as it prefers, and evaluates the rules.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::scene::{PATIENCE, Scene, comes_true};

struct Prometheus {
    process: Child,
    address: SocketAddr,
}

impl Prometheus {
    fn start(scene: &Scene) -> Self {
        let free = TcpListener::bind("127.55.7.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus/alerts.yml");
        let config = scene.folder().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
             rule_files: [ {rules:?} ]\n\
             scrape_configs:\n  - job_name: pointsman\n    static_configs:\n      \
             - targets: [ \"{}\" ]\n",
            scene.http
        );
        fs::write(&config, text).expect("a file");
        let log = fs::File::create(scene.folder().join("prometheus.log")).expect("a file");
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", scene.folder().join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus; tests/run installs it");
        Self { process, address }
    }

    /// What the API replies; `null` while there is nothing.
    fn get(&self, path: &str) -> Value {
        let mut text = String::new();
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
            let head = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
            _ = stream.write_all(head.as_bytes());
            _ = stream.read_to_string(&mut text);
        }
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_default()
    }

    /// The value of the first sample of a query.
    fn value(&self, query: &str) -> Option<String> {
        let result = self.get(&format!("/api/v1/query?query={query}"));
        Some(result["data"]["result"][0]["value"][1].as_str()?.to_owned())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

#[test]
fn prometheus_scrapes_and_alerts() {
    let mut scene = Scene::start("127.55.7");
    let open = scene.get("/metrics", "application/openmetrics-text;version=1.0.0").head;
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0"), "{open}");
    let plain = scene.get("/metrics", "").head;
    assert!(plain.contains("content-type: text/plain; version=0.0.4"), "{plain}");
    let prometheus = Prometheus::start(&scene);
    for (query, expected) in [
        ("up", "1"),
        ("pointsman_ready", "1"),
        ("pointsman_name_answers{name=\"orders-write.internal.\"}", "1"),
        ("count(pointsman_node_up)", "6"),
        ("pointsman_node_state{node=\"orders1\"}", "1"),
        ("sum(pointsman_probe_total{result=\"answered\"})%3Ebool%205", "1"),
        ("count(pointsman_probe_duration_seconds_bucket{le=\"0.25\"})", "6"),
    ] {
        let came = comes_true(|| prometheus.value(query).as_deref() == Some(expected));
        assert!(came, "{query}: {:?}", prometheus.value(query));
    }
    // The one server of a cluster dies.
    scene.servers[5] = None;
    let alert = "ALERTS{alertname=\"PointsmanWriterStale\",name=\"search-write.internal.\"}";
    let came = comes_true(|| prometheus.value(alert).as_deref() == Some("1"));
    assert!(came, "{:?}", prometheus.get("/api/v1/alerts"));
}
