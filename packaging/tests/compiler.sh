#!/usr/bin/env bash
# Makes what stands in for an image with a compiler: compiler.sh PROGRAM FOLDER
#
# A root with the tools of this system that the first stage of the Containerfile runs, and a `cargo`
# that has built the program already; and a Containerfile that makes an image of it.
set -euo pipefail
program="$1"
root="$2/root"

# A file with the libraries that it is linked with.
collect() {
    install -D --mode=755 "$1" "$root$2"
    # A script has none.
    { ldd "$1" 2>/dev/null | grep -oE '/[^ )]+' || true; } | sort -u | while read -r library; do
        [ -e "$root$library" ] || install -D --mode=755 "$(realpath "$library")" "$root$library"
    done
}
for tool in bash cat chown cp env grep install ldd mkdir realpath sh sort strip; do
    collect "$(realpath "$(command -v "$tool")")" "/usr/bin/$tool"
done
ln -s usr/bin "$root/bin"
install -D --mode=644 /dev/stdin "$root/etc/passwd" <<<'root:x:0:0::/root:/bin/sh'
collect "$program" /built/pointsman
install --mode=755 /dev/stdin "$root/usr/bin/cargo" <<'SCRIPT'
#!/bin/sh
# cargo build --release --locked --package pointsman
[ "$*" = "build --release --locked --package pointsman" ] || exit 2
install -D --mode=755 /built/pointsman target/release/pointsman
SCRIPT
printf 'FROM scratch\nCOPY root/ /\n' >"$2/Containerfile"
