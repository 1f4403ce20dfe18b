//! The DNS server with what secondaries get, put together of the configuration.

use crate::{
    answers::Copied,
    config::{Config, Networks},
    dns::{self, BindError, DnsServer},
    inherited::Inherited,
    publish::Reader,
    transfer::{Listening, TransferService, Transfers},
};

/// Begins to answer, and to offer copies. Companion names go along that all may see, for a secondary
/// cannot tell who asks.
///
/// # Errors
/// [`BindError`]; nothing is open then.
pub fn open(
    config: &Config,
    reader: &Reader,
    inherited: &mut Inherited,
) -> Result<(DnsServer, Transfers, TransferService), BindError> {
    let transfers = Transfers::default();
    let dns = dns::open(&config.dns, reader, transfers.clone(), inherited)?;
    let all = |networks: &Networks| *networks == Networks::All;
    let expose = &config.dns.expose;
    let copied = Copied { services: all(&expose.srv), servers: all(&expose.servers) };
    let listening = Listening {
        plain: dns.local_addresses().to_vec(),
        encrypted: dns.tls_addresses().to_vec(),
    };
    let copies = transfers.serve(config.transfer.clone(), copied, listening, reader);
    Ok((dns, transfers, copies))
}
