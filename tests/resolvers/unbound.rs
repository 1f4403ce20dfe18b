//! unbound, from Debian.

use crate::{
    document::snippets,
    resolver::{Plan, ROOT_KEY, Resolver},
    site::Site,
    story::{self, Scene},
};

#[test]
fn unbound() {
    story::tell(1, "unbound", |site| start(site, ""));
}

#[test]
fn unbound_with_random_case() {
    let mut scene =
        Scene::open(2, "unbound, random case", |site| start(site, "use-caps-for-id: yes"));
    scene.recovers_from_nobody();
    scene.serves();
    scene.serves_reads_in_any_order();
}

fn start(site: &Site, more: &str) -> Resolver {
    let plan = Plan::at(site.resolver_address());
    let [snippet] = snippets("unbound", site);
    let config = format!(
        r#"{snippet}
server:
    {more}
    interface: {address}
    port: {port}
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    do-ip6: no
    root-hints: "{hints}"
    trust-anchor-file: "{ROOT_KEY}"
    # Filters private addresses, as many installations do: the snippet exempts the zone.
    private-address: 127.0.0.0/8
remote-control:
    control-enable: no
"#,
        address = plan.address().ip(),
        port = plan.address().port(),
        folder = plan.folder().display(),
        hints = site.root_hints().display(),
    );
    plan.write("unbound.conf", &config);
    let file = plan.folder().join("unbound.conf");
    plan.start("/usr/sbin/unbound", ["-d".as_ref(), "-c".as_ref(), file.as_os_str()])
}
