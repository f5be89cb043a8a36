#!/bin/sh
# Takes off what install.sh put on this host. Settings and history stay, unless PURGE=1 is set.
# Containers and NGINX are left as they are.
set -eu

[ "$(id -u)" -eq 0 ] || {
    echo "Uninstalling needs root: sudo make uninstall" >&2
    exit 1
}

units="autoscaler.service autoscaler-nginx-test.service autoscaler-nginx-reload.service"
if [ -d /run/systemd/system ] && [ -e /etc/systemd/system/autoscaler.service ]; then
    echo "stopping the daemon; containers and NGINX stay as they are"
    systemctl disable --now --quiet autoscaler.service
fi
for unit in $units; do
    rm -f "/etc/systemd/system/$unit"
done
rm -f /etc/sysusers.d/autoscaler.conf /etc/tmpfiles.d/autoscaler.conf
rm -f /etc/polkit-1/rules.d/50-autoscaler.rules
if [ "$(readlink /usr/local/bin/autoscaler)" = /opt/autoscaler/bin/autoscaler ]; then
    rm -f /usr/local/bin/autoscaler
fi
rm -rf /opt/autoscaler /run/autoscaler /run/autoscaler-nginx
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl reset-failed $units 2>/dev/null || true
fi

if [ "${PURGE:-}" = 1 ]; then
    rm -rf /etc/autoscaler /var/lib/autoscaler
    if getent passwd autoscaler >/dev/null; then
        userdel autoscaler
    fi
    echo "uninstalled, settings and history too"
else
    echo "uninstalled; /etc/autoscaler and /var/lib/autoscaler are kept (PURGE=1 removes them too)"
fi
echo "NGINX still includes what the daemon wrote last: take the include out of its configuration"
