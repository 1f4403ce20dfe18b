//! The resolvers of this host (resolv.conf(5)).

use std::net::{IpAddr, SocketAddr};

/// Where the system names them.
pub const FILE: &str = "/etc/resolv.conf";

/// Those that a file with this text names. One with the zone of an IPv6 address is left out: it names an
/// interface.
pub fn named(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next()?.parse::<IpAddr>().ok())?
    });
    servers.map(|address| SocketAddr::new(address, PORT)).collect()
}

const PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_its_resolvers() {
        let text = "# nameserver 10.0.0.1\nsearch internal\nnameserver 10.0.0.2\n\
                    nameserver fe80::1%eth0\n nameserver fd00::53 \nnameserver\noptions edns0\n";
        let expected: [SocketAddr; 2] =
            ["10.0.0.2:53", "[fd00::53]:53"].map(|at| at.parse().unwrap());
        assert_eq!(named(text), expected);
    }
}
