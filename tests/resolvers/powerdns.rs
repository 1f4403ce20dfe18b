//! PowerDNS Recursor, from Debian: version 4.8, which reads `key=value` and takes its negative
//! trust anchors from Lua.

use std::time::Duration;

use crate::{
    document::snippets,
    resolver::{Plan, Resolver},
    site::Site,
    story::{self, Trial},
};

#[test]
fn powerdns_recursor() {
    story::tell(Trial {
        title: "PowerDNS Recursor",
        number: 6,
        // It waits 1.5 s for a server, and goes on asking a silent one: up to 9 s were seen when idle, more
        // on a busy machine.
        recovery: Duration::from_secs(30),
        start,
    });
}

fn start(site: &Site) -> Resolver {
    let plan = Plan::at(site.resolver_address());
    let [settings, lua] = snippets("PowerDNS Recursor", site);
    let folder = plan.folder().display().to_string();
    let settings = settings.replace("/etc/powerdns", &folder);
    assert!(settings.contains(&folder), "the Lua file is in another place:\n{settings}");
    let config = format!(
        "{settings}\n\
         local-address={address}\n\
         hint-file={hints}\n\
         socket-dir={folder}\n\
         daemon=no\n\
         write-pid=no\n\
         disable-syslog=yes\n\
         security-poll-suffix=\n\
         dnssec=validate\n",
        address = plan.address(),
        hints = site.root_hints().display(),
    );
    plan.write("recursor.conf", &config);
    plan.write("recursor.lua", &lua);
    plan.start("/usr/sbin/pdns_recursor", [format!("--config-dir={folder}")])
}
