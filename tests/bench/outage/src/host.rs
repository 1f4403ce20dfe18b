//! The host of one application: a user of its own, by whom an agent knows its connections, and a
//! resolv.conf(5) of its own, in mounts of its own (mount_namespaces(7)).

use std::{
    ffi::OsStr,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
};

/// Who an application runs as, and whom it asks for names.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    user: u32,
    resolv_conf: Option<PathBuf>,
}

impl Host {
    /// The host of contestant `number`, with its files in `folder`.
    pub(crate) fn new(number: u8, name_server: Option<Ipv4Addr>, folder: &Path) -> Self {
        let resolv_conf = name_server.map(|server| {
            let path = folder.join(format!("resolv.conf{number}"));
            let text = format!("nameserver {server}\noptions timeout:1 attempts:2\n");
            fs::write(&path, text).expect("a file can be written");
            path
        });
        Self { user: FIRST_USER + u32::from(number), resolv_conf }
    }

    /// Its user's number.
    pub(crate) fn user(&self) -> u32 {
        self.user
    }

    /// Its resolv.conf(5).
    ///
    /// # Panics
    /// When it asks nobody.
    pub(crate) fn resolv_conf(&self) -> &Path {
        self.resolv_conf.as_deref().expect("it asks somebody")
    }

    /// A command that runs `program` there, and that the kernel kills with the thread that started
    /// it.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match &self.resolv_conf {
            Some(path) => {
                let mut command = Command::new("unshare");
                let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
                command.args(["--mount", "sh", "-c", script]).arg(path).arg("setpriv");
                command
            }
            None => Command::new("setpriv"),
        };
        command
            .args([format!("--reuid={}", self.user), format!("--regid={}", self.user)])
            .args(["--clear-groups", "--pdeathsig=KILL"])
            .arg(program)
            .current_dir("/");
        command
    }
}

/// Users that no system has.
const FIRST_USER: u32 = 64_960;
