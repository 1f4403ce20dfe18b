//! The resolvers of this host.

use std::net::{IpAddr, SocketAddr};

/// Those that resolv.conf(5) with this text names.
pub fn system_resolvers(text: &str) -> Vec<SocketAddr> {
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
        assert_eq!(system_resolvers(text), expected);
    }
}
