#!/bin/sh
# Installs a package on a copy of this system, starts what it ships as its unit would, and removes
# it: install.sh PACKAGE EMPTY-FOLDER
#
# The copy is an overlay that is gone with this process; its network is a loopback of its own. Run
# with mounts, processes and network of its own: `unshare --mount --pid --fork --kill-child --net`.
set -eu

package="$1"
work="$2"
root="$work/root"

say() { echo "install.sh: $*"; }
fail() {
    echo "install.sh: FAILED: $*"
    exit 1
}
there() { [ -e "$root$1" ] || fail "$1 is missing"; }
gone() { [ ! -e "$root$1" ] || fail "$1 is still there"; }
inside() { chroot "$root" "$@"; }

mount --make-rprivate /
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
# /tmp may be what the folder is in.
mount -t tmpfs tmpfs "$root/tmp"
ip link set lo up
cp "$package" "$root/tmp/pointsman.deb"

say "installing"
# Triggers are other packages' work, such as the index of all man pages.
inside dpkg --no-triggers --install /tmp/pointsman.deb
inside getent group pointsman-admin || fail "there is no group pointsman-admin"
for file in /usr/bin/pointsman /etc/pointsman/pointsman.toml /usr/lib/sysusers.d/pointsman.conf \
    /usr/share/man/man1/pointsman.1.gz /usr/share/man/man1/pointsman-serve.1.gz \
    /usr/share/bash-completion/completions/pointsman /usr/share/zsh/vendor-completions/_pointsman \
    /usr/share/fish/vendor_completions.d/pointsman.fish /usr/share/doc/pointsman/OPERATING.md \
    /usr/share/doc/pointsman/copyright /usr/share/pointsman/prometheus/alerts.yml \
    /usr/share/pointsman/grafana/dashboard.json; do
    there "$file"
done
for hook in pgbouncer-reconnect flush-resolver chat; do
    inside test -x "/usr/share/pointsman/hooks/$hook" || fail "the hook $hook cannot be run"
    inside sh -n "/usr/share/pointsman/hooks/$hook"
done
inside promtool check rules /usr/share/pointsman/prometheus/alerts.yml
unit="$(inside dpkg --listfiles pointsman | grep '/pointsman\.service$')"
socket="$(inside dpkg --listfiles pointsman | grep '/pointsman\.socket$')"
gone /etc/systemd/system/multi-user.target.wants/pointsman.service
gone /etc/systemd/system/sockets.target.wants/pointsman.socket
inside bash -n /usr/share/bash-completion/completions/pointsman

say "the units"
# systemd before 254 knows no steps, and the unit is written so that it need not.
told="$(inside systemd-analyze verify --man=no "$unit" "$socket" 2>&1 |
    grep -v 'RestartSteps\|RestartMaxDelaySec' || true)"
[ -z "$told" ] || fail "systemd-analyze verify: $told"
inside systemd-analyze security --offline=yes --no-pager --threshold=17 "$unit" >"$work/exposure" ||
    fail "the unit is exposed more than docs/OPERATING.md says: $(tail -n 1 "$work/exposure")"

say "starting as the unit does"
inside pointsman check-config
start="$(sed -n 's/^ExecStart=//p' "$root$unit")"
for folder in /run/pointsman /var/lib/pointsman; do
    inside install --directory --owner=65534 --group=65534 --mode=0700 "$folder"
done
sed -i 's/127\.0\.0\.1:5300/127.0.0.1:53/' "$root/etc/pointsman/pointsman.toml"
# shellcheck disable=SC2086 # the words of ExecStart=
# No function: the process that is waited for must be the service.
chroot "$root" setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
    --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service \
    --bounding-set=-all,+net_bind_service $start 2>"$work/log" &
service=$!
answer=
for _ in $(seq 100); do
    answer="$(dig +short +time=1 +tries=1 @127.0.0.1 ns1.db.internal A 2>/dev/null || true)"
    [ "$answer" != 127.0.0.1 ] || break
    kill -0 "$service" || break
    sleep 0.1
done
[ "$answer" = 127.0.0.1 ] || fail "no answer but '$answer': $(cat "$work/log")"
inside pointsman hint orders || fail "the admin socket"
kill -TERM "$service"
wait "$service" || fail "SIGTERM led to $?: $(cat "$work/log")"

say "removing"
inside dpkg --no-triggers --remove pointsman
gone /usr/bin/pointsman
gone /usr/share/pointsman
gone "$unit"
there /etc/pointsman/pointsman.toml
there /var/lib/pointsman
inside dpkg --no-triggers --purge pointsman
gone /etc/pointsman/pointsman.toml
gone /var/lib/pointsman
say "done"
