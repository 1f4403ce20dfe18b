//! What client and server tell each other they can do (MySQL manual, "Capabilities Flags").
//!
//! `CLIENT_DEPRECATE_EOF` is left out, so that results end with one kind of packet everywhere;
//! `CLIENT_LOCAL_FILES` is left out, so that no server may ask for a file. MariaDB's own flags need
//! [`LONG_PASSWORD`] to be absent, and none of them is wanted.

/// Also says that the client is not one with MariaDB's own flags.
const LONG_PASSWORD: u32 = 1;
const PROTOCOL_41: u32 = 1 << 9;
/// The server speaks TLS.
pub const SSL: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const MULTI_STATEMENTS: u32 = 1 << 16;
const MULTI_RESULTS: u32 = 1 << 17;
/// Ways to log in have names.
pub const PLUGIN_AUTH: u32 = 1 << 19;
/// The client may name itself.
pub const CONNECT_ATTRS: u32 = 1 << 20;
/// The first answer to the challenge may be long.
pub const PLUGIN_AUTH_LENENC: u32 = 1 << 21;

/// What a probe cannot do without.
pub const REQUIRED: u32 = PROTOCOL_41 | SECURE_CONNECTION | MULTI_STATEMENTS | MULTI_RESULTS;

/// What a probe asks for of a server that can do `theirs`. TLS is asked for separately.
pub fn wanted(theirs: u32) -> u32 {
    let optional = TRANSACTIONS | PLUGIN_AUTH | CONNECT_ATTRS | PLUGIN_AUTH_LENENC;
    LONG_PASSWORD | REQUIRED | theirs & optional
}
