//! The command line of operators on a running service.

use std::{path::Path, process::Command, time::Duration};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    admin::{Scene, Served, hostile::answers},
    patience::until,
    process::{Ended, Service, parsed, run},
};

/// Runs a command on the scene's service.
fn on(served: &Served, line: &str) -> Ended {
    let socket = served.socket.display().to_string();
    let words = line.split(' ').chain(["--socket", &socket]);
    run(&words.collect::<Vec<_>>())
}

/// The same; what it says, which is fine.
fn said(served: &Served, line: &str) -> String {
    let Ended { code, stdout, stderr } = on(served, line);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{line}: {stdout}");
    stdout
}

/// The same of a change that somebody might not have meant: what it says, and what it warns of.
fn warned(served: &Served, line: &str) -> (String, String) {
    let Ended { code, stdout, stderr } = on(served, line);
    assert_eq!(code, Some(0), "{line}: {stderr}");
    assert!(
        !stderr.is_empty() && stderr.lines().all(|one| one.starts_with("warning: ")),
        "{stderr}"
    );
    (stdout, stderr)
}

fn orders(served: &Served) -> Value {
    parsed(&said(served, "status orders --json"))
}

#[test]
fn each_change_is_in_force_when_the_command_returns_and_ends_when_it_is_ended() {
    let scene = Scene::console("127.54.5");
    let served = scene.serve(&[]);
    let [one, two] = [0, 1].map(|server| scene.servers[server].address.ip().to_string());
    let written = || answers(served.dns, "orders.internal.");
    let read = || answers(served.dns, "orders-read.internal.");
    assert_eq!((written(), read()), (vec![one.clone()], vec![two.clone()]));

    let dry = "drain orders2 --reason kernel --author ann --dry-run";
    let (would, _) = warned(&served, dry);
    assert!(would.starts_with("nothing is changed; it would be so: orders2 is drained"), "{would}");
    assert_eq!((read(), &orders(&served)["overrides"]), (vec![two.clone()], &json!([])));
    let (done, danger) = warned(&served, "drain orders2 --reason kernel --for 30m --author ann");
    assert!(done.starts_with("orders2 is drained until 20"), "{done}");
    assert!(done.contains("orders.internal: orders1, unchanged"), "{done}");
    assert!(done.contains("orders-read.internal: orders2 -> orders1 ("), "{done}");
    assert_eq!(danger, "warning: all readers of orders-read.internal go to the primary, orders1\n");
    assert_eq!(read(), [one.as_str()]);
    let laid = &orders(&served)["overrides"][0];
    assert_eq!((&laid["author"], &laid["reason"]), (&json!("ann"), &json!("kernel")));
    let Ended { code, stderr, .. } = on(&served, "drain orders1 --reason kernel");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("--force drains it all the same"), "{stderr}");
    let undrained = said(&served, "undrain orders2");
    assert!(undrained.starts_with("orders2 is no longer drained\n"), "{undrained}");
    assert!(undrained.contains("orders-read.internal: orders1 -> orders2 ("), "{undrained}");
    assert_eq!(read(), [two.as_str()]);

    said(&served, "pin orders orders2 --reason test --forever --author ann");
    assert_eq!(written(), [two.as_str()]);
    assert_eq!(orders(&served)["overrides"][0]["until"], Value::Null);
    let (done, danger) = warned(&served, "pin orders orders1 --reason back --author bob");
    assert!(done.contains("in the place of what ann wished: test"), "{done}");
    assert!(danger.contains("ann wished (test), which had no end"), "{danger}");
    assert_eq!(written(), [one.as_str()]);
    said(&served, "unpin orders --reason enough");
    assert_eq!(orders(&served)["overrides"], json!([]));
    let events = said(&served, "events --since 1h --cluster orders");
    assert!(events.contains(": enough"), "why it ended is told: {events}");
    assert!(!events.contains("no reason given"), "nobody need say why: {events}");

    let (_, danger) = warned(&served, "maintenance orders --reason move");
    for name in ["orders.internal", "orders-read.internal"] {
        assert!(danger.contains(&format!("{name} is left without an address")), "{danger}");
    }
    // Wished, and so no alarm.
    let check = "POINTSMAN OK - All 2 clusters are ok, 1 as wanted (orders) | outage=0 degraded=0 \
                 wanted=1 ok=1\n";
    assert_eq!(said(&served, "status --check"), check);
    assert!(written().is_empty() && read().is_empty());
    let why = said(&served, "why orders1");
    assert!(why.contains("in maintenance, ends in 59m") || why.contains("ends in 1h0m"), "{why}");
    said(&served, "maintenance orders --end");
    assert_eq!(written(), [one.as_str()]);

    said(&served, "freeze orders --reason test");
    assert_eq!(orders(&served)["overrides"][0]["kind"], "freeze");
    let changed = parsed(&said(&served, "thaw orders --json"));
    assert_eq!(changed["override"]["kind"], "freeze");
    assert_eq!(orders(&served)["overrides"], json!([]));
    let Ended { code, stderr, .. } = on(&served, "thaw orders");
    assert_eq!((code, stderr.as_str()), (Some(1), "there is no freeze of orders to end\n"));
}

#[test]
fn what_is_shown_is_for_people_and_for_programs() {
    let scene = Scene::console("127.54.6");
    let served = scene.serve(&[]);
    let status = said(&served, "status");
    for words in ["are ok", "orders  tcp", "orders.internal", "orders1 ", "Up", "billing2"] {
        assert!(status.contains(words), "{words}: {status}");
    }
    assert!(!status.contains('\u{1b}'), "no colour in a pipe");
    assert_eq!(parsed(&said(&served, "status --json"))["clusters"][1]["name"], "billing");
    let checked = said(&served, "status --check");
    let counts = "| outage=0 degraded=0 wanted=0 ok=2\n";
    assert!(checked.starts_with("POINTSMAN OK - ") && checked.ends_with(counts), "{checked}");
    let explained = said(&served, "explain orders.internal.");
    assert!(explained.contains("orders.internal. of orders says orders1"), "{explained}");
    let what_if = said(&served, "what-if orders1 down");
    assert!(what_if.contains("orders2"), "{what_if}");
    let both = said(&served, "what-if orders1 down orders2 drained");
    assert!(both.starts_with("orders1 refuses connections, and orders2 is drained\n"), "{both}");
    let Ended { code, stderr, .. } = on(&served, "what-if orders1 down billing1 down");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("billing1"), "two clusters at once: {stderr}");
    let Ended { code, stderr, .. } = on(&served, "what-if orders1 down orders2");
    assert_eq!(code, Some(2), "{stderr}");
    warned(&served, "drain orders2 --reason seen");
    // A drain is wished; that all reads go to the primary is worth a look all the same.
    let Ended { code, stdout, .. } = on(&served, "status --check orders");
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("WARNING - orders: degraded | outage=0 degraded=1"), "{stdout}");
    let events = said(&served, "events --since 1h --cluster orders");
    assert!(events.contains("seen"), "{events}");
    assert_eq!(parsed(&said(&served, "hint orders --json"))["cluster"], "orders");
    let events = parsed(&said(&served, "events --json"));
    for event in events["events"].as_array().expect("a list") {
        for (text, list) in [("from", "from_servers"), ("to", "to_servers")] {
            // Lists are of names; each is its text taken apart.
            let Some(servers) = event[list].as_array() else {
                assert!(event["name"].is_null(), "{event}");
                continue;
            };
            let servers: Vec<_> = servers.iter().filter_map(Value::as_str).collect();
            assert_eq!(servers.join(","), event[text].as_str().unwrap_or_default(), "{event}");
        }
    }
    assert!(events["events"].as_array().is_some_and(|events| !events.is_empty()));
    for (line, words) in [
        ("status nobody", "there is no cluster `nobody`"),
        ("why nobody", "there is no server `nobody`"),
        (
            "explain nobody.internal.",
            "there is no served name `nobody.internal.`; known: orders.internal",
        ),
        ("explain orders1", "it is a server: `pointsman why orders1` tells of it"),
        ("why orders", "it is a cluster: `pointsman status orders` tells of it"),
        ("what-if orders1 rain", "cannot be supposed; write down, up, promoted"),
        ("drain orders1 --reason x --for soon", "`for` is `soon`; write a number and its unit"),
        ("events --since tomorrow", "write how long ago"),
        ("accept nobody orders1 --reason x", "there is no cluster `nobody`; known: orders"),
        ("accept orders nobody --reason x", "there is no server `nobody`"),
        ("accept orders billing1 --reason x", "billing1 is a server of billing, not of orders"),
        ("accept orders orders1 --reason x", "tcp servers, which show no history to accept"),
    ] {
        let Ended { code, stdout, stderr } = on(&served, line);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{line}");
        assert!(stderr.contains(words), "{line}: {stderr}");
        let Ended { code, stdout, stderr } = on(&served, &format!("{line} --json"));
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{line}");
        let error = parsed(&stderr)["error"].as_str().map(str::to_owned);
        assert!(error.is_some_and(|error| error.contains(words)), "{line}: {stderr}");
    }
}

#[test]
fn who_watches_or_follows_ends_with_an_interrupt_and_sees_changes_before() {
    let scene = Scene::console("127.54.7");
    let served = scene.serve(&[]);
    let socket = served.socket.display().to_string();
    let watching = ["status", "--watch", "--json", "--socket", &socket];
    let following = ["events", "--follow", "--socket", &socket];
    let [mut watcher, mut follower] =
        [&watching[..], &following].map(|line| Service::start(line, &[]));
    until("it is drawn", || watcher.output().contains("\"orders1\""));
    said(&served, "freeze billing --reason to-be-seen");
    until("both see it", || {
        watcher.output().contains("to-be-seen") && follower.output().contains("to-be-seen")
    });
    for command in [&mut watcher, &mut follower] {
        command.signal(Signal::INT);
        assert_eq!(command.exit_code(Duration::from_secs(5)), Some(0));
    }
}

/// A cluster that has no section of its own for discovery.
const TEMPLATE: &str = r#"
[[cluster]]
name = "found"
engine = "postgres"
write = { name = "found.internal." }
probe = { user = "pointsman" }
server = [{ name = "found1", address = "127.54.8.8" }]

[discovery]
clusters = "all"

[discovery.template]
mode = "join"
networks = ["127.54.8.0/24"]
"#;

#[test]
fn servers_come_and_go_and_the_file_is_read_again() {
    let scene = Scene::console("127.54.8");
    let served = scene.serve(&[]);
    let address = scene.servers[3].address;
    let add = format!("server add orders orders3 {}:{}", "127.54.8.9", address.port());
    said(&served, &add);
    let server = |cluster: Value| cluster["servers"][2].clone();
    assert_eq!(server(orders(&served))["name"], "orders3");
    assert_eq!(server(orders(&served))["drained"], true);
    assert!(said(&served, "status").contains("not in the config file"));
    assert!(said(&served, "config").contains("orders3"));
    said(&served, "server ready orders3");
    assert_eq!(server(orders(&served))["drained"], false);
    said(&served, "server remove orders3");
    assert_eq!(server(orders(&served)), Value::Null);
    let Ended { code, stderr, .. } = on(&served, "server remove orders1");
    assert_eq!(code, Some(1), "{stderr}");

    assert_eq!(said(&served, "reload"), "reloaded; nothing has changed\n");
    let file = scene.settings.file();
    let text = std::fs::read_to_string(&file).expect("a file");
    assert_eq!(said(&served, "config --discovery"), "no cluster discovers its servers\n");
    // The file is shown as it is, and what results of it.
    std::fs::write(&file, text.clone() + TEMPLATE).expect("a file can be written");
    let counts = said(&served, "config --discovery");
    let found = "found: sources replication; mode join; networks 127.54.8.0/24;";
    assert!(counts.starts_with(found) && counts.ends_with("; all by the template\n"), "{counts}");
    let Ended { stdout, stderr, .. } = on(&served, "config");
    assert!(stdout.ends_with(TEMPLATE), "{stdout}");
    assert!(stderr.contains("`pointsman config --discovery` prints what results"), "{stderr}");
    std::fs::write(&file, text + "nonsense = 1\n").expect("a file can be written");
    let Ended { code, stderr, .. } = on(&served, "reload");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("nonsense"), "{stderr}");
}

#[test]
fn a_user_who_may_not_is_told_which_group_may() {
    let scene = Scene::console("127.54.9");
    let served = scene.serve(&[]);
    // Only root can become somebody else.
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let has_tool = Path::new("/usr/bin/setpriv").exists();
    if !(is_root && has_tool) {
        return;
    }
    let folder = scene.settings.folder();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, open).expect("it is ours");
    let program = folder.join("pointsman");
    std::fs::copy(env!("CARGO_BIN_EXE_pointsman"), &program).expect("a copy");
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["status", "--socket"])
        .arg(&served.socket)
        .output()
        .expect("setpriv runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("its owner and the group root may"), "{stderr}");
}
