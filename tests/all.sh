#!/usr/bin/env bash
# Everything that must hold before a change lands, in the order in which it is quickest to fail. Installs what it lacks.
#
#   bash tests/all.sh                        the whole of it
#   SESSIOND_CYCLES=200 bash tests/all.sh    with the long crash loop (20 cycles unless set)
#   SESSIOND_OPERATIONS=1000000 bash tests/all.sh   with the long run of the history checker (12,000 unless set)
#   SESSIOND_CUT_OPERATIONS=70000 bash tests/all.sh  with some 200 power cuts (3,000 operations unless set)
#   SESSIOND_DAMAGES=1000 SESSIOND_FULL_CYCLES=20 SESSIOND_IO_ROUNDS=10 SESSIOND_SLOW_CLIENTS=5000 SESSIOND_FLOOD=200000 \
#       bash tests/all.sh                    with the long runs of the faults
#   SESSIOND_SCREENS=DIR bash tests/all.sh   with pictures of the pages
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A private place for tools that are installed here; absolute, since it goes into PATH.
tools=$(mkdir -p "${CARGO_TARGET_DIR:-target}/tools" && cd "${CARGO_TARGET_DIR:-target}/tools" && pwd)
export PATH="$tools/bin:$PATH"
closing=$(mktemp)
trap 'rm -f "$closing"' EXIT

stage() {
    local name=$1 start=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@"
    printf -- '-- %s: %d s\n' "$name" $((SECONDS - start))
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# packages COMMAND... -- PACKAGE...: installs the packages if one of the commands is absent.
packages() {
    local absent=()
    while [ "$1" != -- ]; do
        command -v "$1" >/dev/null || absent+=("$1")
        shift
    done
    shift
    [ ${#absent[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "Not installed: ${absent[*]}. Install them (Debian calls the packages: $*), then run this again." >&2
        return 1
    fi
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

rust() {
    if ! command -v cargo >/dev/null; then
        echo "Not installed: cargo. Install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer." >&2
        return 1
    fi
    local part
    for part in rustfmt clippy; do
        cargo "${part/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$part"
    done
}

# The packages start servers of their own; the tests want the programs alone.
proxies() {
    if command -v nginx >/dev/null && command -v caddy >/dev/null; then return 0; fi
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
        made=yes
    fi
    packages nginx caddy -- nginx caddy
    [ -z "$made" ] || as_root rm -f "$policy"
    ! command -v systemctl >/dev/null || as_root systemctl disable nginx caddy >/dev/null 2>&1 || true
}

# What the tests of the SDKs and the examples need, in the exact versions that stand in tests/sdk; tests/sdk/tools.rs finds it
# here. Each is installed anew when its list of versions changes.
python_packages() {
    local wanted=tests/sdk/requirements.txt place=$tools/python
    ! cmp -s "$wanted" "$place/installed" || return 0
    packages python3 -- python3 python3-venv
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages ensurepip -- python3-venv
    rm -rf "$place"
    python3 -m venv "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --only-binary :all: -r "$wanted"
    cp "$wanted" "$place/installed"
}

node_packages() {
    local wanted=tests/sdk/package-lock.json place=$tools/node
    ! cmp -s "$wanted" "$place/installed" || return 0
    packages node npm -- nodejs npm
    rm -rf "$place"
    mkdir "$place"
    cp tests/sdk/package.json "$wanted" "$place"
    npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel error
    cp "$wanted" "$place/installed"
}

# A project of its own, so that the server's tree of dependencies has nothing of it.
rust_sdk() {
    cargo build --quiet --locked --manifest-path tests/sdk/rust/Cargo.toml --target-dir "$tools/rust-sdk"
}

took() {
    local start=$SECONDS
    "$@"
    printf '   %s: %d s\n' "$1" $((SECONDS - start))
}

install() {
    rust
    packages cc -- gcc libc6-dev
    packages unshare prlimit mount openssl -- util-linux mount openssl
    proxies
    packages chromium chromedriver -- chromium chromium-driver
    if ! command -v cargo-deny >/dev/null; then
        # Not optimized: it runs for a second, and takes a third of the time to build.
        CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-deny --version 0.20.2 --locked --debug --quiet \
            --root "$tools" --target-dir "$tools/build"
        rm -rf "$tools/build"
    fi
    took python_packages
    took node_packages
    took rust_sdk
}

formatted() {
    cargo fmt --check
    cargo fmt --check --manifest-path tests/sdk/rust/Cargo.toml
}

dependencies() {
    cargo deny --log-level error check --hide-inclusion-graph bans licenses sources
    # The advisories are a repository of their own, which not every machine reaches.
    if cargo deny fetch db >/dev/null 2>&1; then
        cargo deny check --disable-fetch advisories
    else
        echo 'advisories NOT CHECKED: the advisory database cannot be fetched from here'
    fi
}

tests() {
    # The long runs are those of the build with steps.
    env -u SESSIOND_OPERATIONS -u SESSIOND_CUT_OPERATIONS cargo test --locked 2>&1 | tee "$closing"
}

# A build of its own, since a normal one has none of these bugs and steps in it.
seeded() {
    cargo clippy --all-targets --features seeded-bugs --locked -- -D warnings
    cargo test --locked --features seeded-bugs --test tests history:: -- --nocapture 2>&1 | tee -a "$closing"
}

stage 'install what is missing' install
stage 'format' formatted
stage 'lints' cargo clippy --all-targets --locked -- -D warnings
stage 'dependencies' dependencies
stage 'tests' tests
stage 'seeded bugs, and kills at named steps' seeded

printf '\n== result\n'
grep -oE 'crash loop: .*|fault: .*|in all: .*|power cuts: .*|seeded [a-z-]+: found after .* kills|^test result: .*' "$closing" || true
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit passed == 0 }' "$closing"
