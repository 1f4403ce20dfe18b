//! The Unix socket and its file.
//!
//! Who may write to the file may command, so it is never, not for a moment, open to more than its
//! owner and group. The file of a process that died is replaced; that of one that lives is not.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};

use super::BindError;

/// The file of a bound socket. Dropping it removes it, unless another one is in its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Its device and inode; `None` when the file is the service manager's.
    identity: Option<(u64, u64)>,
}

/// Listens at `path`, for the owner and the group of this process.
pub fn bind(path: &Path) -> Result<(UnixListener, SocketFile), BindError> {
    make_way(path)?;
    listen(path).map_err(|source| BindError::unix(path, source))
}

/// Uses a socket that the service manager has bound to `path`. It keeps the file, and its rights are
/// those of the socket unit.
pub fn adopt(listener: UnixListener, path: &Path) -> Result<(UnixListener, SocketFile), BindError> {
    listener.set_nonblocking(true).map_err(|source| BindError::unix(path, source))?;
    Ok((listener, SocketFile { path: path.to_owned(), identity: None }))
}

/// Removes the file of a dead process.
fn make_way(path: &Path) -> Result<(), BindError> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(BindError::NoSocket { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        // Refused: nobody has it open any more.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|source| BindError::unix(path, source))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(BindError::Alive { path: path.to_owned() }),
        Err(source) => Err(BindError::unix(path, source)),
    }
}

fn listen(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Before it has a name: the file then begins with these rights, less the umask, and not with
    // more.
    let socket = File::from(std::os::fd::OwnedFd::from(socket));
    let rights = Permissions::from_mode(MODE);
    socket.set_permissions(rights.clone())?;
    let socket = Socket::from(std::os::fd::OwnedFd::from(socket));
    socket.bind(&SockAddr::unix(path)?)?;
    let found = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), identity: Some((found.dev(), found.ino())) };
    fs::set_permissions(path, rights)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((UnixListener::from(socket), file))
}

impl SocketFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| Some((found.dev(), found.ino())) == self.identity);
        if is_ours {
            // What stays behind is replaced at the next start.
            _ = fs::remove_file(&self.path);
        }
    }
}

/// Owner and group may connect.
const MODE: u32 = 0o660;

/// Clients that may wait to be accepted.
const BACKLOG: i32 = 128;

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn the_file_is_for_owner_and_group_and_goes_with_the_listener() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let (listener, file) = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        UnixStream::connect(&path).unwrap();
        assert_eq!(file.path(), path);
        drop((listener, file));
        assert!(!path.exists());
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (listener, file) = bind(&path).unwrap();
        assert!(matches!(bind(&path), Err(BindError::Alive { .. })));
        UnixStream::connect(&path).unwrap();
        drop((listener, file));
    }

    #[test]
    fn the_file_of_a_successor_is_left_alone() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let (_first, file) = bind(&path).unwrap();
        // Kept aside, for a freed inode may be given to the next file.
        fs::rename(&path, folder.path().join("old")).unwrap();
        let (_second, _kept) = bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }

    #[test]
    fn each_fault_says_what_to_do() {
        let folder = tempdir().unwrap();
        let text = |path: &Path| bind(path).map(|_| ()).unwrap_err().to_string();
        let file = folder.path().join("file");
        fs::write(&file, "precious").unwrap();
        assert!(text(&file).contains("is no socket; remove it, or set another `socket`"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        let missing = text(&folder.path().join("missing/admin.sock"));
        assert!(missing.contains("its folder is missing; create it"), "{missing}");
        let below_file = text(&file.join("admin.sock"));
        assert!(below_file.contains("its folder is missing"), "{below_file}");
        let long = text(&folder.path().join("x".repeat(120)));
        assert!(long.contains("too long for a socket"), "{long}");
    }
}
