//! A disk of a server's own that can be full: a small tmpfs (tmpfs(5)) in a private mount namespace
//! (mount_namespaces(7)).
//!
//! Only the thread that has entered such a namespace has disks, with every thread and process that
//! it starts. The kernel removes the mounts with the last of them, however it ends. Elsewhere a disk
//! is a plain directory that cannot be full.

use std::{
    cell::Cell,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use nix::sched::{CloneFlags, unshare};

use crate::account;

/// Octets of a disk. A server needs a quarter of it.
const SIZE: &str = "512m";

thread_local! {
    static IS_PRIVATE: Cell<bool> = const { Cell::new(false) };
}

/// Gives the present thread mounts of its own, so that its disks are small ones.
///
/// # Panics
/// Without root's rights.
pub fn enter_private_mounts() {
    unshare(CloneFlags::CLONE_NEWNS)
        .unwrap_or_else(|error| panic!("a disk that can be full needs root's rights: {error}"));
    account::run(Command::new("mount").args(["--make-rprivate", "/"]));
    IS_PRIVATE.set(true);
}

/// A directory with a size. Dropped, it is unmounted.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    is_mounted: bool,
}

impl Disk {
    /// Makes the directory `path`.
    pub fn at(path: &Path) -> Self {
        Self::with_size(path, SIZE)
    }

    /// The same with another size, as tmpfs(5) writes it.
    pub fn with_size(path: &Path, size: &str) -> Self {
        fs::create_dir(path).expect("a directory can be made");
        let is_mounted = IS_PRIVATE.get();
        if is_mounted {
            let options = format!("size={size},mode=0755");
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &options, "pointsman-test"]).arg(path);
            account::run(&mut mount);
        }
        Self { path: path.to_path_buf(), is_mounted }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the room that is left.
    ///
    /// # Panics
    /// When it is a plain directory.
    pub fn fill(&self) {
        assert!(self.is_mounted, "only a disk of its own may be filled");
        let mut ballast = File::create(self.ballast()).expect("a file can be made");
        for block in [1 << 20, 1 << 12] {
            let block = vec![0; block];
            while ballast.write_all(&block).is_ok() {}
        }
    }

    /// Ends [`Self::fill`].
    pub fn free(&self) {
        fs::remove_file(self.ballast()).expect("the disk was filled");
    }

    /// Whether files may be changed, for whoever it is, root as well.
    ///
    /// # Panics
    /// When it is a plain directory.
    pub fn allow_writing(&self, allowed: bool) {
        assert!(self.is_mounted, "only a disk of its own may be locked");
        let options = if allowed { "remount,rw" } else { "remount,ro" };
        account::run(Command::new("mount").args(["-o", options]).arg(&self.path));
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            drop(Command::new("umount").arg("--lazy").arg(&self.path).output());
        }
    }
}
