//! `/healthz` and `/readyz` around the first round of probes.

use crate::{
    admin::{Served, http},
    fake_postgres::{Fake, Step},
    patience::until,
    process::{Service, Settings},
};

/// A server that says nothing keeps the first round open for `timeout` and half a second.
#[test]
fn it_is_not_ready_before_the_first_round_has_ended() {
    let silent = Fake::start("127.33.6.2", vec![Step::Silence]);
    let text = format!(
        "[dns]\nlisten = [\"127.33.6.1:0\"]\n\
         [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
         [admin]\nsocket = \"admin.sock\"\nhttp = \"127.33.6.1:0\"\n\
         [[cluster]]\nname = \"orders\"\nengine = \"postgres\"\n\
         write = {{ name = \"orders.internal.\" }}\n\
         probe = {{ user = \"x\", tls = \"disable\", timeout = \"3s\" }}\n\
         server = [{{ name = \"db1\", address = \"{}\", port = {} }}]\n",
        silent.address.ip(),
        silent.address.port(),
    );
    let settings = Settings::new(&text, "");
    let (service, dns) = Service::serve(&settings, &[]);
    let served = Served::new(service, dns, settings.folder().join("admin.sock"));
    assert_eq!(
        (served.get("/healthz").status, served.get("/healthz").body.as_str()),
        (200, "ok\n")
    );
    let answer = served.get("/readyz");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.body, "orders: not ready: the first round of probes has not ended\n");
    assert!(answer.head.contains("cache-control: no-store"), "{answer:?}");
    until("the first round ends", || {
        let answer = http::over_unix(&served.socket, &http::head("GET", "/readyz", 0), b"");
        (answer.status, answer.body.as_str()) == (200, "ready\n")
    });
}
