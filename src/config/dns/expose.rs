//! `[dns.expose]`: who may see what beside the served names.

use crate::config::read::{Conversion, Field, Networks, section};

section! {
    /// Who may see what beside the served names.
    ExposeSection = "[dns.expose]" {
        /// SRV of the served names.
        srv: Networks = Networks::All,
        /// Addresses of single servers.
        servers: Networks = Networks::All,
        /// How a served name comes about.
        status: Networks = Networks::local(),
        /// How a server is judged.
        why: Networks = Networks::local(),
        /// A cluster's last changes.
        events: Networks = Networks::local(),
        /// Our version.
        version: Networks = Networks::local(),
        /// Our identity.
        identity: Networks = Networks::local(),
    }
}

/// Who may see what beside the served names (`[dns.expose]`). A network that is left out gets
/// REFUSED; a name that nobody may see does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposeConfig {
    /// `_postgresql._tcp.<name>` and `_mysql._tcp.<name>` SRV.
    pub srv: Networks,
    /// `<server>.<zone>` A and AAAA. Without them SRV records would point nowhere.
    pub servers: Networks,
    /// `_status.<name>` TXT.
    pub status: Networks,
    /// `_why.<server>.<zone>` TXT.
    pub why: Networks,
    /// `_events.<cluster>.<zone>` TXT.
    pub events: Networks,
    /// CH TXT `version.bind` and `version.server`.
    pub version: Networks,
    /// CH TXT `hostname.bind` and `id.server`, and the NSID option (RFC 5001).
    pub identity: Networks,
}

impl Default for ExposeConfig {
    fn default() -> Self {
        convert(&Field::Absent, &mut Conversion::of_nothing())
    }
}

/// `[dns.expose]`, which may be left out.
pub fn convert(field: &Field<ExposeSection>, conversion: &mut Conversion<'_>) -> ExposeConfig {
    let absent = ExposeSection::default();
    let section = field.given().unwrap_or(&absent);
    let config = ExposeConfig {
        srv: section.srv(),
        servers: section.servers(),
        status: section.status(),
        why: section.why(),
        events: section.events(),
        version: section.version(),
        identity: section.identity(),
    };
    if let (Some(place), true) = (
        section.servers.span(),
        config.servers == Networks::Nobody && config.srv != Networks::Nobody,
    ) {
        conversion.faults.add(
            place,
            "`servers` = \"none\" leaves the targets of SRV records without addresses",
            "add srv = \"none\", or let those see the servers who see SRV records",
        );
    }
    config
}
