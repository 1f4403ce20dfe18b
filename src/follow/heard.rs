//! What was answered for a name.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use crate::engine::ServerState;

/// How the port of a name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// By its SRV records (RFC 2782).
    BySrv,
    /// By whoever starts the agent.
    Given(u16),
}

/// What came of asking for one name once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Whom the name says.
    pub answer: Answer,
    /// What the text `_status` beside the name says of the servers of its cluster, by address and
    /// port; empty where nobody tells.
    pub servers: BTreeMap<SocketAddr, ServerWord>,
}

/// Whom a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// At least one server.
    Servers(BTreeSet<SocketAddr>),
    /// Nobody: no such name, or no address.
    Nobody,
    /// There was no answer, or none that counts, as SERVFAIL.
    Failed,
}

/// What is said of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerWord {
    /// Its state.
    pub state: ServerState,
    /// Whether the name says it.
    pub is_in: bool,
}

/// Reads one line of `_status`; nothing for lines that are about no server, or not understood.
pub fn server_words(line: &str) -> Vec<(SocketAddr, ServerWord)> {
    let (mut is_server, mut state, mut is_in) = (false, None, None);
    let (mut addresses, mut port) = ("", None);
    // The reason is quoted and stands at the end.
    let words = line.split('"').next().unwrap_or_default();
    for (key, value) in words.split_whitespace().filter_map(|word| word.split_once('=')) {
        match key {
            "server" => is_server = true,
            "state" => state = ServerState::ALL.into_iter().find(|one| one.to_string() == value),
            "in" => is_in = Some(value == "yes"),
            "address" => addresses = value,
            "port" => port = value.parse::<u16>().ok(),
            _ => {}
        }
    }
    let (true, Some(state), Some(is_in), Some(port)) = (is_server, state, is_in, port) else {
        return Vec::new();
    };
    let addresses = addresses.split(',').filter_map(|address| address.parse().ok());
    addresses.map(|address| (SocketAddr::new(address, port), ServerWord { state, is_in })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_status_is_read() {
        let line = "server=db1 state=StalePrimary lag=0.2s in=no address=10.0.0.1,fd00::1 \
                    port=5432 since=2026-11-21T06:00:00Z reason=\"in=yes state=Down\"";
        let word = ServerWord { state: ServerState::StalePrimary, is_in: false };
        let expected = ["10.0.0.1:5432", "[fd00::1]:5432"];
        let expected = expected.map(|at| (at.parse().unwrap(), word)).to_vec();
        assert_eq!(server_words(line), expected);
    }

    #[test]
    fn what_is_not_understood_says_nothing() {
        for line in [
            "",
            "name=write.db.internal. role=write servers=db1 stability=stable generation=7",
            "server=db1 state=Odd in=no address=10.0.0.1 port=5432",
            "server=db1 state=Down address=10.0.0.1 port=5432",
            "server=db1 state=Down in=no address=10.0.0.1",
            "server=db1 state=Down in=no address=nowhere port=5432",
            "override=drain server=db1 state=Down",
        ] {
            assert_eq!(server_words(line), [], "{line}");
        }
    }
}
