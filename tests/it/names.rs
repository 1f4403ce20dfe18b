//! Questions to a running service, and waiting for its answers.

use std::{net::SocketAddr, time::Duration};

use hickory_proto::rr::{RData, RecordType};

use crate::{
    dns::client::{Reply, ask},
    patience::PATIENCE,
};

/// A DNS server that is asked.
pub(crate) struct Names(pub(crate) SocketAddr);

impl Names {
    /// One question over UDP.
    pub(crate) async fn ask(&self, name: &str, record_type: RecordType) -> Reply {
        ask(name, record_type).edns(1232).udp(self.0).await
    }

    /// The addresses of `name`, sorted; `None` while it has none.
    pub(crate) async fn addresses(&self, name: &str) -> Option<Vec<String>> {
        let mut answers = self.ask(name, RecordType::A).await.answers();
        answers.sort();
        (!answers.is_empty()).then_some(answers)
    }

    /// The serial of the zone `internal.`
    pub(crate) async fn serial(&self) -> u32 {
        let reply = self.ask("internal.", RecordType::SOA).await;
        match reply.message.answers.as_slice() {
            [record] => match &record.data {
                RData::SOA(soa) => soa.serial,
                other => panic!("{other} instead of an SOA record"),
            },
            other => panic!("{other:?} instead of one record"),
        }
    }

    /// Asks until `name` has exactly these addresses.
    pub(crate) async fn wait_for(&self, name: &str, servers: &[SocketAddr]) {
        let mut expected: Vec<_> = servers.iter().map(|server| server.ip().to_string()).collect();
        expected.sort();
        let mut last = None;
        let in_time = tokio::time::timeout(PATIENCE, async {
            loop {
                last = self.addresses(name).await;
                if last.as_ref() == Some(&expected) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(in_time.await.is_ok(), "{name} has {last:?} instead of {expected:?}");
    }
}
