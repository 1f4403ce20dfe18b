//! Tests over real sockets, in one binary.

mod fake_mysql;
mod hostile_mysql;
mod mysql_versions;
