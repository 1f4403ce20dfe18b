//! Tests of whole parts over real sockets, in one binary. Loopback addresses only.

mod dns;
