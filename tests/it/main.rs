//! Tests of whole parts over real sockets, in one binary: it links once. Loopback addresses only.

#[expect(clippy::disallowed_methods, reason = "the process under test has real time only")]
mod activation;
#[expect(clippy::disallowed_methods, reason = "tests of another process have real time only")]
mod admin;
mod command_line;
mod demo;
mod discovery_kubernetes;
mod dns;
mod fake_http;
mod fake_mysql;
mod fake_postgres;
mod fuzz_corpus;
mod handshakes;
#[expect(clippy::disallowed_methods, reason = "the process under test has real time only")]
mod hooks;
mod hooks_packaged;
mod hostile_mysql;
mod hostile_postgres;
mod init;
mod mysql_sessions;
mod mysql_versions;
mod names;
#[expect(clippy::disallowed_methods, reason = "the process under test has real time only")]
mod overload;
mod probe_cadence;
mod probe_refusal;
mod probe_tls;
mod process;
#[expect(clippy::disallowed_methods, reason = "the process under test has real time only")]
mod reload;
mod rogue_postgres;
mod serve;
mod serve_tcp;
mod serve_witness;
mod servers;
mod simulated_server;
#[expect(clippy::disallowed_methods, reason = "the process under test has real time only")]
mod state;
mod witness;
mod witness_command;

use pointsman_testbed::patience;
