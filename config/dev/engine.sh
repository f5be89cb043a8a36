#!/bin/sh
# `engine.sh start` makes sure that a Docker engine answers: one that does is left alone, else one
# is started, with its process id and log under build/. `engine.sh stop` ends the one started here.
set -eu
cd "$(dirname "$0")/../.."
pid_file=build/dockerd.pid
log=build/dockerd.log
wait_seconds=60

answers() {
    .venv/bin/python -c 'import docker; docker.from_env(timeout=5).ping()' >/dev/null 2>&1
}

is_ours() {
    [ -s "$pid_file" ] && [ "$(cat "/proc/$(cat "$pid_file")/comm" 2>/dev/null)" = dockerd ]
}

complain() {
    echo "$1" >&2
    if [ -s "$log" ]; then
        echo "The end of $log:" >&2
        tail -n 20 "$log" >&2
    fi
    exit 1
}

launch() {
    if [ -n "${DOCKER_HOST:-}" ]; then
        complain "No Docker engine answers at DOCKER_HOST=$DOCKER_HOST; unset it or mend it."
    elif [ "$(id -u)" -ne 0 ]; then
        complain "No Docker engine answers for this user. Start one (systemctl start docker), give \
the user the group docker (which equals root), or run this as root."
    elif [ -d /run/systemd/system ] && systemctl cat docker.service >/dev/null 2>&1; then
        echo "no Docker engine answers; starting the service docker"
        systemctl start docker
    else
        echo "no Docker engine answers; starting one (log: $log)"
        mkdir -p build
        setsid dockerd --pidfile "$PWD/$pid_file" >"$log" 2>&1 </dev/null &
    fi
}

start() {
    answers && return 0
    sh config/dev/packages.sh docker.io iptables
    answers || launch
    tries=0
    until answers; do
        tries=$((tries + 1))
        [ "$tries" -lt "$wait_seconds" ] || complain "No Docker engine answers after ${tries} s."
        sleep 1
    done
    echo "a Docker engine answers"
}

stop() {
    is_ours || return 0
    pid=$(cat "$pid_file")
    echo "stopping the Docker engine that was started here (process $pid)"
    kill "$pid"
    tries=0
    while [ -d "/proc/$pid" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt "$wait_seconds" ] || complain "The engine (process $pid) does not end."
        sleep 1
    done
}

case "${1:-}" in
    start) start ;;
    stop) stop ;;
    *) echo "usage: engine.sh start|stop" >&2; exit 2 ;;
esac
