//! `pointsman follow` empties the caches of its host when a name moves, unbound's and dnsmasq's, and
//! runs a program of the operator's. These caches keep answers for an hour; those that are not the host's
//! show that they do. All have a `/run` of their own.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use hickory_proto::rr::RecordType;
use pointsman_testbed::disk;

use crate::{
    account::{self, Account},
    patience,
    process::ServerProcess,
    resolver::{Plan, Resolver},
    site::{Site, WRITE},
};

/// Tells this test's addresses from those of others.
const NUMBER: u8 = 8;

#[test]
fn caches_of_the_host_are_emptied() {
    disk::enter_private_mounts();
    account::run(Command::new("mount").args(["-t", "tmpfs", "pointsman-test", "/run"]));
    fs::create_dir("/run/dnsmasq").expect("this /run is ours");

    let mut site = Site::new(NUMBER);
    site.start(0);
    let [old, new] = [1, 2].map(|number| site.server(number));
    let hosts = [
        unbound(&site, 10, "control-enable: yes\n    control-interface: /run/unbound.ctl"),
        dnsmasq(&site, 11, "pid-file=/run/dnsmasq/dnsmasq.pid"),
    ];
    let others = [unbound(&site, 12, "control-enable: no"), dnsmasq(&site, 13, "pid-file=")];
    for cache in hosts.iter().chain(&others) {
        patience::until("a cache knows the name", || says(cache, old));
    }

    let folder = Account::current().directory("pointsman-follow-");
    let told = folder.path().join("told");
    let agent = follow(&site, folder.path(), &hook(folder.path(), &told));
    site.stop_server(1);
    for cache in &hosts {
        patience::until("a cache of the host forgets", || says(cache, new));
    }
    for cache in &others {
        assert!(says(cache, old), "a cache of somebody else keeps its answer");
    }
    patience::until("it is said what was emptied", || {
        let log = agent.log_tail();
        ["unbound", "dnsmasq"].iter().all(|cache| log.contains(&format!("{cache} is emptied")))
    });
    let expected = format!("{} {old}:{port} {new}:{port}\n", name(), port = site.port());
    patience::until("the program is told", || {
        fs::read_to_string(&told).is_ok_and(|told| told == expected)
    });

    // Killed, unbound leaves its socket behind, and the number may be another process's.
    drop(hosts);
    fs::write("/run/dnsmasq/dnsmasq.pid", "1\n").expect("this /run is ours");
    site.stop_server(2);
    patience::until("it is said what was not emptied", || {
        let log = agent.log_tail();
        log.contains("dnsmasq is not emptied: its pid file is of another process")
            && log.contains("unbound is not emptied: unbound-control ended with exit status: 1")
    });
}

fn name() -> &'static str {
    WRITE.trim_end_matches('.')
}

fn says(cache: &Resolver, server: Ipv4Addr) -> bool {
    let answer = cache.client().ask(WRITE, RecordType::A, Duration::from_secs(1));
    answer.is_some_and(|answer| answer.is(&[server]))
}

/// A cache that asks the first instance for all names, and keeps what it hears for an hour.
fn unbound(site: &Site, last: u8, control: &str) -> Resolver {
    let plan = Plan::at(Ipv4Addr::new(127, 37, NUMBER, last));
    let instance = site.instances()[0];
    let config = format!(
        r#"server:
    interface: {address}
    port: {port}
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    do-ip6: no
    do-not-query-localhost: no
    module-config: "iterator"
    cache-min-ttl: 3600
    cache-max-ttl: 86400
forward-zone:
    name: "."
    forward-addr: {at}@{to}
remote-control:
    {control}
"#,
        address = plan.address().ip(),
        port = plan.address().port(),
        folder = plan.folder().display(),
        at = instance.ip(),
        to = instance.port(),
    );
    plan.write("unbound.conf", &config);
    let file = plan.folder().join("unbound.conf");
    plan.start("/usr/sbin/unbound", ["-d".as_ref(), "-c".as_ref(), file.as_os_str()])
}

/// The same of dnsmasq.
fn dnsmasq(site: &Site, last: u8, pid_file: &str) -> Resolver {
    let plan = Plan::at(Ipv4Addr::new(127, 37, NUMBER, last));
    let instance = site.instances()[0];
    let config = format!(
        "listen-address={address}\n\
         port={port}\n\
         bind-interfaces\n\
         no-resolv\n\
         no-hosts\n\
         user=root\n\
         {pid_file}\n\
         log-facility=-\n\
         server={at}#{to}\n\
         min-cache-ttl=3600\n",
        address = plan.address().ip(),
        port = plan.address().port(),
        at = instance.ip(),
        to = instance.port(),
    );
    plan.write("dnsmasq.conf", &config);
    let file = plan.folder().join("dnsmasq.conf");
    plan.start("/usr/sbin/dnsmasq", ["-k".as_ref(), "-C".as_ref(), file.as_os_str()])
}

/// A program that notes what it is told.
fn hook(folder: &Path, told: &Path) -> PathBuf {
    let path = folder.join("hook");
    let text = format!(
        "#!/bin/sh\necho \"$POINTSMAN_NAME $POINTSMAN_FROM $POINTSMAN_TO\" >>'{}'\n",
        told.display()
    );
    fs::write(&path, text).expect("a file can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    path
}

/// An agent, once it has asked for the name.
fn follow(site: &Site, folder: &Path, hook: &Path) -> ServerProcess {
    let socket = folder.join("socket");
    let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
    command.args(["follow", name(), "--server", &site.instances()[0].to_string()]);
    command.args(["--port", &site.port().to_string(), "--interval", "200ms", "--hook"]);
    command.arg(hook).arg("--socket").arg(&socket);
    let agent = ServerProcess::spawn(command, &folder.join("log"));
    patience::until("the agent has asked", || {
        let mut ask = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        let output = ask.args(["follow", "--metrics", "--socket"]).arg(&socket).output();
        let output = output.expect("the binary can be started");
        let metrics = String::from_utf8_lossy(&output.stdout);
        metrics
            .lines()
            .any(|line| line.starts_with("pointsman_follow_in_sight{") && line.ends_with(" 1"))
    });
    agent
}
