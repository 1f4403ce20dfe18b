//! BIND, from Debian, in the two ways of the document.
//!
//! `static-stub` takes no port, so the option `port` tells BIND the one that the instances have;
//! an operator has them on 53. BIND listens on addresses of interfaces only, hence 127.0.0.1.

use std::{net::Ipv4Addr, time::Duration};

use crate::{
    document::{snippets, with_settings},
    resolver::{Plan, Resolver},
    site::Site,
    story::{self, Trial},
};

#[test]
fn bind_static_stub() {
    story::tell(Trial {
        title: "BIND, static-stub",
        number: 3,
        recovery: Duration::from_secs(10),
        start: |site| {
            let [options, static_stub, _forward] = snippets("BIND", site);
            start(site, &options, &static_stub)
        },
    });
}

#[test]
fn bind_forward_only() {
    story::tell(Trial {
        title: "BIND, forward only",
        number: 4,
        recovery: Duration::from_secs(10),
        start: |site| {
            let [options, _static_stub, forward] = snippets("BIND", site);
            start(site, &options, &forward)
        },
    });
}

fn start(site: &Site, options: &str, zone: &str) -> Resolver {
    let plan = Plan::at(Ipv4Addr::LOCALHOST);
    let settings = format!(
        r#"directory "{folder}";
    pid-file none;
    session-keyfile none;
    lock-file none;
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    port {port_of_instances};
    recursion yes;
    dnssec-validation auto;
    // Filters private addresses, as some installations do: the snippet exempts the zone.
    deny-answer-addresses {{ 127.0.0.0/8; }} except-from {{ "db.internal"; }};"#,
        folder = plan.folder().display(),
        port = plan.address().port(),
        port_of_instances = site.instances()[0].port(),
    );
    let config = format!(
        "{options}\n{zone}\ncontrols {{ }};\nzone \".\" {{ type hint; file \"{hints}\"; }};\n",
        options = with_settings(options, &settings),
        hints = site.root_hints().display(),
    );
    plan.write("named.conf", &config);
    let file = plan.folder().join("named.conf");
    plan.start("/usr/sbin/named", ["-g".as_ref(), "-4".as_ref(), "-c".as_ref(), file.as_os_str()])
}
