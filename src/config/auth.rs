//! What a server may be given of the password, and what it has to prove: `require_auth`,
//! `channel_binding`, `server_public_key_file` and `get_server_public_key` of `[cluster.probe]`.
//!
//! Only `tls = "verify-full"` checks who answers. In the other modes whoever answers in the place of a
//! server may ask for the password itself, so these say how far a login goes along. Their names are
//! those of libpq (`require_auth`, `channel_binding`) and of MySQL's clients
//! (`--server-public-key-path`, `--get-server-public-key`).

use std::{fmt, path::PathBuf, sync::Arc};

use toml::Spanned;

use super::{
    read::{self, Conversion, Field, one_of},
    tls::{TlsMode, TlsWord},
};
use crate::engine::ClusterKind;

/// How far a login goes along with what a server asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthConfig {
    /// PostgreSQL: how the server may ask for a proof.
    pub require_auth: RequireAuth,
    /// PostgreSQL: whether the proof is bound to the encrypted connection.
    pub channel_binding: ChannelBinding,
    /// PostgreSQL: the fewest iterations of SCRAM that are answered: with few of them a rogue server
    /// could try passwords cheaply. 0 for servers that an operator vouches for.
    pub scram_iterations_min: u32,
    /// MySQL and MariaDB: with whose key the password itself is encrypted where the connection is not.
    pub server_public_key: ServerPublicKey,
}

/// How a PostgreSQL server may ask for a proof (libpq, "require_auth").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RequireAuth {
    /// In each way that the password survives: in clear text only where TLS shows who asks.
    #[default]
    Default,
    /// In one of these ways.
    OneOf(Box<[AuthMethod]>),
}

impl RequireAuth {
    /// Whether a server that is reached by `tls` may ask by `method`.
    pub fn allows(&self, method: AuthMethod, tls: &TlsMode) -> bool {
        match (self, method) {
            (Self::OneOf(methods), method) => methods.contains(&method),
            (Self::Default, AuthMethod::Password) => matches!(tls, TlsMode::VerifyFull { .. }),
            (Self::Default, _) => true,
        }
    }
}

/// A way in which a PostgreSQL server asks for a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// The password in clear text: `password`, and what a server checks by LDAP, PAM or RADIUS.
    Password,
    /// A hash of it with MD5. Whoever asked for it can try passwords, and may hand it on.
    Md5,
    /// SCRAM-SHA-256, in which the server proves that it knows the password, too.
    ScramSha256,
    /// It does not ask: `trust`.
    None,
}

impl AuthMethod {
    /// The word of the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Md5 => "md5",
            Self::ScramSha256 => "scram-sha-256",
            Self::None => "none",
        }
    }
}

one_of! { AuthMethod, "\"password\", \"md5\", \"scram-sha-256\" or \"none\"",
    "password" => Self::Password,
    "md5" => Self::Md5,
    "scram-sha-256" => Self::ScramSha256,
    "none" => Self::None,
}

/// Whether SCRAM is bound to the certificate of the encrypted connection (RFC 5929), so that nobody
/// in between can hand it on (libpq, "channel_binding").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If the server offers it.
    #[default]
    Prefer,
    /// Or no login.
    Require,
}

one_of! { ChannelBinding, "\"disable\", \"prefer\" or \"require\"",
    "disable" => Self::Disable,
    "prefer" => Self::Prefer,
    "require" => Self::Require,
}

/// With whose key the password is encrypted for a MySQL server that asks for it over a connection
/// that is not (`caching_sha2_password` of an account that is not in the server's cache).
#[derive(Clone, Default, PartialEq, Eq)]
pub enum ServerPublicKey {
    /// With nobody's: there is no login.
    #[default]
    Unknown,
    /// With this one, a SubjectPublicKeyInfo in DER.
    Pinned(Arc<[u8]>),
    /// With the one that is sent by whoever answers.
    Requested,
}

/// Without the key.
impl fmt::Debug for ServerPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Pinned(_) => "pinned",
            Self::Requested => "requested",
        })
    }
}

/// The keys of the section.
pub struct AuthFields<'a> {
    pub require_auth: &'a Field<Vec<Spanned<AuthMethod>>>,
    pub channel_binding: &'a Field<ChannelBinding>,
    pub server_public_key_file: &'a Field<PathBuf>,
    pub get_server_public_key: &'a Field<bool>,
    pub tls: &'a Field<TlsWord>,
}

impl AuthFields<'_> {
    /// Reports each of them as useless, for `reason`.
    pub fn useless(&self, reason: &str, conversion: &mut Conversion<'_>) {
        self.postgres_useless(reason, conversion);
        self.mysql_useless(reason, conversion);
    }

    fn postgres_useless(&self, reason: &str, conversion: &mut Conversion<'_>) {
        conversion.useless(self.require_auth, "require_auth", reason);
        conversion.useless(self.channel_binding, "channel_binding", reason);
    }

    fn mysql_useless(&self, reason: &str, conversion: &mut Conversion<'_>) {
        conversion.useless(self.server_public_key_file, "server_public_key_file", reason);
        conversion.useless(self.get_server_public_key, "get_server_public_key", reason);
    }

    /// The settings for servers of `kind` that are reached by `tls`.
    pub fn convert(
        &self,
        kind: ClusterKind,
        tls: &TlsMode,
        conversion: &mut Conversion<'_>,
    ) -> AuthConfig {
        match kind {
            ClusterKind::Tcp => AuthConfig::default(),
            ClusterKind::Postgres => {
                self.mysql_useless("PostgreSQL has no such key", conversion);
                AuthConfig {
                    require_auth: self.require_auth(conversion),
                    channel_binding: self.channel_binding(tls, conversion),
                    ..AuthConfig::default()
                }
            }
            ClusterKind::MySql => {
                let reason = "MySQL and MariaDB log in by plugins, and know neither";
                self.postgres_useless(reason, conversion);
                let server_public_key = self.server_public_key(tls, conversion);
                AuthConfig { server_public_key, ..AuthConfig::default() }
            }
        }
    }

    fn require_auth(&self, conversion: &mut Conversion<'_>) -> RequireAuth {
        let Some(list) = self.require_auth.given_with_place() else {
            return RequireAuth::Default;
        };
        let mut methods: Vec<AuthMethod> = Vec::new();
        for item in list.get_ref() {
            let method = *item.get_ref();
            if methods.contains(&method) {
                let what = format!("{:?} twice in `require_auth`", method.name());
                conversion.faults.add(item.span(), what, "name every way once");
            }
            methods.push(method);
        }
        if methods.is_empty() {
            let what = "`require_auth` is an empty list";
            let advice = "name at least \"scram-sha-256\", or remove it";
            conversion.faults.add(list.span(), what, advice);
        }
        RequireAuth::OneOf(methods.into())
    }

    fn channel_binding(&self, tls: &TlsMode, conversion: &mut Conversion<'_>) -> ChannelBinding {
        let Some(binding) = self.channel_binding.given_with_place() else {
            return ChannelBinding::default();
        };
        if *binding.get_ref() != ChannelBinding::Require {
            return *binding.get_ref();
        }
        let may_be_plain = matches!(tls, TlsMode::Disable | TlsMode::Prefer);
        if may_be_plain && !matches!(self.tls, Field::Faulty) {
            let what = "`channel_binding` = \"require\" with a connection that may be unencrypted";
            let advice = "add tls = \"require\" or \"verify-full\"";
            conversion.faults.add(binding.span(), what, advice);
        }
        if let Some(methods) = self.require_auth.given()
            && !methods.iter().any(|method| *method.get_ref() == AuthMethod::ScramSha256)
        {
            let what =
                "`channel_binding` = \"require\" without \"scram-sha-256\" in `require_auth`";
            let advice = "add it: nothing else is bound to the connection";
            conversion.faults.add(binding.span(), what, advice);
        }
        ChannelBinding::Require
    }

    fn server_public_key(&self, tls: &TlsMode, conversion: &mut Conversion<'_>) -> ServerPublicKey {
        let requested = self.get_server_public_key.given().copied().unwrap_or(false);
        if let Some(file) = self.server_public_key_file.given_with_place() {
            if requested && let Some(place) = self.get_server_public_key.span() {
                let what = "`get_server_public_key` beside `server_public_key_file`";
                let advice = "remove it: the key of the file is used and no other";
                conversion.faults.add(place, what, advice);
            }
            if *tls != TlsMode::Disable && !matches!(self.tls, Field::Faulty) {
                let what = "`server_public_key_file` protects nothing here: within TLS the \
                            password is sent as it is";
                let advice = "add tls = \"disable\", or use tls = \"verify-full\" and a `ca_file` \
                              instead";
                conversion.faults.add(file.span(), what, advice);
            }
            let advice = "name a copy of the `public_key.pem` in the server's data directory";
            let key = conversion.content(file, read::public_key, advice);
            return key.map_or(ServerPublicKey::Unknown, ServerPublicKey::Pinned);
        }
        if !requested {
            return ServerPublicKey::Unknown;
        }
        if matches!(tls, TlsMode::Require | TlsMode::VerifyFull { .. }) {
            let reason = "every connection is encrypted";
            conversion.useless(self.get_server_public_key, "get_server_public_key", reason);
        }
        ServerPublicKey::Requested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_is_for_servers_that_are_known_or_by_the_operators_word() {
        let verified = TlsMode::VerifyFull { authorities: Arc::default() };
        for tls in [TlsMode::Disable, TlsMode::Prefer, TlsMode::Require] {
            assert!(!RequireAuth::Default.allows(AuthMethod::Password, &tls), "{tls:?}");
            for method in [AuthMethod::Md5, AuthMethod::ScramSha256, AuthMethod::None] {
                assert!(RequireAuth::Default.allows(method, &tls), "{method:?}");
                let scram = RequireAuth::OneOf([AuthMethod::ScramSha256].into());
                assert_eq!(scram.allows(method, &tls), method == AuthMethod::ScramSha256);
            }
            let clear = RequireAuth::OneOf([AuthMethod::Password].into());
            assert!(clear.allows(AuthMethod::Password, &tls));
        }
        assert!(RequireAuth::Default.allows(AuthMethod::Password, &verified));
    }
}
