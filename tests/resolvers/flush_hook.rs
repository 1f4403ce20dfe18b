//! The hook that throws a name out of a resolver's cache, as it is packaged: on caches that keep what they hear
//! far longer than its TTL.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use hickory_proto::rr::RecordType;

use crate::{
    patience, ports,
    resolver::{Plan, Resolver},
    site::{READ, Site, WRITE},
};

/// Tells this test's addresses from those of others.
const NUMBER: u8 = 14;

/// The secret of rndc's key: it opens nothing but a socket of this test.
const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A resolver that runs, and how the hook reaches it.
struct Cache {
    resolver: Resolver,
    arguments: Vec<String>,
}

#[test]
fn the_packaged_hook_throws_a_name_out() {
    let mut site = Site::new(NUMBER);
    site.start(0);
    let instance = site.instances()[0];
    let caches = [unbound(instance), bind(instance), powerdns(instance)];
    let [old, new] = [1, 2].map(|number| site.server(number));
    for cache in &caches {
        patience::until("a cache knows the name", || cache.says(WRITE, &[old]));
    }
    site.stop_server(1);
    let mut ours = site.client(0);
    patience::until("we say so", || {
        let answer = ours.ask(WRITE, RecordType::A, Duration::from_secs(1));
        answer.is_some_and(|answer| answer.is(&[new]))
    });
    for cache in &caches {
        // A minute and a half is the least of their floors.
        assert!(cache.says(WRITE, &[old]), "{:?} has forgotten by itself", cache.arguments);
        let Output { status, stderr, .. } = cache.run_hook(READ);
        assert!(status.success(), "{:?}: {}", cache.arguments, String::from_utf8_lossy(&stderr));
        assert!(cache.says(WRITE, &[old]), "{:?}: another name was meant", cache.arguments);
        let Output { status, stderr, .. } = cache.run_hook(WRITE);
        assert!(status.success(), "{:?}: {}", cache.arguments, String::from_utf8_lossy(&stderr));
        patience::until("the cache asks again", || cache.says(WRITE, &[new]));
    }
    let odd =
        Cache { arguments: vec!["windows".into()], ..caches.into_iter().next().expect("three") };
    let Output { status, stderr, .. } = odd.run_hook(WRITE);
    assert_eq!(status.code(), Some(2));
    assert!(String::from_utf8_lossy(&stderr).contains("no such resolver: windows"));
}

impl Cache {
    fn says(&self, name: &str, servers: &[Ipv4Addr]) -> bool {
        let answer = self.resolver.client().ask(name, RecordType::A, Duration::from_secs(1));
        answer.is_some_and(|answer| answer.is(servers))
    }

    /// As Pointsman runs it, for an event of `name`.
    fn run_hook(&self, name: &str) -> Output {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/hooks/flush-resolver");
        let path = "/usr/sbin:/usr/bin:/sbin:/bin";
        let mut command = Command::new(program);
        command.args(&self.arguments).env_clear().env("PATH", path).env("POINTSMAN_NAME", name);
        command.output().expect("the hook can be started")
    }
}

fn at(last: u8) -> Plan {
    Plan::at(Ipv4Addr::new(127, 37, NUMBER, last))
}

fn unbound(instance: SocketAddr) -> Cache {
    let plan = at(10);
    let (folder, address) = (plan.folder().display().to_string(), plan.address());
    plan.write(
        "unbound.conf",
        &format!(
            r#"server:
    interface: {ip}
    port: {port}
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    module-config: "iterator"
    cache-min-ttl: 3600
forward-zone:
    name: "."
    forward-addr: {at}@{to}
remote-control:
    control-enable: yes
    control-interface: {folder}/control
"#,
            ip = address.ip(),
            port = address.port(),
            at = instance.ip(),
            to = instance.port(),
        ),
    );
    let file = format!("{folder}/unbound.conf");
    let resolver = plan.start("/usr/sbin/unbound", ["-d", "-c", &file]);
    Cache { resolver, arguments: vec!["unbound".into(), "-c".into(), file] }
}

fn bind(instance: SocketAddr) -> Cache {
    let plan = Plan::at(Ipv4Addr::LOCALHOST);
    let control = ports::free_for_dns();
    let (folder, address) = (plan.folder().display().to_string(), plan.address());
    let key = format!("key \"rndc\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n");
    plan.write("rndc.key", &key);
    plan.write(
        "named.conf",
        &format!(
            "{key}options {{\n    directory \"{folder}\";\n    pid-file none;\n    \
             session-keyfile none;\n    lock-file none;\n    \
             listen-on port {port} {{ 127.0.0.1; }};\n    listen-on-v6 {{ none; }};\n    \
             recursion yes;\n    dnssec-validation no;\n    \
             min-cache-ttl 90;\n    \
             forward only;\n    forwarders {{ {at} port {to}; }};\n    \
             empty-zones-enable no;\n}};\n\
             controls {{ inet {ip} port {control} allow {{ 127.0.0.0/8; }}\n    \
             keys {{ \"rndc\"; }}; }};\n",
            port = address.port(),
            at = instance.ip(),
            to = instance.port(),
            ip = control.ip(),
            control = control.port(),
        ),
    );
    let file = format!("{folder}/named.conf");
    let resolver = plan.start("/usr/sbin/named", ["-g", "-4", "-c", &file]);
    let (ip, port) = (control.ip().to_string(), control.port().to_string());
    let arguments = ["bind", "-k", &format!("{folder}/rndc.key"), "-s", &ip, "-p", &port];
    Cache { resolver, arguments: arguments.map(str::to_owned).to_vec() }
}

fn powerdns(instance: SocketAddr) -> Cache {
    let plan = at(11);
    let (folder, address) = (plan.folder().display().to_string(), plan.address());
    plan.write(
        "recursor.conf",
        &format!(
            "local-address={address}\nforward-zones-recurse=.={instance}\nsocket-dir={folder}\n\
             minimum-ttl-override=3600\npacketcache-ttl=3600\ndaemon=no\nwrite-pid=no\n\
             disable-syslog=yes\nsecurity-poll-suffix=\ndnssec=off\ndont-query=\n"
        ),
    );
    let resolver = plan.start("/usr/sbin/pdns_recursor", [format!("--config-dir={folder}")]);
    let arguments =
        vec!["powerdns".into(), format!("--config-dir={folder}"), format!("--socket-dir={folder}")];
    Cache { resolver, arguments }
}
