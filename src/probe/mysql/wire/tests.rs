//! The wire against a peer on a socket.
