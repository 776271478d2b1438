#!/bin/sh
# Prepares .venv in the working directory: Debian's packages where some are missing, then the locked
# requirements, then this project itself. Does nothing when nothing has changed since the last time.
set -eu

here=requirements
venv=.venv
say() { printf '%s\n' "setup: $*" >&2; }

wanted() { grep -v '^#' "$here/debian.txt"; }

missing() {
    # dpkg-query tells of the packages it does not know on stderr, and of removed ones by their status.
    installed=$(wanted | xargs dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
        sed -n 's/^installed //p') || true
    wanted | while read -r name; do
        printf '%s\n' "$installed" | grep -qx "$name" || printf '%s ' "$name"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# Installing a daemon would start it and have it started at boot; the simulated bench and its printer run daemons of
# their own, and whether the machine itself serves real readers or announces itself is its owner's choice.
install_packages() {
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        say "needs these packages and is neither root nor has sudo; as root: apt-get install $*"
        exit 1
    fi
    say "installing with apt-get: $*"
    policy=/usr/sbin/policy-rc.d
    ours=
    if [ ! -e "$policy" ]; then
        ours=yes
        trap 'as_root rm -f "$policy"' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root sh -c "cat > $policy && chmod 755 $policy"
    fi
    as_root apt-get update -q >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
    if [ -n "$ours" ]; then
        as_root rm -f "$policy"
        trap - EXIT INT TERM
    fi
    for daemon in pcscd avahi-daemon; do
        case " $* " in *" $daemon "*)
            ! command -v systemctl >/dev/null ||
                as_root systemctl disable -q "$daemon.socket" "$daemon.service" 2>/dev/null || true
        esac
    done
}

system() {
    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        lacking=$(missing)
        # shellcheck disable=SC2086  # one word per package
        [ -z "$lacking" ] || install_packages $lacking
        return
    fi
    lacking=
    for program in pcscd swig gcc pkg-config softhsm2-util opensc-tool pkcs11-tool pdftotext openssl unshare \
        ippeveprinter dbus-daemon avahi-daemon; do
        PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || lacking="$lacking $program"
    done
    if [ -n "$lacking" ]; then
        say "this is no Debian: please install what brings$lacking"
        say "Debian's names of all that is needed, vsmartcard's virtual reader included:" $(wanted)
        exit 1
    fi
}

# The first Python from 3.11 on that can make a virtual environment with pip in it.
python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    say "no Python 3.11 or later with its venv module was found; name one: make setup PYTHON=/path/to/python3"
    exit 1
}

hash() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

pip() { PYTHONWARNINGS=ignore "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-build-isolation "$@" >&2; }

# A virtual environment does not survive a move, so where it lies is part of what it was made from.
environment() {
    locked="$(hash "$here/build.txt" "$here/dev.txt" "$here/setup.sh") $PWD"
    if [ "$(cat $venv/.locked 2>/dev/null)" != "$locked" ]; then
        interpreter=$(python)
        say "making $venv with $("$interpreter" --version)"
        "$interpreter" -m venv --clear $venv
        # What builds from source finds its locked build tools in place instead of fetching others.
        pip --require-hashes -r "$here/build.txt"
        pip --require-hashes -r "$here/dev.txt"
        printf '%s' "$locked" > $venv/.locked
    fi
    judges=$venv/judges
    wanted_judges=$(hash "$here/judges.txt")
    if [ "$(cat $judges/.locked 2>/dev/null)" != "$wanted_judges" ]; then
        "$venv/bin/python" -m venv --clear $judges
        PYTHONWARNINGS=ignore $judges/bin/python -m pip install -q --disable-pip-version-check --only-binary :all: \
            --require-hashes -r "$here/judges.txt" >&2
        printf '%s' "$wanted_judges" > $judges/.locked
    fi
    project=$(hash pyproject.toml)
    if [ "$(cat $venv/.project 2>/dev/null)" != "$project" ] || [ ! -x $venv/bin/station ]; then
        pip --no-deps --editable .
        printf '%s' "$project" > $venv/.project
        say "ready: $venv/bin/station"
    fi
}

system
environment
