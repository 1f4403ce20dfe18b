//! dnsmasq, from Debian, with validation and its filter of private addresses switched on.

use std::time::Duration;

use crate::{
    document::snippets,
    resolver::{Plan, Resolver},
    site::Site,
    story::{self, Trial},
};

#[test]
fn dnsmasq() {
    story::tell(Trial { title: "dnsmasq", number: 5, recovery: Duration::from_secs(10), start });
}

fn start(site: &Site) -> Resolver {
    let plan = Plan::at(site.resolver_address());
    let [snippet] = snippets("dnsmasq", site);
    let config = format!(
        "{snippet}\n\
         listen-address={address}\n\
         port={port}\n\
         bind-interfaces\n\
         no-resolv\n\
         no-hosts\n\
         user=root\n\
         pid-file=\n\
         log-facility=-\n\
         stop-dns-rebind\n\
         dnssec\n\
         conf-file=/usr/share/dnsmasq-base/trust-anchors.conf\n",
        address = plan.address().ip(),
        port = plan.address().port(),
    );
    plan.write("dnsmasq.conf", &config);
    let file = plan.folder().join("dnsmasq.conf");
    plan.start("/usr/sbin/dnsmasq", ["-k".as_ref(), "-C".as_ref(), file.as_os_str()])
}
