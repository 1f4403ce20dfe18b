//! Knot Resolver, from Debian: version 5, which is configured in Lua.

use std::time::Duration;

use crate::{
    document::snippets,
    resolver::{Plan, Resolver},
    site::Site,
    story::{self, Trial},
};

#[test]
fn knot_resolver() {
    story::tell(Trial {
        title: "Knot Resolver",
        number: 7,
        // It waits for a lost server 2 s, 4 s or 8 s, then remembers.
        recovery: Duration::from_secs(30),
        start,
    });
}

fn start(site: &Site) -> Resolver {
    let plan = Plan::at(site.resolver_address());
    let [snippet] = snippets("Knot Resolver", site);
    let config = format!(
        "modules.load('hints')\n\
         hints.root_file('{hints}')\n\
         net.listen('{address}', {port}, {{ kind = 'dns' }})\n\
         cache.open(10 * MB, 'lmdb://{folder}/cache')\n\
         {snippet}\n",
        hints = site.root_hints().display(),
        address = plan.address().ip(),
        port = plan.address().port(),
        folder = plan.folder().display(),
    );
    plan.write("kresd.conf", &config);
    let file = plan.folder().join("kresd.conf");
    let folder = plan.folder().to_path_buf();
    plan.start(
        "/usr/sbin/kresd",
        ["-n".as_ref(), "-c".as_ref(), file.as_os_str(), folder.as_os_str()],
    )
}
