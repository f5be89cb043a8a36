#!/bin/sh
# `host-nginx test` and `host-nginx reload`: has NGINX on this host tested or reloaded by one of two
# root units, and gives back its words and whether it failed. Runs as the user autoscaler.
# Ends with 126 if NGINX was not even asked.
set -u

case "${1:-}" in
    test | reload) unit=autoscaler-nginx-$1.service words=/run/autoscaler-nginx/$1.out ;;
    *) echo "usage: host-nginx test|reload" >&2; exit 2 ;;
esac

# A oneshot unit: the answer comes when it has ended.
said=$(systemctl --no-ask-password start "$unit" 2>&1)
code=$?
case "$said" in
    # It ran; what systemctl adds to a failure is no news. Any other word means that it did not run,
    # and the file then holds the words of an earlier time.
    "" | "Job for "*) cat "$words" ;;
    *)
        echo "$said; for the user $(id -un) polkit must allow it: install polkitd, then make install"
        exit 126
        ;;
esac
exit "$code"
