#!/usr/bin/env bash
# What people do with the packages, from the first install to the purge, where systemd is PID 1:
# operate.sh DEB NEWER-DEB [RPM] [TARBALL]
set -eEuo pipefail

say() { echo "operate.sh: $*"; }
fail() {
    say "FAILED: $*"
    systemctl status --no-pager pointsman.service pointsman.socket || true
    journalctl --no-pager --lines=60 || true
    exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
there() { [ -e "$1" ] || fail "$1 is missing"; }
gone() { [ ! -e "$1" ] || fail "$1 is still there"; }
# The value is what is expected, in ten seconds at most.
soon() {
    local expected="$1" value=
    for _ in $(seq 100); do
        value="$("${@:2}" 2>&1)" || true
        [ "$value" != "$expected" ] || return 0
        sleep 0.1
    done
    fail "${*:2}: '$value' and not '$expected'"
}
ask() { dig +short +time=2 +tries=1 -p 5300 @127.0.0.1 "$1" A; }
is_on() { systemctl is-enabled "$1" || true; }
is_up() { systemctl is-active "$1" || true; }
process() { systemctl show --property=MainPID --value pointsman.service; }
another_than() {
    [ "$(process)" != "$1" ] && [ "$(is_up pointsman.service)" = active ] && echo another
}
as() { setpriv --reuid="$1" --regid="$1" --init-groups --reset-env "${@:2}"; }
# Asks before, while and after a command runs, one question after the other; none may be lost.
nothing_lost() {
    local run=/run/asking before
    touch "$run"
    : >/run/asked
    while [ -e "$run" ]; do
        # A question waits while nobody is there. Nobody asks it again.
        [ "$(dig +short +time=15 +tries=1 -p 5300 @127.0.0.1 write.db.internal A)" = 127.0.0.2 ] || echo lost
        echo asked
    done >>/run/asked &
    local asking=$!
    more_than 1
    "$@" || fail "$* led to $?"
    before="$(grep -c asked /run/asked)"
    more_than $((before + 1))
    rm "$run"
    wait "$asking"
    ! grep -q lost /run/asked || fail "$(grep -c lost /run/asked) of $(grep -c asked /run/asked) questions were lost: $*"
}
more_than() {
    for _ in $(seq 200); do
        [ "$(grep -c asked /run/asked || true)" -le "$1" ] || return 0
        sleep 0.1
    done
    fail "no more than $1 questions were asked in 20 s"
}
configuration() {
    cat <<TOML
[dns]
listen = ["127.0.0.1:5300"]
[[zone]]
origin = "db.internal."
[state]
directory = "/var/lib/pointsman"
[admin]
socket = "/run/pointsman/admin.sock"
[[cluster]]
name = "orders"
engine = "tcp"
[cluster.write]
name = "write.db.internal."
[[cluster.server]]
name = "db1"
address = "127.0.0.2"
port = 6000
TOML
}
# Something that accepts connections.
database() {
    printf '[Socket]\nListenStream=127.0.0.2:6000\nAccept=yes\nMaxConnections=256\n[Install]\n' \
        >/run/systemd/system/database.socket
    printf '[Service]\nExecStart=/bin/true\nStandardInput=socket\n' >/run/systemd/system/database@.service
    systemctl daemon-reload
    systemctl start database.socket
}
operators() {
    soon "active" is_up pointsman.service
    local said
    said="$(as ann pointsman status)" || fail "ann may not operate"
    [[ "$said" == *orders* ]] || fail "the status of what? $said"
    as ann pointsman freeze orders --reason "a test" >/dev/null || fail "ann may not freeze"
    as ann pointsman thaw orders >/dev/null || fail "ann may not thaw"
    said="$(as ann pointsman events)" || fail "ann may not see the events"
    [[ "$said" == *ann@* ]] || fail "nobody knows that it was ann: $said"
    if said="$(as bob pointsman status 2>&1)"; then fail "bob may operate: $said"; fi
    [[ "$said" == *"usermod -aG pointsman-admin"* ]] || fail "bob is not told what to do: $said"
    if as ann test -r /var/lib/private/pointsman; then fail "ann reads the state"; fi
}
# Whom the agent follows; all that it says where that is nobody.
follows() {
    local said
    said="$(pointsman follow --status 2>&1)" || true
    grep -o '10.9.0.[23]:6000; moved' <<<"$said" | head -n 1 | grep . || echo "$said"
}
# A host that the network leads to: no connection to it is one within this host.
host_of_databases() {
    ip netns add db
    ip link add to-db type veth peer name to-us netns db
    ip address add 10.9.0.1/24 dev to-db
    ip link set to-db up
    ip -netns db address add 10.9.0.2/24 dev to-us
    ip -netns db address add 10.9.0.3/24 dev to-us
    ip -netns db link set to-us up
    cat <<TOML >>/etc/pointsman/pointsman.toml
[[cluster]]
name = "shop"
engine = "tcp"
[cluster.write]
name = "shop.db.internal."
[[cluster.server]]
name = "shop1"
address = "10.9.0.2"
port = 6000
[[cluster.server]]
name = "shop2"
address = "10.9.0.3"
port = 6000
TOML
}
# Holds connections open, also when it takes no more of them.
holder() { exec ip netns exec db systemd-socket-activate --accept --inetd --listen="$1:6000" cat; }

[ "$(cat /proc/1/comm)" = systemd ] || fail "PID 1 is $(cat /proc/1/comm)"
say "$(systemctl --version | head -n 1) is PID 1"
database

say "installing"
dpkg --no-triggers --install "$1"
[ "$(is_on pointsman.service) $(is_on pointsman.socket)" = "disabled disabled" ] || fail "it is on"
[ "$(is_up pointsman.service) $(is_up pointsman.socket)" = "inactive inactive" ] || fail "it runs"
getent group pointsman-admin >/dev/null || fail "there is no group pointsman-admin"
useradd --groups pointsman-admin ann
useradd bob

say "the reader's configuration, and only then on"
configuration >/etc/pointsman/pointsman.toml
pointsman check-config
systemctl enable --now pointsman.service
soon 127.0.0.2 ask write.db.internal
operators
# Keys of a newer systemd (RestartSteps=) are spoken of once; nothing else about our units is.
told="$(journalctl --no-pager _PID=1 | grep 'pointsman.*\(Unknown\|Failed\|ignoring\)' | grep -v "'RestartSteps'\|'RestartMaxDelaySec'" || true)"
[ -z "$told" ] || fail "systemd says of the units: $told"

say "reload"
before="$(process)"
printf '[[cluster.read]]\nname = "read.db.internal."\n' >>/etc/pointsman/pointsman.toml
systemctl reload pointsman || fail "systemctl reload led to $?"
soon 127.0.0.2 ask read.db.internal
cp /etc/pointsman/pointsman.toml /run/good.toml
echo 'engine = "oracle"' >>/etc/pointsman/pointsman.toml
if systemctl reload pointsman; then fail "a file with faults was reloaded"; fi
[ "$(ask read.db.internal)" = 127.0.0.2 ] || fail "a refused reload has changed something"
cp /run/good.toml /etc/pointsman/pointsman.toml
systemctl reload pointsman || fail "systemctl reload after a refused one led to $?"
[ "$(process)" = "$before" ] || fail "a reload is no restart"

say "the agent"
host_of_databases
holder 10.9.0.2 &
first=$!
holder 10.9.0.3 &
second=$!
systemctl reload pointsman
soon 10.9.0.2 ask shop.db.internal
mkdir -p /etc/systemd/system/pointsman-follow.service.d
printf '[Service]\nEnvironment="FOLLOW=shop.db.internal --server 127.0.0.1:5300 --port 6000"\n' \
    >/etc/systemd/system/pointsman-follow.service.d/names.conf
systemctl daemon-reload
systemctl enable --now pointsman-follow.service
soon '10.9.0.2:6000; moved' follows
right="$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$(systemctl show --property=MainPID --value pointsman-follow.service)/status")"
[ "$right" = 0000000000001000 ] || fail "the agent has other rights than CAP_NET_ADMIN: $right"
# Ends with 1 when the connection does, and with more when nobody ends it.
# shellcheck disable=SC2016 # what ann's shell is to read
as ann bash -c 'exec 3<>/dev/tcp/10.9.0.2/6000; echo held >/tmp/ann; read -r -t 60 -u 3; echo "ended $?" >/tmp/ann' &
soon held cat /tmp/ann
kill "$first"
soon 10.9.0.3 ask shop.db.internal
soon "ended 1" cat /tmp/ann
soon '10.9.0.3:6000; moved' follows
systemctl disable --now pointsman-follow.service
kill "$second"
cp /run/good.toml /etc/pointsman/pointsman.toml
systemctl reload pointsman

say "a restart with the socket unit"
systemctl stop pointsman.service
systemctl enable --now pointsman.socket
systemctl start pointsman.service
soon 127.0.0.2 ask write.db.internal
before="$(process)"
nothing_lost systemctl restart pointsman.service
[ "$(process)" != "$before" ] || fail "it has not been restarted"
before="$(process)"
# What it had read and not answered yet is lost.
systemctl kill --signal=KILL pointsman.service
soon another another_than "$before"
soon 127.0.0.2 ask write.db.internal
operators

say "an upgrade"
before="$(process)"
nothing_lost dpkg --no-triggers --install "$2"
[ "$(process)" != "$before" ] || fail "the new version does not run"
cmp /run/good.toml /etc/pointsman/pointsman.toml || fail "the upgrade has touched the configuration"
[ "$(is_on pointsman.service) $(is_up pointsman.service)" = "enabled active" ] || fail "the upgrade turned it off"
operators

say "removing"
dpkg --no-triggers --remove pointsman
[ "$(is_up pointsman.service) $(is_up pointsman.socket)" = "inactive inactive" ] || fail "it still runs"
! pidof pointsman || fail "a process has stayed"
gone /usr/bin/pointsman
gone /usr/lib/systemd/system/pointsman.service
gone /lib/systemd/system/pointsman.service
there /etc/pointsman/pointsman.toml
there /var/lib/private/pointsman
dpkg --no-triggers --purge pointsman
gone /etc/pointsman/pointsman.toml
gone /var/lib/private/pointsman
gone /etc/systemd/system/multi-user.target.wants/pointsman.service
gone /etc/systemd/system/sockets.target.wants/pointsman.socket
getent group pointsman-admin >/dev/null || fail "the group belongs to those who are in it"

shift 2
for more in "$@"; do
    [[ "$more" == *.rpm ]] || continue
    say "the package for rpm"
    rpm() { command rpm --force-debian --dbpath /run/rpm "$@"; }
    # Debian's libraries are no packages of rpm.
    rpm --install --nodeps "$more"
    [ "$(is_on pointsman.service) $(is_up pointsman.service)" = "disabled inactive" ] ||
        fail "it is on: $(is_on pointsman.service) $(is_up pointsman.service) $(find /etc/systemd /run/systemd -name 'pointsman*')"
    configuration >/etc/pointsman/pointsman.toml
    systemctl enable --now pointsman.service
    soon 127.0.0.2 ask write.db.internal
    operators
    systemctl reload pointsman || fail "systemctl reload led to $?"
    before="$(process)"
    rpm --upgrade --force --nodeps "$more"
    soon active is_up pointsman.service
    [ "$(process)" != "$before" ] || fail "the upgrade has not restarted it"
    soon 127.0.0.2 ask write.db.internal
    rpm --erase --nodeps pointsman
    [ "$(is_up pointsman.service)" = inactive ] || fail "it still runs"
    gone /usr/bin/pointsman
    gone /usr/lib/systemd/system/pointsman.service
    gone /usr/share/pointsman
    there /etc/pointsman/pointsman.toml.rpmsave
done

for more in "$@"; do
    [[ "$more" == *.tar.gz ]] || continue
    say "the tarball, as its OPERATING.md has it"
    mkdir /run/unpacked
    tar -xzf "$more" --strip-components=1 -C /run/unpacked
    cd /run/unpacked
    sed -n '/^Out of the folder of a tarball/,/^Removing/p' docs/OPERATING.md | sed -n '/^```sh$/,/^```$/p' |
        grep -v '^```' >/run/commands
    grep -q 'install pointsman /usr/bin/' /run/commands || fail "there are no commands: $(cat /run/commands)"
    bash -e /run/commands || fail "the commands of docs/OPERATING.md led to $?"
    configuration >/etc/pointsman/pointsman.toml
    systemctl enable --now pointsman.service
    soon 127.0.0.2 ask write.db.internal
    operators
done
say "done"
