//! Where something listens by TCP: no two at one place.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    ops::Range,
};

use toml::Spanned;

use super::DnsSection;
use crate::config::read::{Conversion, Field, Firsts};

/// `[dns] listen` when it is left out: only this host, until the operator says who else may ask.
/// IPv6 loopback is left out because containers often lack it and a start must not fail on a
/// default.
pub const LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 53));

/// Where something listens by TCP already.
pub struct Listeners {
    seen: Firsts<SocketAddr>,
    /// Whether `[dns] listen` is left out.
    by_default: bool,
}

impl Listeners {
    /// None yet, for a file with this `[dns]`.
    pub(in crate::config) fn new(dns: &Field<DnsSection>) -> Self {
        let by_default = match dns {
            Field::Absent => true,
            Field::Faulty => false,
            Field::Given(section) => !section.get_ref().listen.is_present(),
        };
        Self { seen: Firsts::default(), by_default }
    }

    /// The addresses of a list; `advice` when it is empty.
    pub(super) fn take(
        &mut self,
        list: &Spanned<Vec<Spanned<SocketAddr>>>,
        advice: impl Into<String>,
        conversion: &mut Conversion<'_>,
    ) -> Vec<SocketAddr> {
        if list.get_ref().is_empty() {
            conversion.faults.add(list.span(), "`listen` is empty", advice);
        }
        list.get_ref()
            .iter()
            .map(|address| {
                self.take_one(*address.get_ref(), address.span(), conversion);
                *address.get_ref()
            })
            .collect()
    }

    /// Reports `address` when something listens there. Port 0 is another port each time.
    pub(in crate::config) fn take_one(
        &mut self,
        address: SocketAddr,
        place: Range<usize>,
        conversion: &mut Conversion<'_>,
    ) {
        let what = match self.seen.earlier(address, place.clone()) {
            _ if address.port() == 0 => return,
            Some(first) => {
                let line = conversion.faults.line(&first);
                format!("\"{address}\" is already listened on, see line {line}")
            }
            None if self.by_default && address == LISTEN => {
                format!("\"{address}\" is already listened on, as the default of [dns] `listen`")
            }
            None => return,
        };
        conversion.faults.add(place, what, "remove one of them");
    }
}
