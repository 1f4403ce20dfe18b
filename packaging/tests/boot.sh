#!/bin/sh
# Boots a copy of a Debian system, with systemd as its PID 1, runs a script in it as a unit, and ends with
# what that says: boot.sh TREE SHARED SCRIPT [ARGUMENTS]
#
# TREE is the system, `/` for this one or what mmdebstrap has made. Nothing in it is changed: the copy is an
# overlay that is gone with this process. SHARED is a folder that the copy sees as /mnt, SCRIPT is in it, and its
# output is SHARED/log. Nothing of TREE's own is started but the journal. `operate` starts this, with mounts,
# processes, network, names and cgroup of its own.
#
# systemd-nspawn does the same, but asks the systemd of its host for a scope, and machines that run tests may
# have another PID 1.
set -eu

tree="$1"
shared="$2"
shift 2

# Nothing of this reaches the namespace that we came from.
mount --make-rprivate /
work="$shared/boot"
mkdir "$work"
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
root="$work/root"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$work/upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
# The kernel's settings and devices are everybody's. So that systemd leaves them alone, they cannot be written.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -o remount,bind,ro "$root/sys"
for folder in run tmp dev; do
    mount -t tmpfs -o mode=755 tmpfs "$root/$folder"
done
chmod 1777 "$root/tmp"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount --bind "$shared" "$root/mnt"
ip link set lo up

# What the system would mount and start at its boot: nothing but the journal.
rm -f "$root/etc/fstab"
# Systems that are images of containers forbid packages to start and stop services.
rm -f "$root/usr/sbin/policy-rc.d"
units="$root/usr/lib/systemd/system"
ln -sf /dev/null "$root/etc/systemd/system/systemd-remount-fs.service"
rm -rf "${root:?}/etc/systemd/system/"*.wants "${root:?}/etc/systemd/system/"*.requires
for wanted in "$units/"*.wants/*; do
    case "$wanted" in
    */systemd-journald*) ;;
    *) rm -f "$wanted" ;;
    esac
done
cat >"$root/etc/systemd/system/operate.service" <<UNIT
[Unit]
Requires=basic.target
After=basic.target
SuccessAction=exit
FailureAction=exit
FailureActionExitStatus=1

[Service]
Type=oneshot
TimeoutStartSec=5min
StandardOutput=file:/mnt/log
StandardError=inherit
ExecStart=/bin/bash $@
UNIT
exec chroot "$root" env -i container=pointsman-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=operate.service --show-status=false
