//! Whose a connection is: users, processes and control groups of this host.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// The processes that hold these sockets, by the numbers of the sockets. Of other users' processes
/// nothing is seen without `CAP_SYS_PTRACE`.
pub fn processes(inodes: &BTreeSet<u32>) -> BTreeMap<u32, Box<str>> {
    let mut found = BTreeMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let is_process =
            process.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        let Ok(files) =
            (if is_process { fs::read_dir(process.path().join("fd")) } else { continue })
        else {
            continue;
        };
        let held =
            files.flatten().filter_map(|file| socket_number(&fs::read_link(file.path()).ok()?));
        let held: Vec<u32> = held.filter(|inode| inodes.contains(inode)).collect();
        if held.is_empty() {
            continue;
        }
        if let Ok(name) = fs::read_to_string(process.path().join("comm")) {
            found.extend(held.into_iter().map(|inode| (inode, name.trim_end().into())));
        }
    }
    found
}

/// The number in `socket:[123]`.
fn socket_number(link: &Path) -> Option<u32> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The number of a user by name or number; `None` when there is none of this name.
pub fn user(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .or_else(|| user_of(&fs::read_to_string("/etc/passwd").unwrap_or_default(), text))
}

fn user_of(users: &str, name: &str) -> Option<u32> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

/// The accounts under which database servers run, as far as this host has them.
pub fn database_accounts() -> BTreeSet<u32> {
    ["postgres", "mysql", "mariadb"].into_iter().filter_map(user).collect()
}

/// The numbers of a control group and all below it, as the kernel says them of sockets. `path` is as
/// /proc/PID/cgroup has it, such as `/system.slice/shop.service`.
pub fn cgroups(path: &str) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    let mut folders = vec![Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'))];
    while let Some(folder) = folders.pop() {
        let Ok(about) = fs::metadata(&folder) else { continue };
        numbers.insert(about.ino());
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(below.map(|entry| entry.path()));
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_sockets_are_read() {
        let users = "root:x:0:0::/root:/bin/sh\npostgres:x:105:110::/:/bin/sh\nodd\n";
        assert_eq!(user_of(users, "postgres"), Some(105));
        assert_eq!(user_of(users, "x"), None);
        assert_eq!(user("1000"), Some(1_000));
        assert_eq!(socket_number(Path::new("socket:[4711]")), Some(4_711));
        assert_eq!(socket_number(Path::new("pipe:[4711]")), None);
    }

    #[test]
    fn our_own_socket_is_ours() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&socket));
        let inode = socket_number(&fs::read_link(file).unwrap()).unwrap();
        let comm = fs::read_to_string("/proc/self/comm").unwrap();
        let found = processes(&[inode].into());
        assert_eq!(found.get(&inode).map(|name| &**name), Some(comm.trim_end()));
    }
}
