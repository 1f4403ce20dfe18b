//! Everything that needs sockets, in one binary: it links once.

mod fake_postgres;
mod hostile_postgres;
mod probe_cadence;
mod probe_tls;
