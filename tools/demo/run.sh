#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: starts the service of this folder, dumps it, records it, says where the flame graph is.
# usage: run.sh STROBE OUTPUT.svg
set -eu
strobe=$1
output=$2
here=$(dirname "$0")

# Looking into another process needs root or CAP_SYS_PTRACE where the kernel restricts ptrace (Yama).
sudo=
if [ "$(id -u)" != 0 ] && [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" != 0 ]; then
    sudo=sudo
fi

ready=$(mktemp)
python3 "$here/service.py" >"$ready" &
service=$!
trap 'kill $service 2>/dev/null || true; rm -f "$ready"' EXIT
trap 'exit 130' INT TERM
while ! [ -s "$ready" ]; do
    kill -0 $service 2>/dev/null || { echo "the demo service did not start" >&2; exit 1; }
    sleep 0.05
done

echo "== strobe dump $service"
$sudo "$strobe" dump "$service"
echo
echo "== strobe record --pid $service --duration 5 --threads --output $output"
$sudo "$strobe" record --pid "$service" --duration 5 --threads --output "$output"
if [ -n "$sudo" ]; then
    $sudo chown "$(id -u):$(id -g)" "$output"
fi
echo
echo "The flame graph is in $output: open it in a browser, click to zoom, Ctrl-F to search."
