//! What the configuration has no fault in, and what is nevertheless in the way of `serve` on this
//! machine: folders and the token's file. They are warnings, because the service may have what this
//! process does not: systemd makes its folders when it starts.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, access};

use crate::config::{Config, read_token};

/// One thing in the way. It prints as one line with what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The folder of the admin socket is not there.
    #[error(
        "the folder of `{}`, the `socket` of [admin], is missing, and `serve` does not start \
         without it; create it, or let systemd do it (RuntimeDirectory=pointsman makes \
         /run/pointsman at the start)",
        socket.display()
    )]
    NoSocketFolder {
        /// The socket.
        socket: PathBuf,
    },
    /// It is there, and this user may not write into it.
    #[error(
        "the folder of `{}`, the `socket` of [admin], cannot be written to by this user, and \
         `serve` does not start for a user that cannot; let the service's user write to it",
        socket.display()
    )]
    SocketFolderClosed {
        /// The socket.
        socket: PathBuf,
    },
    /// The state folder is not there.
    #[error(
        "`{}`, the `directory` of [state], is missing, so nothing survives a restart; create it, \
         or let systemd do it (StateDirectory=pointsman makes /var/lib/pointsman at the start)",
        folder.display()
    )]
    NoStateFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// It is there, and this user may not write into it.
    #[error(
        "`{}`, the `directory` of [state], cannot be written to by this user, and nothing survives \
         a restart for a user that cannot; let the service's user write to it",
        folder.display()
    )]
    StateFolderClosed {
        /// The folder.
        folder: PathBuf,
    },
    /// The token's file gives none.
    #[error(
        "`{}`, the `token_file` of [admin], gives no token, so nothing can be changed over HTTP: \
         {fault}",
        file.display()
    )]
    NoToken {
        /// The file.
        file: PathBuf,
        /// Why not.
        fault: String,
    },
}

/// All of them. The token is only looked at where `with_secrets` says so.
pub fn obstacles(config: &Config, with_secrets: bool) -> Vec<Obstacle> {
    let mut found = Vec::new();
    if let Some(socket) = config.admin.socket.clone() {
        let folder = socket.parent().filter(|folder| !folder.as_os_str().is_empty());
        match entry(folder.unwrap_or_else(|| Path::new("."))) {
            Entry::Missing => found.push(Obstacle::NoSocketFolder { socket }),
            Entry::Closed => found.push(Obstacle::SocketFolderClosed { socket }),
            Entry::Open => {}
        }
    }
    if let Some(folder) = config.state.directory.clone() {
        match entry(&folder) {
            Entry::Missing => found.push(Obstacle::NoStateFolder { folder }),
            Entry::Closed => found.push(Obstacle::StateFolderClosed { folder }),
            Entry::Open => {}
        }
    }
    let named = config.admin.tokens.iter().map(|token| token.file.clone());
    let tokens = config.admin.token_file.clone().into_iter().chain(named);
    for file in tokens.filter(|_| with_secrets) {
        if let Err(fault) = read_token(&file) {
            found.push(Obstacle::NoToken { file, fault: fault.to_string() });
        }
    }
    found
}

/// What this process can do with a folder.
enum Entry {
    Missing,
    Closed,
    Open,
}

fn entry(folder: &Path) -> Entry {
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Entry::Missing,
        Ok(_) if access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_err() => Entry::Closed,
        Ok(_) => Entry::Open,
        Err(error) if is_absent(&error) => Entry::Missing,
        // Whoever may not look cannot write either.
        Err(_) => Entry::Closed,
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
