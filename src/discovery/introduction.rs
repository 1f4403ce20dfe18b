//! What a server tells of itself and of those around it, when discovery asks.

use crate::engine::Endpoint;

/// One server's own words beside its [`Facts`](crate::engine::Facts). Nothing of it is proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// What it calls itself: `cluster_name` of PostgreSQL, `report_host` or `hostname` of MySQL and
    /// MariaDB.
    pub name: Option<Box<str>>,
    /// What no other server has: `server_uuid` of MySQL; `server_uid`, `server_id` and `bind_address` of MariaDB.
    /// PostgreSQL has no such thing, and two servers that were started in the same microsecond on the
    /// same port are one.
    pub instance: Option<Box<str>>,
    /// Where it says that it is reached: `inet_server_addr()` and `inet_server_port()`, or
    /// `report_host` and `report_port`.
    pub endpoint: Option<Endpoint>,
    /// Who receives from it, as far as the probe's user may see.
    pub followers: Vec<Follower>,
    /// The members of its group with their client addresses, where the group tells.
    pub members: Vec<Endpoint>,
    /// What the login has shown of it.
    pub login: Login,
}

/// What a login has shown of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// It knows the password or has the certificate, or its protocol has no way to show that.
    #[default]
    Proven,
    /// Nothing, although it could have: it lets in whoever comes.
    Open,
}

/// A replica as its source sees it. Its database port cannot be seen from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Its address, as text.
    pub host: Box<str>,
    /// `application_name` of PostgreSQL.
    pub name: Option<Box<str>>,
}

impl Introduction {
    /// Followers and members that are taken of one server; others are left out.
    pub const MOST: usize = 100;
}
