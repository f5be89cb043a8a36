#!/bin/sh
# Makes the virtual environment .venv and installs this project with its test tools, at the
# versions of constraints.txt. Does nothing when that has been done for the same files before.
set -eu
cd "$(dirname "$0")/../.."
constraints=config/dev/constraints.txt
stamp=.venv/.installed

is_good() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 /usr/bin/python3; do
        if is_good "$candidate"; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

wanted="$(cat pyproject.toml "$constraints" | sha256sum) $(pwd)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

if ! is_good .venv/bin/python; then
    if ! python=$(find_python); then
        sh config/dev/packages.sh python3 python3-venv
        python=$(find_python) || {
            echo "Python 3.11 or newer with its venv module is needed; set PYTHON=/path/to/it" >&2
            exit 1
        }
    fi
    echo "making .venv with $("$python" --version) ($python)"
    "$python" -m venv --clear .venv
fi
echo "installing the project and its test tools into .venv"
.venv/bin/python -m pip --disable-pip-version-check install --quiet --root-user-action=ignore \
    -c "$constraints" -e '.[test]'
echo "$wanted" >"$stamp"
