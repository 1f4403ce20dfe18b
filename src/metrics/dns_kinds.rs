//! By what the DNS workers tell queries and replies apart: closed lists, each with its words.

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsTransport {
    /// Over UDP.
    Udp,
    /// Over TCP.
    Tcp,
    /// Over TLS.
    Tls,
}

/// What a query asks for: the types that clients of databases ask for, and all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Name servers.
    Ns,
    /// The serial, above all.
    Soa,
    /// A name for an address.
    Ptr,
    /// Text: `_status`, `_why`, `_events`, `version.bind`.
    Txt,
    /// A service with its port.
    Srv,
    /// What browsers ask for.
    Https,
    /// Everything that there is.
    Any,
    /// Any other type.
    Other,
    /// No question was read: there is none, it is broken, or nobody looked.
    Unread,
}

/// Response codes (RFC 6895 section 2.3) that we give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyCode {
    /// 0.
    NoError,
    /// 1.
    FormErr,
    /// 2.
    ServFail,
    /// 3.
    NxDomain,
    /// 4.
    NotImp,
    /// 5.
    Refused,
    /// 9.
    NotAuth,
    /// 16.
    BadVers,
    /// 23.
    BadCookie,
    /// Any other: there is none.
    Other,
}

/// Why a query was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The client may not ask this.
    Prohibited,
    /// A zone transfer.
    NotSupported,
    /// The name lies in no zone of ours, or in another class.
    NotAuthoritative,
}

/// Why a message got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It is shorter than a header.
    Short,
    /// It is a reply itself.
    Reply,
    /// Its sender is over the rate limit.
    RateLimited,
    /// Its reply could not be written.
    Unwritable,
}

impl DnsTransport {
    /// All of them with what they are called, in order.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Udp, "udp"), (Self::Tcp, "tcp"), (Self::Tls, "tls")];
}

impl QueryType {
    /// All of them with what they are called, in order.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::A, "A"),
        (Self::Aaaa, "AAAA"),
        (Self::Ns, "NS"),
        (Self::Soa, "SOA"),
        (Self::Ptr, "PTR"),
        (Self::Txt, "TXT"),
        (Self::Srv, "SRV"),
        (Self::Https, "HTTPS"),
        (Self::Any, "ANY"),
        (Self::Other, "other"),
        (Self::Unread, "unread"),
    ];

    /// The kind of a type number.
    #[inline]
    pub fn of(number: u16) -> Self {
        match number {
            1 => Self::A,
            28 => Self::Aaaa,
            2 => Self::Ns,
            6 => Self::Soa,
            12 => Self::Ptr,
            16 => Self::Txt,
            33 => Self::Srv,
            65 => Self::Https,
            255 => Self::Any,
            _ => Self::Other,
        }
    }
}

impl ReplyCode {
    /// All of them with what they are called, in order.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::NoError, "NOERROR"),
        (Self::FormErr, "FORMERR"),
        (Self::ServFail, "SERVFAIL"),
        (Self::NxDomain, "NXDOMAIN"),
        (Self::NotImp, "NOTIMP"),
        (Self::Refused, "REFUSED"),
        (Self::NotAuth, "NOTAUTH"),
        (Self::BadVers, "BADVERS"),
        (Self::BadCookie, "BADCOOKIE"),
        (Self::Other, "other"),
    ];

    /// The kind of a code number.
    #[inline]
    pub fn of(number: u16) -> Self {
        match number {
            0 => Self::NoError,
            1 => Self::FormErr,
            2 => Self::ServFail,
            3 => Self::NxDomain,
            4 => Self::NotImp,
            5 => Self::Refused,
            9 => Self::NotAuth,
            16 => Self::BadVers,
            23 => Self::BadCookie,
            _ => Self::Other,
        }
    }
}

impl Refused {
    /// All of them with what they are called, in order.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Prohibited, "prohibited"),
        (Self::NotSupported, "not supported"),
        (Self::NotAuthoritative, "not authoritative"),
    ];
}

impl Dropped {
    /// All of them with what they are called, in order.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Short, "short"),
        (Self::Reply, "reply"),
        (Self::RateLimited, "rate limited"),
        (Self::Unwritable, "unwritable"),
    ];
}
