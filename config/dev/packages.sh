#!/bin/sh
# Installs what is missing of the Debian packages named as arguments. Asks for nothing, says what
# it does, and touches no package that is there.
set -eu

is_there() {
    case "$1" in
        docker.io) command -v dockerd >/dev/null 2>&1 || engine_answers ;;
        nginx-light) [ -x /usr/sbin/nginx ] ;;
        *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    esac
}

engine_answers() {
    command -v docker >/dev/null 2>&1 && docker version >/dev/null 2>&1
}

missing=""
for package in "$@"; do
    is_there "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing:$missing" >&2
    echo "Run this again as root, or have them installed: apt-get install$missing" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "These programs are missing (names of Debian packages):$missing" >&2
    echo "This machine has no apt-get; install them its own way and run this again." >&2
    exit 1
fi

echo "installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=120 -qq update
# shellcheck disable=SC2086 # a list of words
apt-get -o DPkg::Lock::Timeout=120 -qq -y --no-install-recommends install $missing >/dev/null

case "$missing" in
    *nginx-light*)
        # Wanted is the program only; the service it comes with would hold port 80.
        echo "stopping the NGINX service that came with the package (only its program is wanted)"
        if [ -d /run/systemd/system ]; then
            systemctl disable --now nginx || true
        else
            service nginx stop >/dev/null 2>&1 || true
        fi
        ;;
esac

case "$missing" in
    *prometheus*)
        # As above: tests start their own on a loopback port.
        echo "stopping the Prometheus services that came with the package"
        for service in prometheus prometheus-node-exporter; do
            if [ -d /run/systemd/system ]; then
                systemctl disable --now "$service" || true
            else
                service "$service" stop >/dev/null 2>&1 || true
            fi
        done
        ;;
esac
