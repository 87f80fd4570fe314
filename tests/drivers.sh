#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs weft on several software Vulkan drivers, on any machine, without installing them.
#
#   tests/drivers.sh                     fetches every driver, then runs the whole test suite on each
#   tests/drivers.sh test [NAME...] [-- CTEST-ARGUMENTS]   the same on some drivers
#   tests/drivers.sh fetch [NAME...]     downloads and unpacks (Debian's packages, about 10 s each)
#   tests/drivers.sh list                the drivers, and whether they are there
#   tests/drivers.sh exec NAME CMD...    runs one program on one driver
#   tests/drivers.sh build [TARGET...]   builds what the tests run, in build/drivers
#
# NAME: system (this system's lavapipe), trixie and sid (the lavapipe of those Debian releases), swiftshader.
# NAME@128, @256 or @512 is a lavapipe with vectors of so many bits: subgroups of 4, 8 or 16.
#
# A driver built for a newer C library cannot be loaded by a program that this system's loader started. Such a program
# is started by the unpacked release's own ld.so instead, which finds that release's libraries first and this system's
# after them: no chroot and no root are needed. It holds for the program itself, not for those that it starts in
# turn; they need the prefix that stands in $WEFT_LAUNCHER. With a command that lies in no folder the unpacked
# release's own one is meant, if it has it: tests/drivers.sh exec sid glslc --version.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${WEFT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weft-build}
drivers=$cache/drivers
names='system trixie sid swiftshader'

say() { printf 'drivers: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# ---- fetch ----------------------------------------------------------------------------------------------------------

# Prints the manifest of NAME's driver, if it is there.
manifest() {
  case $1 in
    system) for f in /usr/share/vulkan/icd.d/lvp_icd.*json; do [ ! -e "$f" ] || { echo "$f"; break; }; done ;;
    *) [ ! -e "$drivers/$1/icd.json" ] || echo "$drivers/$1/icd.json" ;;
  esac
}

# The release's newer shader tools as plain commands: cmake -Dweft_GLSLC=.../sid/tools/glslc builds every tier.
tools() {
  mkdir "$1/tools"
  for t in glslc spirv-val spirv-dis spirv-as spirv-opt vulkaninfo; do
    cat >"$1/tools/$t" <<'END'
#!/bin/sh
r=$(cd "$(dirname "$0")/.." && pwd)
for l in "$r"/usr/lib*/ld-linux*.so.*; do [ ! -e "$l" ] || break; done
exec "$l" --library-path "$(echo "$r"/usr/lib/*-linux-gnu*)" "$r/usr/bin/${0##*/}" "$@"
END
    chmod 755 "$1/tools/$t"
  done
}

# A misspelt name must not pass for a driver that cannot be had.
known() { case " $names " in *" ${1%@*} "*) ;; *) die "no driver is called $1; there are: $names" ;; esac; }

fetch() {
  known "$1"
  [ -z "$(manifest "$1")" ] || return 0
  new=$drivers/$1.$$
  case $1 in
    system) die 'the system has no lavapipe: cmake/setup.sh installs it' ;;
    trixie | sid)
      say "fetching $1's lavapipe"
      sh "$here/../cmake/setup.sh" --unpack "$1" "$new" --closure \
        mesa-vulkan-drivers libvulkan1 vulkan-validationlayers vulkan-tools glslc spirv-tools
      # Only the software driver is wanted; the others are most of the size.
      for f in "$new"/usr/lib/*/libvulkan_*.so; do case $f in */libvulkan_lvp.so) lvp=$f ;; *) rm "$f" ;; esac; done
      rm -r "$new"/usr/share/vulkan/implicit_layer.d
      sed 's|"library_path": *"[^"]*"|"library_path": "./'"${lvp#"$new"/}"'"|' \
        "$new"/usr/share/vulkan/icd.d/lvp_icd.*json >"$new/icd.json"
      tools "$new"
      ;;
    swiftshader)
      say 'fetching SwiftShader'
      # It is a part of a browser: only the driver is kept.
      # shellcheck disable=SC1091
      suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
      sh "$here/../cmake/setup.sh" --unpack "$suite" "$new.all" chromium-common
      mkdir "$new"
      mv "$new.all/usr/lib/chromium/libvk_swiftshader.so" "$new.all/PACKAGES" "$new"
      mv "$new.all/usr/lib/chromium/vk_swiftshader_icd.json" "$new/icd.json" # names the library by ./
      rm -rf "$new.all"
      ;;
  esac
  mv -T "$new" "$drivers/$1" 2>/dev/null || rm -rf "$new" # somebody else was quicker
  [ -n "$(manifest "$1")" ] || die "$drivers/$1 is not usable: remove it"
}

# ---- exec -----------------------------------------------------------------------------------------------------------

run_on() {
  name=${1%@*}
  case $1 in *@*) export LP_NATIVE_VECTOR_WIDTH="${1#*@}" ;; esac
  export WEFT_LAUNCHER="$here/drivers.sh exec $1"
  known "$name"
  icd=$(manifest "$name")
  if [ -z "$icd" ]; then
    fetch "$name"
    icd=$(manifest "$name")
  fi
  # Mesa's compiled shaders, kept so that the next run starts warm; apart by driver and width, as code for one is no use
  # to another.
  export MESA_SHADER_CACHE_DIR="$cache/mesa/$name@${LP_NATIVE_VECTOR_WIDTH:-}"
  mkdir -p "$MESA_SHADER_CACHE_DIR"
  shift
  # The older name too, for loaders of before 1.3.207; a driver that the caller adds otherwise must not slip in.
  export VK_DRIVER_FILES="$icd" VK_ICD_FILENAMES="$icd"
  unset VK_ADD_DRIVER_FILES

  root=$drivers/$name
  for ld in "$root"/usr/lib*/ld-linux*.so.* ''; do [ ! -e "$ld" ] || break; done
  [ -n "$ld" ] || exec "$@"

  export VK_LAYER_PATH="${VK_LAYER_PATH:-$root/usr/share/vulkan/explicit_layer.d}"
  program=$1
  shift
  case $program in
    */*) ;;
    *)
      if [ -x "$root/usr/bin/$program" ]; then program=$root/usr/bin/$program
      else program=$(command -v "$program"); fi
      ;;
  esac
  # Scripts, and the system's own programs (cmake, sh), which load no driver, stay with the system's loader.
  case $program in /bin/* | /usr/bin/*) exec "$program" "$@" ;; esac
  case $(head -c 4 "$program" | tr -d '\177') in ELF) ;; *) exec "$program" "$@" ;; esac
  libs=$(echo "$root"/usr/lib/*-linux-gnu*)
  exec "$ld" --library-path "$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" --argv0 "$program" "$program" "$@"
}

list() {
  for n in $names; do
    if [ -z "$(manifest "$n")" ]; then
      version='not fetched'
    elif [ "$n" = system ]; then
      version=$(dpkg-query -W -f '${Package} ${Version}' mesa-vulkan-drivers 2>/dev/null || manifest system)
    else
      version=$(grep -E '^(mesa-vulkan-drivers|chromium-common)_' "$drivers/$n/PACKAGES" | sed 's/_[^_]*$//; s/_/ /')
    fi
    printf '%-12s %s\n' "$n" "$version"
  done
}

# ---- test -----------------------------------------------------------------------------------------------------------

# In a tree of its own, with the newest shader compiler that was fetched, so that the forms of kernels that only newer
# drivers offer are there to be tested.
root=$(cd "$here/.." && pwd)
tree=$root/build/drivers
build() {
  sh "$root/cmake/setup.sh" --tests
  prefix=$(sh "$root/cmake/setup.sh" --prefix)
  export CMAKE_PREFIX_PATH="$prefix${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
  for n in trixie sid; do [ ! -d "$drivers/$n/tools" ] || PATH=$drivers/$n/tools:$PATH; done
  mkdir -p "$tree/on"
  say 'building'
  { cmake -S "$root" --preset release -B "$tree" -Dweft_TESTS=ON &&
    cmake --build "$tree" ${1:+--target "$@"}; } >"$tree/on/build.log" 2>&1 ||
    { cat "$tree/on/build.log" >&2; die 'the build failed'; }
}

# One line a driver.
run_tests() {
  todo=
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    known "$1"
    todo="$todo $1"
    shift
  done
  [ $# -eq 0 ] || shift
  # A lavapipe has vectors of 256 bits if not told otherwise; the fastest one also runs with the other two widths.
  for n in ${todo:-$names}; do
    n=${n%@*}
    [ -n "$(manifest "$n")" ] || sh "$0" fetch "$n" >/dev/null || say "$n cannot be had here"
  done
  for n in system trixie sid; do [ -z "$(manifest $n)" ] || wide=$n; done
  [ -n "$todo" ] || todo="$names${wide:+ $wide@128 $wide@512}"
  build
  cd "$root"

  bad=0
  for n in $todo; do
    if [ -z "$(manifest "${n%@*}")" ]; then
      printf '%-14s SKIPPED: could not be fetched\n' "$n"
      continue
    fi
    # CTest starts every test through a prefix only from CMake 3.29 on, and then it is fixed when configuring: instead
    # its list of tests is read through this one, which puts the prefix before each command.
    mkdir -p "$tree/on/$n"
    cat >"$tree/on/$n/CTestTestfile.cmake" <<END
function(add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 a "" "" "")
  _add_test("\${name}" sh "$here/drivers.sh" exec $n \${a_UNPARSED_ARGUMENTS})
endfunction()
subdirs("$tree")
END
    log=$tree/on/$n.log
    begin=$(date +%s)
    result=PASS
    ctest --test-dir "$tree/on/$n" --output-on-failure --no-tests=error --timeout 5400 -j1 "$@" >"$log" 2>&1 ||
      result=FAIL bad=1
    printf '%-14s %s: %s; %d skipped; %d s; log: %s\n' "$n" "$result" \
      "$(grep -E 'tests passed,|No tests were found' "$log" | tail -n 1)" \
      "$(grep -cE '\*\*\*(Skipped|Not Run)' "$log")" "$(($(date +%s) - begin))" "build/drivers/on/$n.log"
    ends='Failed\|SEGFAULT\|Timeout\|.*Exception\|ILLEGAL\|Subprocess aborted\|Not Run'
    sed -n "s/^[[:space:]]*[0-9]* - \\(.*(\\($ends\\))\\)/    \\1/p" "$log"
  done
  return $bad
}

case ${1:-test} in
  fetch)
    shift
    [ $# -gt 0 ] || set -- trixie sid swiftshader
    for n; do fetch "$n"; done
    list
    ;;
  list) list ;;
  exec)
    [ $# -ge 3 ] || die 'usage: drivers.sh exec NAME COMMAND...'
    shift
    run_on "$@"
    ;;
  build)
    shift
    build "$@"
    ;;
  test)
    [ $# -eq 0 ] || shift
    run_tests "$@"
    ;;
  *) die "unknown command $1 (test, fetch, list, exec, build)" ;;
esac
