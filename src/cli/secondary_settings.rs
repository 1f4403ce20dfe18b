//! The settings themselves, in the words of each server.

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use crate::config::{KeyConfig, SecondaryConfig, TransferTransport};

/// What the settings are made of.
pub struct Settings<'c> {
    /// The zones, without the last dot.
    pub zones: Vec<String>,
    /// The catalog from which it learns of them, without the last dot, if there is one.
    pub catalog: Option<String>,
    /// The name of the first zone's primary server.
    pub our_name: String,
    /// Whose settings.
    pub secondary: &'c SecondaryConfig,
    /// Where it reaches us.
    pub primaries: Vec<SocketAddr>,
    /// The secret of its key, or a word on where to find it.
    pub secret: Option<String>,
    /// Whether it signs the zones.
    pub is_signed: bool,
}

impl Settings<'_> {
    fn key(&self) -> Option<(&KeyConfig, &str)> {
        Some((self.secondary.key.as_deref()?, self.secret.as_deref()?))
    }

    /// The name of the key, without the last dot.
    fn key_name(&self) -> Option<String> {
        self.secondary.key.as_ref().map(|key| bare(&key.name.to_string()))
    }

    fn is_tls(&self) -> bool {
        self.secondary.transport == TransferTransport::Tls
    }

    fn no_tls(&self, server: &str) -> Result<(), String> {
        match self.is_tls() {
            true => {
                Err(format!("{server} does not transfer zones over TLS: write transport = \"tcp\""))
            }
            false => Ok(()),
        }
    }

    /// `nsd.conf`.
    pub fn nsd(&self) -> Result<String, String> {
        let mut text = "server:\n    # Two changes within a second are both loaded at once.\n    \
                        xfrd-reload-timeout: 0\n    # Clients are spread over the servers of a \
                        read name.\n    round-robin: yes\n"
            .to_owned();
        if self.is_tls() {
            text += "    tls-cert-bundle: \"/etc/ssl/certs/ca-certificates.crt\"\n";
        }
        if let Some((key, secret)) = self.key() {
            let (name, algorithm) = (bare(&key.name.to_string()), key.algorithm.name());
            text += &format!(
                "\nkey:\n    name: \"{name}\"\n    algorithm: {algorithm}\n    \
                 secret: \"{secret}\"\n"
            );
        }
        let mut way = "";
        if self.is_tls() {
            let name = bare(&self.our_name);
            text += &format!(
                "\ntls-auth:\n    name: \"pointsman\"\n    auth-domain-name: \"{name}\"\n"
            );
            way = " pointsman";
        }
        let key = self.key_name().unwrap_or_else(|| "NOKEY".into());
        for zone in &self.zones {
            text += &format!("\nzone:\n    name: \"{zone}\"\n");
            for primary in &self.primaries {
                let (ip, port) = (primary.ip(), primary.port());
                text += &format!("    allow-notify: {ip} {key}\n");
                text += &format!("    request-xfr: {ip}@{port} {key}{way}\n");
            }
        }
        Ok(text)
    }

    /// `knot.conf`.
    pub fn knot(&self) -> Result<String, String> {
        self.no_tls("Knot DNS 3.2")?;
        let mut text = "server:\n    # Clients are spread over the servers of a read name.\n    \
                        answer-rotation: on\n"
            .to_owned();
        let mut key_line = String::new();
        if let Some((key, secret)) = self.key() {
            let (name, algorithm) = (bare(&key.name.to_string()), key.algorithm.name());
            text += &format!(
                "\nkey:\n  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}\n"
            );
            key_line = format!("    key: {name}\n");
        }
        let ids: Vec<_> = (1..=self.primaries.len()).map(|n| format!("pointsman{n}")).collect();
        let mut signing = "";
        if self.is_signed {
            text += "\npolicy:\n  - id: signed\n    # One key for all of a zone.\n    \
                     single-type-signing: on\n    algorithm: ecdsap256sha256\n";
            signing = "    dnssec-signing: on\n    dnssec-policy: signed\n";
        }
        text += "\nremote:\n";
        for (id, primary) in ids.iter().zip(&self.primaries) {
            let (ip, port) = (primary.ip(), primary.port());
            text += &format!("  - id: {id}\n    address: {ip}@{port}\n{key_line}");
        }
        text += "\nacl:\n";
        for (id, primary) in ids.iter().zip(&self.primaries) {
            let ip = primary.ip();
            text +=
                &format!("  - id: {id}-notify\n    address: {ip}\n{key_line}    action: notify\n");
        }
        let acls: Vec<_> = ids.iter().map(|id| format!("{id}-notify")).collect();
        let from = format!(
            "    master: [{}]\n    acl: [{}]\n    # The zone is kept in the journal: no file is \
             written for each change.\n    zonefile-load: none\n    zonefile-sync: -1\n    \
             journal-content: all\n    # A lost NOTIFY costs no more than REFRESH.\n    \
             refresh-min-interval: 2\n    retry-min-interval: 1\n{signing}",
            ids.join(", "),
            acls.join(", ")
        );
        // It is told before the second begins in which it looks by itself.
        if self.secondary.notify_every.is_none_or(|every| every > KNOT_TOLD_EVERY) {
            text = format!(
                "# Write notify_every = \"{}ms\" into its [[zone.secondary]] of Pointsman: Knot \
                 DNS does not\n\
                 # hear NOTIFY in the second in which it looks by itself.\n{text}",
                KNOT_TOLD_EVERY.as_millis()
            );
        }
        if let Some(catalog) = &self.catalog {
            text += &format!(
                "\ntemplate:\n  - id: pointsman\n{from}\nzone:\n  - domain: {catalog}\n    \
                 # Which zones there are stands in this one.\n    catalog-role: interpret\n    \
                 catalog-template: pointsman\n{from}"
            );
            return Ok(text);
        }
        text += "\nzone:\n";
        for zone in &self.zones {
            text += &format!("  - domain: {zone}\n{from}");
        }
        Ok(text)
    }

    /// `named.conf`.
    pub fn bind(&self) -> Result<String, String> {
        if self.is_signed && self.catalog.is_some() {
            return Err("BIND signs no zones of a catalog: leave this secondary out of its \
                        `secondaries`"
                .into());
        }
        let signing = match self.is_signed {
            true => {
                "    # One key for all of the zone, ECDSA P-256.\n    inline-signing yes;\n    \
                     dnssec-policy default;\n"
            }
            false => "",
        };
        let mut text = String::new();
        let mut key_word = String::new();
        if let Some((key, secret)) = self.key() {
            let (name, algorithm) = (bare(&key.name.to_string()), key.algorithm.name());
            text += &format!(
                "key \"{name}\" {{\n    algorithm {algorithm};\n    secret \"{secret}\";\n}};\n\n"
            );
            key_word = format!(" key \"{name}\"");
        }
        let mut tls_word = "";
        if self.is_tls() {
            let name = bare(&self.our_name);
            text += &format!(
                "tls pointsman {{\n    protocols {{ TLSv1.3; }};\n    ca-file \
                 \"/etc/ssl/certs/ca-certificates.crt\";\n    remote-hostname \"{name}\";\n}};\n\n"
            );
            tls_word = " tls pointsman";
        }
        let mut primaries = String::new();
        for primary in &self.primaries {
            let (ip, port) = (primary.ip(), primary.port());
            let _ = writeln!(primaries, "        {ip} port {port}{key_word}{tls_word};");
        }
        let from = format!(
            "    primaries {{\n{primaries}    }};\n    # Its own floor is 300 s: a lost NOTIFY \
             would cost that.\n    min-refresh-time 1;\n    min-retry-time 1;\n    # Nobody else \
             is told or copies.\n    notify no;\n    allow-transfer {{ none; }};\n{signing}}};\n"
        );
        // BIND asks for the SOA ten times each 10 / rate seconds, and what comes meanwhile waits.
        text += "# Into options { }, for there is one only:\n#     serial-query-rate 1000; // \
                 its 20 lets the second of two changes wait half a second\n";
        let zones = match &self.catalog {
            Some(catalog) => {
                let primaries = primaries.replace("        ", "#         ");
                text += &format!(
                    "#     catalog-zones {{\n\
                     #         zone \"{catalog}\"\n\
                     #         zone-directory \"catalog\" min-update-interval 1\n\
                     #         default-primaries {{\n{primaries}#         }};\n#     }};\n#     \
                     min-refresh-time 1;\n#     min-retry-time 1;\n#     notify no;\n\
                     # Once: mkdir catalog\n"
                );
                std::slice::from_ref(catalog)
            }
            None => &self.zones[..],
        };
        text.push('\n');
        for zone in zones {
            text += &format!(
                "zone \"{zone}\" {{\n    type secondary;\n    file \"{zone}.copy\";\n{from}"
            );
        }
        Ok(text)
    }

    /// `pdns.conf`, and commands of `pdnsutil`.
    pub fn powerdns(&self) -> Result<String, String> {
        self.no_tls("PowerDNS")?;
        let mut text = "# pdns.conf\nsecondary=yes\n# A lost NOTIFY costs a second or two; the \
                        default is 60.\nxfr-cycle-interval=1\n# Answers are not kept beside the \
                        copy.\ncache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\n\n# Once, by \
                        pdnsutil:\n"
            .to_owned();
        if let Some((key, secret)) = self.key() {
            let (name, algorithm) = (bare(&key.name.to_string()), key.algorithm.name());
            text += &format!("# pdnsutil import-tsig-key {name} {algorithm} '{secret}'\n");
        }
        let primaries: Vec<_> = self.primaries.iter().map(ToString::to_string).collect();
        for zone in &self.zones {
            text += &format!("# pdnsutil create-secondary-zone {zone} {}\n", primaries.join(" "));
            if let Some(key) = self.key_name() {
                text += &format!("# pdnsutil activate-tsig-key {zone} {key} secondary\n");
            }
        }
        Ok(text)
    }

    /// `unbound.conf`.
    pub fn unbound(&self) -> Result<String, String> {
        if self.secondary.key.is_some() {
            return Err(format!(
                "unbound signs no requests (TSIG): give {} unsigned = true in place of its key",
                self.secondary.name
            ));
        }
        self.no_tls("unbound 1.17")?;
        let mut text = "server:\n    # Clients are spread over the servers of a read name.\n    \
                        rrset-roundrobin: yes\n"
            .to_owned();
        for zone in &self.zones {
            text += &format!(
                "    # A filter of private addresses leaves the zone alone.\n    \
                 private-domain: \"{zone}\"\n"
            );
        }
        for zone in &self.zones {
            text += &format!("\nauth-zone:\n    name: \"{zone}\"\n");
            for primary in &self.primaries {
                let (ip, port) = (primary.ip(), primary.port());
                text += &format!("    primary: {ip}@{port}\n    allow-notify: {ip}\n");
            }
            text += "    # Clients are answered from the copy itself, past the cache.\n    \
                     for-downstream: yes\n    for-upstream: yes\n    fallback-enabled: no\n";
        }
        Ok(text)
    }

    /// `kresd.conf`.
    pub fn knot_resolver(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        let addresses =
            self.primaries.iter().map(|primary| format!("'{}@{}'", primary.ip(), primary.port()));
        let names = self.zones.iter().map(|zone| format!("todname('{zone}')"));
        format!(
            "-- Knot Resolver keeps no copy of a zone: it asks us, and keeps answers for a TTL.\n\
             cache.min_ttl(1)\npolicy.add(policy.suffix(policy.STUB({{{}}}), {{{}}}))\n",
            list(addresses.collect()),
            list(names.collect())
        )
    }
}

/// Knot DNS 3.2 plans by whole seconds, and passes over NOTIFY from the beginning of the second for which its
/// next look is planned. It looks each two seconds: told so often, it always has its next look in a later one.
const KNOT_TOLD_EVERY: Duration = Duration::from_millis(800);

/// A name without its last dot, as other servers write it.
pub fn bare(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_owned()
}
