#!/bin/sh
# Finds Python 3.11, builds the environment of the `marquee` command, and then replaces itself with that command.
#
# It needs only a POSIX shell and Python, and takes some milliseconds if nothing has changed. The stamp of an environment is the
# hash of its lock and path. It is written last, so an environment is built again after an interruption or a changed lock.
set -eu
unset PYTHONDONTWRITEBYTECODE # keep bytecode, so that a start does not compile its imports again

repository=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
venvs="$repository/.marquee/venvs"

fail() {
    printf 'marquee: %s\n' "$1" >&2
    exit 1
}

wanted() { # the stamp that environment $1 should have
    { cat "$repository/infra/locks/$1.txt" && printf %s "$(readlink -f -- "$venvs/$1")"; } | sha256sum | cut -d ' ' -f 1
}

is_ready() {
    [ -x "$venvs/$1/bin/python" ] && [ -f "$venvs/$1/stamp" ] && [ "$(cat "$venvs/$1/stamp")" = "$(wanted "$1")" ]
}

is_311() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_311 "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11; name another, or unset PYTHON."
        printf %s "$PYTHON"
        return
    fi
    for name in python3.11 python3 python; do
        if is_311 "$name"; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 is needed and was not found: install it (Debian 12: apt-get install python3 python3-venv) or name it, PYTHON=/path/to/python3.11 make up."
}

need_venv() { # Debian has venv and ensurepip in a separate package
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "Python's venv module is missing: installing the Debian package python3-venv." >&2
        if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >&2; then
            fail "python3-venv could not be installed: run 'apt-get install python3.11-venv' by hand, then try again."
        fi
    fi
    "$1" -c 'import ensurepip, venv' 2>/dev/null || fail "$1 lacks the venv module: install it as root, apt-get install python3-venv (or python3.11-venv)."
}

build_installer() {
    python=$(find_python) || exit 1
    need_venv "$python"
    echo "  - installing the installer (uv) for $python" >&2
    rm -rf "$venvs/installer"
    "$python" -m venv "$venvs/installer"
    "$venvs/installer/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
        -r "$repository/infra/locks/installer.txt" || fail "uv could not be installed: see pip's message above for the cause, then try again."
    wanted installer >"$venvs/installer/stamp"
}

build_local() {
    echo "  - installing the environment of the marquee command and the servers" >&2
    rm -rf "$venvs/local"
    base=$("$venvs/installer/bin/python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
    if ! { "$venvs/installer/bin/uv" venv --quiet --no-config --python "$base" "$venvs/local" &&
        "$venvs/installer/bin/uv" pip install --quiet --no-config --require-hashes \
            --python "$venvs/local/bin/python" -r "$repository/infra/locks/local.txt"; }; then
        fail "the environment of the marquee command could not be installed: see uv's message above for the cause, then try again."
    fi
    wanted local >"$venvs/local/stamp"
}

choose_cache() { # uv, pip and matplotlib use the user's cache folder, which a service user may lack
    cache="${XDG_CACHE_HOME:-${HOME:-/dev/null}/.cache}"
    if ! { mkdir -p "$cache" && [ -w "$cache" ] && touch "$cache/.marquee" && rm "$cache/.marquee"; } 2>/dev/null; then
        export XDG_CACHE_HOME="$repository/.marquee/cache" XDG_CONFIG_HOME="$repository/.marquee/config"
        mkdir -p "$XDG_CACHE_HOME" "$XDG_CONFIG_HOME"
    fi
}

write_shim() { # makes .marquee/bin/marquee, which runs from any folder
    shim="$repository/.marquee/bin/marquee"
    line="exec sh '$(printf %s "$repository" | sed "s/'/'\\\\''/g")/infra/local/bootstrap.sh' \"\$@\""
    if [ ! -x "$shim" ] || [ "$(tail -n 1 "$shim")" != "$line" ]; then
        mkdir -p "$repository/.marquee/bin"
        printf '#!/bin/sh\n%s\n' "$line" >"$shim"
        chmod 755 "$shim"
    fi
}

choose_cache
if ! is_ready installer || ! is_ready local; then
    mkdir -p "$venvs"
    # Allow one build at a time. The lock file is closed before a server could inherit it.
    exec 9>"$repository/.marquee/bootstrap.lock"
    if command -v flock >/dev/null; then flock 9; fi
    is_ready installer || build_installer
    is_ready local || build_local
    exec 9>&-
fi
write_shim
cd "$repository"
exec "$venvs/local/bin/python" -m infra.cli "$@"
