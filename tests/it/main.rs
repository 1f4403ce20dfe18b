//! Tests of whole parts over real sockets, in one binary: it links once. Loopback addresses only.

mod demo;
mod dns;
mod fake_mysql;
mod fake_postgres;
mod hostile_mysql;
mod hostile_postgres;
mod mysql_versions;
mod probe_cadence;
mod probe_tls;
mod simulated_server;
