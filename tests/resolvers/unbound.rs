//! unbound, from Debian.

use std::time::Duration;

use crate::{
    document::snippets,
    resolver::{Plan, ROOT_KEY, Resolver},
    site::Site,
    story::{self, Scene, Trial},
};

#[test]
fn unbound() {
    story::tell(Trial {
        title: "unbound",
        number: 1,
        recovery: RECOVERY,
        start: |site| start(site, ""),
    });
}

#[test]
fn unbound_with_random_case() {
    let mut scene = Scene::open(Trial {
        title: "unbound, random case",
        number: 2,
        recovery: RECOVERY,
        start: |site| start(site, "use-caps-for-id: yes"),
    });
    scene.recovers_from_nobody();
    scene.serves();
    scene.serves_reads_in_any_order();
}

/// The snippet lets it wait 2 s for a server (`infra-cache-max-rtt`), and it may do so more than
/// once.
const RECOVERY: Duration = Duration::from_secs(15);

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
