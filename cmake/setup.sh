#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing to build, run and test weft on Debian or Ubuntu, starting from a bare container.
# A second run finds everything in place and returns at once.
#
#   cmake/setup.sh [--build]   what building and running needs (the default)
#   cmake/setup.sh --tests     the same, and what the tests need
#   cmake/setup.sh --arm64     the same, and what building and running for 64-bit ARM needs (the preset arm64)
#   cmake/setup.sh --windows   the same, a compiler for Windows, and what runs it here (tests/windows.sh)
#   cmake/setup.sh --prefix    installs nothing; prints the CMAKE_PREFIX_PATH of what lies in the cache (may be empty)
#   cmake/setup.sh --list      installs nothing; prints the names of the packages
#   cmake/setup.sh --unpack SUITE[:ARCHITECTURE] DIR [--closure] PACKAGE...
#                              unpacks packages of another Debian suite into DIR, leaving the system as it is
#   cmake/setup.sh --source SUITE DIR PACKAGE
#                              unpacks a package's source, as its authors released it, into DIR
#
# What no system package provides goes to $WEFT_CACHE (default ${XDG_CACHE_HOME:-$HOME/.cache}/weft-build), outside the
# tree, so that a fresh clone finds it again. WEFT_SKIP_SETUP=1 makes the first four do nothing.
set -eu

cache=${WEFT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weft-build}

# mesa-vulkan-drivers: a software driver, so that weft runs where there is no GPU.
build='g++ cmake ninja-build pkgconf libvulkan-dev libvulkan-volk-dev mesa-vulkan-drivers glslc libshaderc-dev
  spirv-tools spirv-headers libglm-dev nlohmann-json3-dev libcli11-dev libpcre2-dev libutf8proc-dev
  libspng-dev libturbojpeg0-dev libwebp-dev libsndfile1-dev libkissfft-dev zlib1g-dev'
tests='vulkan-validationlayers'
arm64='g++-aarch64-linux-gnu qemu-user-static'
windows='g++-mingw-w64-x86-64-posix libz-mingw-w64-dev wine64 xvfb xauth'
# Taken where the distribution has them under these names: without them builds are slower, or the fuzzers are left out.
build_optional='ccache'
tests_optional='clang libclang-rt-dev'

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# Prints those of its arguments that are not installed.
missing() {
  present=$(dpkg-query -W -f '${db:Status-Status}:${Package} ' "$@" 2>/dev/null) || :
  for p; do
    case " $present" in *" installed:$p "*) ;; *) printf '%s ' "$p" ;; esac
  done
}

# Prints the version that this distribution offers, "(none)", or nothing if apt has not heard of the package.
candidate() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p'; }

may_install() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1; }

# What is being asked for stands in $need.
apt_get() {
  may_install || die "not root, and there is no sudo. As root, run: apt-get install $need"
  if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
  log=$(mktemp)
  # The lock: several checkouts may be set up at once on one machine.
  if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

refreshed=
refresh() {
  # Another archive than the one that matters may be out of reach; installing will tell.
  [ -n "$refreshed" ] || apt_get update || say 'apt-get update failed; going on with what is known'
  refreshed=1
}

add() {
  need=$*
  say "installing $*"
  apt_get install --yes --no-install-recommends "$@" || die "apt-get could not install $*"
}

unsupported() {
  cat >&2 <<END
setup: this system has no apt-get, and only Debian and Ubuntu are set up by this script. weft needs:
  to build and run: a C++20 compiler (g++ 12 or newer), CMake 3.25, Ninja, pkg-config, the Vulkan loader and headers,
    volk, a Vulkan driver, glslc and the shaderc library, SPIRV-Tools, SPIRV-Headers, glm, nlohmann-json, CLI11,
    PCRE2, utf8proc, libspng, libturbojpeg, libwebp, libsndfile, kissfft, zlib; ccache if you like
  to test: Catch2 3, the Khronos validation layer; clang with libFuzzer for the fuzzers
Debian calls them: $(echo "$build $tests libcatch2-dev $build_optional $tests_optional" | xargs)
If all of that is installed, set WEFT_SKIP_SETUP=1.
END
  exit 1
}

# ---- packages of another suite, without touching the system's own apt -----------------------------------------------

# Prints the address of every archive that this machine's own apt configuration names for the running release: the only
# source of addresses, so that a machine with its own mirror, proxy or snapshot goes on using it.
archives() {
  # shellcheck disable=SC1091
  . /etc/os-release
  [ "${ID:-}" = debian ] || return 0
  apt-get --print-uris update 2>/dev/null | sed -n "s|^'\(.*\)/dists/\([^/]*\)/InRelease'.*|\2 \1|p" |
    while read -r release uri; do
      case $release in
        "${VERSION_CODENAME:-sid}" | stable | oldstable | testing | unstable | sid) ;;
        *) continue ;;
      esac
      echo "$uri"
      # A dated snapshot has what there was on that day; next to it most mirrors have the living archive.
      case $uri in */archive/debian/*) echo "${uri%%/archive/debian/*}/debian" ;; esac
    done | sort -u
}

# private_apt KIND SUITE[:ARCHITECTURE] DIR: an apt of its own in $tmp, beside DIR, that knows one suite: its packages
# (KIND deb) or their sources (deb-src).
private_apt() {
  suite=${2%:*} dir=$3
  case $2 in *:*) architecture=${2#*:} ;; *) architecture=$(dpkg --print-architecture) ;; esac
  mkdir -p "$(dirname "$dir")"
  tmp=$(mktemp -d "$dir.XXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  trap 'exit 1' HUP INT TERM
  mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" "$tmp/root" "$tmp/state"
  : >"$tmp/status" # an empty system: the closure then has everything down to the C library
  cat >"$tmp/apt.conf" <<END
Dir::Etc::sourcelist "$tmp/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$tmp/state";
Dir::State::status "$tmp/status";
Dir::State::lists "$tmp/lists";
Dir::Cache "$tmp/cache";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "";
APT::Architecture "$architecture";
APT::Architectures "$architecture";
APT::Update::Error-Mode "any";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Default-Release;
END
  archives >"$tmp/archives"
  [ -s "$tmp/archives" ] || die "this machine's apt configuration names no Debian archive to take $suite from"
  key=
  for k in /usr/share/keyrings/debian-archive-keyring.[gp]*; do [ ! -e "$k" ] || key=$k; done
  found=
  while read -r uri; do
    echo "$1 ${key:+[signed-by=$key] }$uri $suite main" >"$tmp/sources.list"
    if apt-get -qq -c "$tmp/apt.conf" update >"$tmp/log" 2>&1; then
      found=1
      break
    fi
  done <"$tmp/archives"
  if [ -z "$found" ]; then
    cat "$tmp/log" >&2
    die "the archive of this machine's apt configuration has no suite $suite"
  fi
}

# DIR appears complete or not at all; somebody else may have been quicker.
hand_over() {
  chmod 755 "$tmp/root"
  [ -e "$dir" ] || mv "$tmp/root" "$dir"
  rm -rf "$tmp"
  trap - EXIT HUP INT TERM
}

# unpack SUITE DIR [--closure] PACKAGE...: --closure takes everything that the packages depend on as well.
# Maintainer scripts are not run.
unpack() {
  private_apt deb "$1" "$2"
  shift 2
  how=download
  if [ "${1:-}" = --closure ]; then
    how='install --yes --download-only --no-install-recommends'
    shift
  fi
  # shellcheck disable=SC2086 # $how is several words
  (cd "$tmp/cache/archives" && apt-get -qq -c "$tmp/apt.conf" $how "$@") >"$tmp/log" 2>&1 ||
    { cat "$tmp/log" >&2; die "could not fetch $* of $suite"; }
  # Packages from before and after /lib became a link to /usr/lib must meet in one place.
  for d in lib lib64; do
    mkdir -p "$tmp/root/usr/$d"
    ln -s "usr/$d" "$tmp/root/$d"
  done
  for deb in "$tmp"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C "$tmp/root"
    basename "$deb" .deb >>"$tmp/root/PACKAGES"
  done
  rm -rf "$tmp/root/usr/share/doc" "$tmp/root/usr/share/man" "$tmp/root/usr/share/locale"
  hand_over
}

# source_of SUITE DIR PACKAGE: without Debian's changes to it.
source_of() {
  private_apt deb-src "$1" "$2"
  (cd "$tmp" && apt-get -qq -c "$tmp/apt.conf" source --download-only "$3") >"$tmp/log" 2>&1 ||
    { cat "$tmp/log" >&2; die "could not fetch the source of $3 of $suite"; }
  tar -x --strip-components=1 --no-same-owner -C "$tmp/root" -f "$(echo "$tmp"/*.orig.tar.*[!c])"
  hand_over
}

# ---- Catch2: version 3, which older releases do not have ------------------------------------------------------------

catch2_prefix() { [ ! -e "$cache/catch2/PACKAGES" ] || echo "$cache/catch2/usr"; }

# 3 lies in libcatch2-dev, or, a while ago, in catch2 itself.
catch2() {
  [ -z "$(catch2_prefix)" ] || return 0
  for p in libcatch2-dev catch2; do
    v=$(dpkg-query -W -f '${db:Status-Status} ${Version}' $p 2>/dev/null) || continue
    case $v in 'installed '*) ! dpkg --compare-versions "${v#* }" ge 3 || return 0 ;; esac
  done
  need=libcatch2-dev
  [ -n "$(candidate catch2)" ] || refresh
  for p in libcatch2-dev catch2; do
    v=$(candidate $p)
    case $v in
      '' | '(none)') ;;
      *)
        if dpkg --compare-versions "$v" ge 3; then
          add $p
          return
        fi
        ;;
    esac
  done
  # shellcheck disable=SC1091
  . /etc/os-release
  [ "${ID:-}" = debian ] || die "the tests need Catch2 3, and ${PRETTY_NAME:-this system} has none: install it" \
    'under a prefix of your choice, name that in CMAKE_PREFIX_PATH and set WEFT_SKIP_SETUP=1'
  say "fetching Catch2 3 from $VERSION_CODENAME-backports into $cache/catch2"
  rm -rf "$cache/catch2"
  unpack "$VERSION_CODENAME-backports" "$cache/catch2" libcatch2-dev
}

# ---- main -----------------------------------------------------------------------------------------------------------

# install PACKAGE...: those that are missing.
install() {
  need=$(missing "$@")
  [ -n "$need" ] || return 0
  refresh
  # shellcheck disable=SC2086 # a list of words
  add $need
}

setup() {
  # shellcheck disable=SC2086 # lists of words
  install $build ${1:+$tests}
  # shellcheck disable=SC2086
  extra=$(missing $build_optional ${1:+$tests_optional})
  # What the distribution does not offer stays missing for ever: noted, so as not to ask again at every start.
  noted=$cache/not-offered${1:+-$1}
  if [ -n "$extra" ] && [ "$extra" != "$(cat "$noted" 2>/dev/null)" ] && may_install; then
    refresh
    for p in $extra; do
      case $(candidate "$p") in '' | '(none)') ;; *) add "$p" ;; esac
    done
    mkdir -p "$cache"
    # shellcheck disable=SC2086
    missing $extra >"$noted"
  fi
  [ -z "$1" ] || catch2
}

mode=${1:---build}
case $mode in
  --build | --tests | --arm64 | --windows)
    [ -z "${WEFT_SKIP_SETUP:-}" ] || exit 0
    command -v apt-get >/dev/null 2>&1 || unsupported
    if [ "$mode" = --tests ]; then setup tests; else setup ''; fi
    # shellcheck disable=SC2086 # lists of words
    case $mode in --arm64) install $arm64 ;; --windows) install $windows ;; esac
    ;;
  --prefix) catch2_prefix ;;
  --list) echo "$build $tests libcatch2-dev $build_optional $tests_optional" | xargs -n 1 ;;
  --unpack)
    [ $# -ge 4 ] || die 'usage: setup.sh --unpack SUITE[:ARCHITECTURE] DIR [--closure] PACKAGE...'
    command -v apt-get >/dev/null 2>&1 || die 'packages can be unpacked only where apt is: on Debian'
    shift
    unpack "$@"
    ;;
  --source)
    [ $# = 4 ] || die 'usage: setup.sh --source SUITE DIR PACKAGE'
    command -v apt-get >/dev/null 2>&1 || die 'sources can be unpacked only where apt is: on Debian'
    shift
    source_of "$@"
    ;;
  *) die "unknown option $mode (--build, --tests, --arm64, --windows, --prefix, --list, --unpack, --source)" ;;
esac
