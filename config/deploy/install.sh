#!/bin/sh
# Installs the daemon on this host, or brings an installed one up to date: run it as often as you
# like. It changes no settings and starts nothing. `uninstall.sh` takes it off again.
#
# pip's own variables (PIP_NO_INDEX, PIP_FIND_LINKS, ...) count, for a host without a network.
set -eu
cd "$(dirname "$0")/../.."
prefix=/opt/autoscaler

fail() {
    echo "$1" >&2
    exit 1
}

# Runs the installed program's Python; fails when there is none that fits.
works() {
    "$prefix/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

make_environment() {
    works && return 0
    python=${PYTHON:-/usr/bin/python3}
    "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
        >/dev/null 2>&1 ||
        fail "$python must be Python 3.11 or newer with its venv module (Debian: apt-get install \
python3-venv); name another one by PYTHON=/path/to/python3"
    echo "making $prefix with $("$python" --version)"
    "$python" -m venv --clear "$prefix"
}

# Builds from a copy: nothing of root's is left in the checkout.
install_program() {
    echo "installing the program into $prefix"
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    cp -R autoscaler pyproject.toml README.md LICENSE "$copy"
    "$prefix/bin/python" -m pip --disable-pip-version-check install --quiet \
        --root-user-action=ignore -c config/dev/constraints.txt --upgrade "$copy"
    install -D -m 755 systemd/host-nginx.sh "$prefix/libexec/host-nginx"
    install -D -m 644 README.md "$prefix/share/README.md"
    mkdir -p /usr/local/bin
    ln -sfn "$prefix/bin/autoscaler" /usr/local/bin/autoscaler
}

install_units() {
    echo "installing the units and what they need"
    install -D -m 644 -t /etc/systemd/system systemd/*.service
    install -D -m 644 systemd/autoscaler.sysusers /etc/sysusers.d/autoscaler.conf
    install -D -m 644 systemd/autoscaler.tmpfiles /etc/tmpfiles.d/autoscaler.conf
    systemd-sysusers autoscaler.conf
    systemd-tmpfiles --create autoscaler.conf
    if [ -d /etc/polkit-1/rules.d ]; then
        install -m 644 systemd/autoscaler.rules /etc/polkit-1/rules.d/50-autoscaler.rules
    else
        echo "polkit is not installed: only an NGINX in a container can be managed"
    fi
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    fi
}

# Other users have no business in it: an address in there may hold a password.
install_settings() {
    install -d -m 750 -o root -g autoscaler /etc/autoscaler
    if [ -e /etc/autoscaler/autoscaler.env ]; then
        echo "keeping /etc/autoscaler/autoscaler.env"
    else
        install -m 640 -o root -g autoscaler config/autoscaler.env /etc/autoscaler/autoscaler.env
    fi
}

[ "$(id -u)" -eq 0 ] || fail "Installing needs root: sudo make install"
command -v systemd-sysusers >/dev/null || fail "This host has no systemd; run \`autoscaler run\` by \
other means, see the README."
make_environment
install_program
install_units
install_settings
if [ -d /run/systemd/system ] && systemctl is-active --quiet autoscaler; then
    echo "installed; the daemon still runs as before: systemctl restart autoscaler"
else
    echo "installed; next: edit /etc/autoscaler/autoscaler.env, then"
    echo "    autoscaler check && systemctl enable --now autoscaler"
fi
