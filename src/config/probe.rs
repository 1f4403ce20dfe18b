//! `[cluster.probe]`: how the servers of a cluster are asked, and when what they say counts.

use std::{
    ops::{Range, RangeInclusive},
    path::PathBuf,
    time::Duration,
};

use toml::Spanned;

use super::{
    AuthConfig, Secret, TlsMode,
    auth::{AuthFields, AuthMethod, ChannelBinding, RequireAuth, ServerPublicKey},
    checks::{AgentSection, CheckWord, CommandSection, HttpSection, PatroniSection},
    password::{PasswordFields, VariableName, password},
    read::{Conversion, Field, Section, Whole, section},
    tls::{self, TlsWord},
    words::Words,
};
use crate::{
    duration::written,
    engine::{ClusterKind, Thresholds},
};

section! {
    /// How servers are asked.
    ProbeSection = "[cluster.probe]" {
        /// Login role or user.
        user: String,
        /// File with the password.
        password_file: PathBuf,
        /// Environment variable with the password.
        password_env: VariableName,
        /// File with the password in the systemd credentials folder.
        password_credential: PathBuf,
        /// PostgreSQL database to connect to.
        database: String,
        /// Encryption.
        tls: TlsWord,
        /// Authorities for `verify-full`, PEM.
        ca_file: PathBuf,
        /// PostgreSQL: how a server may ask for a proof.
        require_auth: Vec<Spanned<AuthMethod>>,
        /// PostgreSQL: whether the proof is bound to the encrypted connection.
        channel_binding: ChannelBinding,
        /// MySQL: the server's RSA key, PEM.
        server_public_key_file: PathBuf,
        /// MySQL: whether any RSA key will do.
        get_server_public_key: bool,
        /// Normal cadence. One small query a second is noise for any database.
        interval: Duration [INTERVALS] = Duration::from_secs(1),
        /// Cadence while anything is in doubt: a promotion is seen within a quarter of a second.
        fast_interval(interval: Duration): Duration [INTERVALS]
            = Duration::from_millis(250).min(interval),
        /// Cadence of those who may become the writer that a write name waits for. A reply is out
        /// again in less than a tenth of it, and most waits are over within seconds.
        candidate_interval(fast_interval: Duration): Duration [CANDIDATE_INTERVALS]
            = Duration::from_millis(15).min(fast_interval),
        /// Deadline of a whole probe. Longer than a lost SYN's first retry (1 s, RFC 6298 section
        /// 2). Shorter than 50 ms mistakes load for death; longer than 30 s is no deadline.
        timeout: Duration [Duration::from_millis(50)..=Duration::from_secs(30)]
            = Duration::from_millis(1500),
        /// Soft failures in a row until Down: two may be one lost packet and its retry.
        fall: Whole<u32> [1..=100] = 3,
        /// Successes in a row until a replica is back: one may be the last gasp of a flapping link.
        rise: Whole<u32> [1..=100] = 2,
        /// Whether a row is updated on the primary with each probe.
        heartbeat_write: bool = false,
        /// Who is asked about each server.
        checks: Vec<Spanned<CheckWord>>,
        /// Patroni's REST API.
        patroni: PatroniSection,
        /// The status of an HTTP reply.
        http: HttpSection,
        /// A line of text in HAProxy's words.
        agent: AgentSection,
        /// The exit status of a command.
        command: CommandSection,
    }
}

/// How to ask the servers of one cluster (`[cluster.probe]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeConfig {
    /// Login role or user. Unused for `tcp`.
    pub user: Box<str>,
    /// Its password; `None` for servers that trust the user or ask for none.
    pub password: Option<Secret>,
    /// PostgreSQL: the database to connect to, `postgres` by default. MySQL connects without a schema.
    pub database: Box<str>,
    /// Encryption of the probe's connection.
    pub tls: TlsMode,
    /// What a server may be given of the password.
    pub auth: AuthConfig,
    /// Time between two probes while all is well.
    pub interval: Duration,
    /// Time between two probes while anything is in doubt.
    pub fast_interval: Duration,
    /// Least time between two probes of a server that may become the writer that its write name
    /// waits for.
    pub candidate_interval: Duration,
    /// One deadline around name resolution, connect, TLS, login and query.
    pub timeout: Duration,
    /// Whether one row of Pointsman's own table is updated on the published primary with each probe.
    pub heartbeat_write: bool,
}

impl ProbeConfig {
    /// The same as [`Self::for_strangers`] for a server that has to show that it knows the password or
    /// has the certificate; `None` where the protocol has no way to show it.
    pub fn for_proof(&self, kind: ClusterKind) -> Option<Self> {
        let config = self.for_strangers(kind);
        if kind != ClusterKind::Postgres || matches!(self.tls, TlsMode::VerifyFull { .. }) {
            return None;
        }
        let scram = AuthMethod::ScramSha256;
        let allowed = config.auth.require_auth.allows(scram, &self.tls).then_some(scram);
        let require_auth = RequireAuth::OneOf(allowed.into_iter().collect());
        Some(Self { auth: AuthConfig { require_auth, ..config.auth.clone() }, ..config })
    }

    /// The same for a server that nobody vouches for. Whoever answers there gets no password that it
    /// could read, hand on, or guess cheaply, unless a certificate shows who it is.
    ///
    /// PostgreSQL may ask by SCRAM with as many iterations as a server uses by default, and for
    /// nothing. MySQL and MariaDB are reached without TLS, within which the password would be sent
    /// as it is, and the key that a server sends encrypts nothing.
    #[must_use]
    pub fn for_strangers(&self, kind: ClusterKind) -> Self {
        let config = Self { heartbeat_write: false, ..self.clone() };
        if matches!(self.tls, TlsMode::VerifyFull { .. }) {
            return config;
        }
        let harmless = [AuthMethod::ScramSha256, AuthMethod::None];
        let allowed =
            harmless.into_iter().filter(|method| self.auth.require_auth.allows(*method, &self.tls));
        let server_public_key = match &self.auth.server_public_key {
            ServerPublicKey::Requested => ServerPublicKey::Unknown,
            known => known.clone(),
        };
        let auth = AuthConfig {
            require_auth: RequireAuth::OneOf(allowed.collect()),
            server_public_key,
            scram_iterations_min: SCRAM_ITERATIONS_MIN,
            ..self.auth.clone()
        };
        let tls = match kind {
            ClusterKind::MySql => TlsMode::Disable,
            ClusterKind::Postgres | ClusterKind::Tcp => self.tls.clone(),
        };
        Self { auth, tls, ..config }
    }
}

/// What PostgreSQL uses by default, and the least that RFC 7677 section 4 recommends.
const SCRAM_ITERATIONS_MIN: u32 = 4_096;

/// How to probe a cluster of `kind`, if that is known, in which some server is asked itself if
/// `database`, and when its evidence turns into a judgement. `None` once a fault has been reported.
pub fn convert(
    kind: Option<ClusterKind>,
    database: bool,
    field: &Field<ProbeSection>,
    cluster: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<(ProbeConfig, Thresholds)> {
    if !field.is_present() && kind.is_some_and(|kind| kind != ClusterKind::Tcp) {
        conversion.faults.add(
            cluster.clone(),
            "the cluster has no [cluster.probe]",
            "add it with user = \"pointsman\" and the password's source",
        );
    }
    let absent = ProbeSection::default();
    let section = match (field, kind) {
        (Field::Given(section), _) => section.get_ref(),
        (_, Some(ClusterKind::Tcp)) => &absent,
        _ => return None,
    };
    let place = field.span().unwrap_or_else(|| cluster.clone());
    let times = Times::convert(section, conversion);
    let (fall, rise) = (section.fall(conversion), section.rise(conversion));
    match kind {
        Some(ClusterKind::Tcp) => no_login(section, "\"tcp\" probes only connect", conversion),
        Some(ClusterKind::Postgres) if !database => {
            no_login(section, "no server has \"database\" in its `checks`", conversion);
        }
        Some(ClusterKind::MySql) => {
            let reason = "MySQL and MariaDB are asked without a database";
            conversion.useless(&section.database, "database", reason);
        }
        Some(ClusterKind::Postgres) | None => {}
    }
    if database && kind.is_some_and(|kind| kind != ClusterKind::Tcp) {
        let example = (ProbeSection::TITLE, "user = \"pointsman\"");
        conversion.required(&section.user, &place, example);
    }
    let default_database = match kind {
        Some(ClusterKind::Postgres) => POSTGRES_DATABASE,
        _ => "",
    };
    let tls = match kind {
        Some(ClusterKind::Tcp) => TlsMode::Disable,
        _ => tls::convert(&section.tls, &section.ca_file, TlsWord::Prefer, conversion),
    };
    let config = ProbeConfig {
        user: section.user.given().map_or("", String::as_str).into(),
        password: match kind {
            Some(ClusterKind::Tcp) => None,
            _ => {
                let fields = PasswordFields {
                    file: &section.password_file,
                    env: &section.password_env,
                    credential: &section.password_credential,
                };
                password(&fields, conversion)
            }
        },
        database: section.database.given().map_or(default_database, String::as_str).into(),
        auth: match kind {
            Some(kind) if database => section.auth().convert(kind, &tls, conversion),
            _ => AuthConfig::default(),
        },
        tls,
        interval: times.interval,
        fast_interval: times.fast_interval,
        candidate_interval: times.candidate_interval,
        timeout: times.timeout,
        heartbeat_write: section.heartbeat_write(),
    };
    Some((config, times.thresholds(fall, rise)))
}

impl ProbeSection {
    /// What it says of the password's use.
    fn auth(&self) -> AuthFields<'_> {
        AuthFields {
            require_auth: &self.require_auth,
            channel_binding: &self.channel_binding,
            server_public_key_file: &self.server_public_key_file,
            get_server_public_key: &self.get_server_public_key,
            tls: &self.tls,
        }
    }
}

/// Reports what a probe that does not log in cannot use.
fn no_login(section: &ProbeSection, reason: &str, conversion: &mut Conversion<'_>) {
    conversion.useless(&section.user, "user", reason);
    conversion.useless(&section.password_file, "password_file", reason);
    conversion.useless(&section.password_env, "password_env", reason);
    conversion.useless(&section.password_credential, "password_credential", reason);
    conversion.useless(&section.database, "database", reason);
    conversion.useless(&section.tls, "tls", reason);
    conversion.useless(&section.ca_file, "ca_file", reason);
    section.auth().useless(reason, conversion);
    conversion.useless(&section.heartbeat_write, "heartbeat_write", reason);
}

/// The cadence of probes.
struct Times {
    interval: Duration,
    fast_interval: Duration,
    candidate_interval: Duration,
    timeout: Duration,
}

impl Times {
    fn convert(section: &ProbeSection, conversion: &mut Conversion<'_>) -> Self {
        let interval = section.interval(conversion);
        let fast_interval = section.fast_interval(interval, conversion);
        if let (Some(place), true) = (section.fast_interval.span(), fast_interval > interval) {
            let (fast, normal) = (written(fast_interval), written(interval));
            conversion.faults.add(
                place,
                format!("`fast_interval` = \"{fast}\" is longer than `interval` = \"{normal}\""),
                "make it shorter: it is the cadence while in doubt",
            );
        }
        let candidate_interval = section.candidate_interval(fast_interval, conversion);
        let too_long = candidate_interval > fast_interval;
        if let (Some(place), true) = (section.candidate_interval.span(), too_long) {
            let (candidate, fast) = (written(candidate_interval), written(fast_interval));
            conversion.faults.add(
                place,
                format!(
                    "`candidate_interval` = \"{candidate}\" is longer than \
                     `fast_interval` = \"{fast}\""
                ),
                "make it shorter: it is the cadence while a write name waits for its next writer",
            );
        }
        let timeout = section.timeout(conversion);
        let most = INTERVALS_PER_TIMEOUT * interval;
        let place = section.timeout.span().or_else(|| section.interval.span());
        if let (Some(place), true) = (place, timeout > most) {
            let (timeout, normal) = (written(timeout), written(interval));
            let times = INTERVALS_PER_TIMEOUT;
            conversion.faults.add(
                place,
                format!(
                    "`timeout` = \"{timeout}\" is over {times} times `interval` = \"{normal}\""
                ),
                "lower `timeout` or raise `interval`: a due probe waits for the one before it",
            );
        }
        Self { interval, fast_interval, candidate_interval, timeout }
    }

    fn thresholds(&self, fall: u32, rise: u32) -> Thresholds {
        Thresholds {
            fall,
            rise,
            stale_after: stale_after(self.interval, self.timeout),
            first_round: first_round(self.timeout),
        }
    }
}

/// What a reload says of it.
pub fn changes(was: &ProbeConfig, is: &ProbeConfig, words: &mut Words) {
    let ProbeConfig {
        user,
        password,
        database,
        tls,
        auth,
        interval,
        fast_interval,
        candidate_interval,
        timeout,
        heartbeat_write,
    } = is;
    words.setting("probe ", "user", (&was.user, user));
    if was.password != *password {
        words.add("probe password is another one");
    }
    words.setting("probe ", "database", (&was.database, database));
    if was.tls != *tls {
        words.add(format!("probe tls is {tls:?}, or its authorities are others"));
    }
    if was.auth != *auth {
        words.add("probe gives the password under other conditions");
    }
    words.setting("probe ", "interval", (&was.interval, interval));
    words.setting("probe ", "fast_interval", (&was.fast_interval, fast_interval));
    let candidates = (&was.candidate_interval, candidate_interval);
    words.setting("probe ", "candidate_interval", candidates);
    words.setting("probe ", "timeout", (&was.timeout, timeout));
    words.setting("probe ", "heartbeat_write", (&was.heartbeat_write, heartbeat_write));
}

/// What a reload says of when evidence turns into a judgement.
pub fn changes_of_thresholds(was: &Thresholds, is: &Thresholds, words: &mut Words) {
    // The others follow from settings of the probe.
    let Thresholds { fall, rise, stale_after: _, first_round: _ } = is;
    words.setting("probe ", "fall", (&was.fall, fall));
    words.setting("probe ", "rise", (&was.rise, rise));
}

/// Silence after which a probe task counts as stuck: three honest rounds, and not less than one of
/// a server that has been down for long and a quarter of that, so that neither its slow pace nor a
/// busy machine that starves the probes for a moment turns servers Unknown.
fn stale_after(interval: Duration, timeout: Duration) -> Duration {
    let slowest = Thresholds::SLOWEST.max(interval) + timeout;
    (3 * (interval + timeout)).max(slowest * 5 / 4)
}

/// How long a name may say "not ready" after the start: the first probe's deadline and 500 ms of
/// start jitter.
fn first_round(timeout: Duration) -> Duration {
    timeout + Duration::from_millis(500)
}

/// Limits of both intervals. Faster is load without knowledge; slower is no monitoring.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// Limits of the cadence of candidates. Faster than a busy server answers is load without knowledge.
const CANDIDATE_INTERVALS: RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_secs(300);

/// A timeout of more intervals than this means that one of the two is a slip of the pen: a probe
/// that is due waits for the one before it, so the interval would never be kept when it matters.
const INTERVALS_PER_TIMEOUT: u32 = 10;

/// The database that a PostgreSQL probe connects to: it exists unless somebody drops it.
const POSTGRES_DATABASE: &str = "postgres";

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    fn config(tls: TlsMode, auth: AuthConfig) -> ProbeConfig {
        ProbeConfig {
            user: "pointsman".into(),
            password: None,
            database: "postgres".into(),
            tls,
            auth,
            interval: Duration::from_secs(1),
            fast_interval: Duration::from_secs(1),
            candidate_interval: Duration::from_millis(15),
            timeout: Duration::from_secs(1),
            heartbeat_write: true,
        }
    }

    #[test]
    fn a_stranger_gets_nothing_that_it_could_read_or_hand_on() {
        let everything =
            [AuthMethod::Password, AuthMethod::Md5, AuthMethod::ScramSha256, AuthMethod::None];
        let lists = [RequireAuth::Default, RequireAuth::OneOf(everything.into())];
        for tls in [TlsMode::Disable, TlsMode::Prefer, TlsMode::Require] {
            for require_auth in lists.clone() {
                let server_public_key = ServerPublicKey::Requested;
                let auth = AuthConfig { require_auth, server_public_key, ..AuthConfig::default() };
                let config = config(tls.clone(), auth);
                let careful = config.for_strangers(ClusterKind::Postgres);
                let allowed = everything
                    .into_iter()
                    .filter(|method| careful.auth.require_auth.allows(*method, &careful.tls));
                let allowed: Vec<_> = allowed.collect();
                assert_eq!(allowed, [AuthMethod::ScramSha256, AuthMethod::None], "{tls:?}");
                assert_eq!(careful.auth.scram_iterations_min, 4_096);
                assert!(!careful.heartbeat_write);
                let proof = config.for_proof(ClusterKind::Postgres).expect("SCRAM shows it");
                let auth = &proof.auth;
                let mut lets = everything
                    .into_iter()
                    .filter(|method| auth.require_auth.allows(*method, &proof.tls));
                assert_eq!(lets.next(), Some(AuthMethod::ScramSha256), "{tls:?}");
                assert_eq!((lets.next(), auth.scram_iterations_min), (None, 4_096));
                assert_eq!(config.for_proof(ClusterKind::MySql), None);
                let careful = config.for_strangers(ClusterKind::MySql);
                assert_eq!(careful.auth.server_public_key, ServerPublicKey::Unknown);
                assert_eq!(careful.tls, TlsMode::Disable);
            }
        }
    }

    #[test]
    fn who_shows_a_certificate_is_no_stranger_to_the_password() {
        let tls = TlsMode::VerifyFull { authorities: Arc::default() };
        let config = config(tls, AuthConfig::default());
        for kind in [ClusterKind::Postgres, ClusterKind::MySql] {
            let same = ProbeConfig { heartbeat_write: false, ..config.clone() };
            assert_eq!(config.for_strangers(kind), same);
        }
    }
}
