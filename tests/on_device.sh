#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# weft on a machine that has a Vulkan driver and nothing else: what is needed goes into one folder of at most 60 MiB, and
# one command there makes one report, in six minutes.
#
#   tests/on_device.sh pack DIR [WEFT]   here; WEFT: the program, build/release/apps/weft/weft by default
#   sh DIR/on_device.sh run [DIR]        there (x86-64 Linux); the report is also in DIR/report.txt
#
# $WEFT_PEER, when packing: a folder with llama-bench and its libraries, and a GGUF file in it as model.gguf, if there is
# room for them. $WEFT_SECONDS, when running: another limit than 360.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
most=$((60 << 10)) # KiB
say() { printf 'on_device: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
kib() { du -sk "$1" | cut -f 1; }

# ---- pack -----------------------------------------------------------------------------------------------------------

# Copies what PROGRAM links into the folder libraries/: what belongs to the C library apart from all else, because only
# one of a process's, the newer one, may be used.
libraries_of() { # PROGRAM
  ldd "$1" | sed -n 's|^[^/]*\(/[^ ]*\) (.*|\1|p' | while read -r file; do
    case ${file##*/} in
      ld-linux* | libc.so* | libm.so* | libdl.so* | libpthread.so* | librt.so*) to=c ;;
      libstdc++.so* | libgcc_s.so*) to=c++ ;;
      *) to=own ;;
    esac
    mkdir -p "$dir/libraries/$to"
    cp -L "$file" "$dir/libraries/$to"
  done
}

pack() {
  dir=$1
  weft=${2:-$here/../build/release/apps/weft/weft}
  goldens=${WEFT_GOLDENS:-$here/../../shared/goldens}
  [ -x "$weft" ] || die "$weft is not there: build weft first"
  [ ! -e "$dir" ] || [ -z "$(ls -A "$dir")" ] || die "$dir is not empty"
  mkdir -p "$dir/goldens" "$dir/configs"
  strip -o "$dir/weft" "$weft"
  libraries_of "$weft"
  # What was a part of the C library once, and older drivers still ask for.
  for old in libdl.so.2 libpthread.so.0 librt.so.1 libutil.so.1 libresolv.so.2; do
    cp -L "$(ldconfig -p | sed -n "s|.*$old .*x86-64.*=> ||p" | head -n 1)" "$dir/libraries/c"
  done
  loader=$(ldconfig -p | sed -n 's|.*libvulkan\.so\.1 .*x86-64.*=> ||p' | head -n 1)
  [ -n "$loader" ] || die 'there is no libvulkan.so.1: cmake/setup.sh installs it'
  cp -L "$loader" "$dir/libraries/own"
  cp "$here/on_device.sh" "$dir"
  cp "$here/../tools/configs"/*.json "$here/../apps/models/hybrid.json" "$dir/configs"
  if [ -n "${WEFT_PEER:-}" ]; then cp -rL "$WEFT_PEER" "$dir/peer"; fi

  # Recorded cases, small ones first, as long as there is room: the repository's, and those that the manifest says pass.
  {
    for case in "$here"/goldens/models/*/; do echo "${case%/}"; done
    sed -n 's/^ *"\([^"/]*\)": "passes",*$/\1/p' "$here/goldens/manifest.json" | while read -r name; do
      [ ! -e "$goldens/$name/io.safetensors" ] || echo "$goldens/$name"
    done
    echo "$here/../apps/models/tales-hybrid"
  } | while read -r case; do echo "$(kib "$case") $case"; done | sort -n | while read -r size case; do
    [ $(($(kib "$dir") + size)) -lt $((most - 512)) ] || break
    to=$dir/goldens/${case##*/}
    [ ! -e "$to" ] || to=$to.recorded # the same name in both places
    cp -rL "$case" "$to"
  done
  chmod -R u+w "$dir"
  [ "$(kib "$dir")" -le "$most" ] || die "$dir has $(kib "$dir") KiB, more than $most"
  say "$dir: $(kib "$dir") KiB, $(ls "$dir/goldens" | wc -l) recorded cases; there: sh on_device.sh run"
}

# ---- run ------------------------------------------------------------------------------------------------------------

# Whether version $1 (2.36) is not newer than $2.
not_newer() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t . -k 1,1n -k 2,2n | head -n 1)" = "$1" ]; }
# The version of the C library in FILE.
c_version() { sed -n 's/.*GNU C Library .* version \([0-9]*\.[0-9]*\).*/\1/p' "$1" 2>/dev/null | tr -d '\0' | head -n 1; }
first_of() { for file; do [ ! -e "$file" ] || { echo "$file"; return; }; done; }

# How a packed program is started: in $start. The driver is loaded into its process and was built for this machine, so
# that each library must be the newer of the machine's and ours.
find_libraries() {
  lib=$dir/libraries
  theirs=$(first_of /lib/x86_64-linux-gnu/libc.so.6 /lib64/libc.so.6 /usr/lib64/libc.so.6 /usr/lib/libc.so.6)
  ours=$(c_version "$lib/c/libc.so.6")
  folder=${theirs%/*}
  more=$lib/own
  if [ -n "$theirs" ] && not_newer "$ours" "$(c_version "$theirs")"; then
    # The machine's C++ library is the driver's too; ours is taken where there is none, or one that is too old for us.
    LD_LIBRARY_PATH=$more "$dir/weft" --version >/dev/null 2>&1 || more=$lib/c++:$lib/own
    export LD_LIBRARY_PATH="$more${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    start=
    how="this machine's C library"
  else
    start="$lib/c/ld-linux-x86-64.so.2 --library-path $lib/c:$lib/c++:$lib/own:$folder:/usr$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    how="the packed C library, $ours"
  fi
}

# The loader looks into /usr and /etc by itself.
find_driver() {
  [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0
  [ -z "$(first_of /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json)" ] || return 0
  found=$(find /usr /opt -name '*icd*.json' -path '*vulkan*' 2>/dev/null | head -n 4 | tr '\n' ':')
  [ -z "$found" ] || export VK_DRIVER_FILES="${found%:}" VK_ICD_FILENAMES="${found%:}"
}

left() { echo $((begin + ${WEFT_SECONDS:-360} - $(date +%s))); }

# part NAME SECONDS COMMAND...: at most so long, and never beyond the end of all.
part() {
  name=$1 share=$2
  shift 2
  [ "$(left)" -ge "$share" ] || share=$(left)
  printf '\n==== %s (at most %s s)\n' "$name" "$share"
  if [ "$share" -lt 2 ]; then
    echo "==== $name: left out, for there is no time"
    return
  fi
  since=$(date +%s) code=0
  timeout -k 5 "$share" "$@" 2>&1 </dev/null || code=$?
  case $code in
    0) result=passed ;;
    124 | 137) result="cut off after $share s" ;;
    *) result="FAILED with exit code $code" ;;
  esac
  echo "==== $name: $result, $(($(date +%s) - since)) s"
}

report() {
  begin=$(date +%s)
  echo "weft on $(uname -srm), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs; $how"
  part 'devices' 20 $start "$dir/weft" info
  part 'selftest, quick' 60 $start "$dir/weft" selftest --quick
  part 'recorded cases' 110 $start "$dir/weft" check "$dir"/goldens/*
  # One by one, so that a slow one does not keep the others from being told: 50 s in all.
  until=$(($(left) - 50))
  for kernel in $($start "$dir/weft" bench kernels '?' 2>&1 | sed -n 's/.*weft has: //p' | tr -d ,); do
    [ "$(left)" -le "$until" ] || part "kernel $kernel" $(($(left) - until)) $start "$dir/weft" bench kernels "$kernel"
  done
  for config in "$dir"/configs/*.json; do
    name=${config##*/}
    part "model ${name%.json}" 10 $start "$dir/weft" bench model "$config" --random-weights --dtype f16 --prompt 256 \
      --generate 32 --repeats 2
  done
  if [ -x "$dir/peer/llama-bench" ]; then
    part 'model.gguf' 20 $start "$dir/weft" bench model "$dir/peer/model.gguf" --prompt 256 --generate 32
    part 'model.gguf, llama.cpp' 20 env LD_LIBRARY_PATH="$dir/peer:${LD_LIBRARY_PATH:-}" "$dir/peer/llama-bench" \
      -m "$dir/peer/model.gguf" -ngl 99 -p 256 -n 32
  fi
  part 'selftest' "$(left)" $start "$dir/weft" selftest
}

run() {
  dir=$(cd "$1" && pwd)
  [ -x "$dir/weft" ] || die "$dir has no weft: tests/on_device.sh pack makes such a folder"
  XDG_CACHE_HOME=$(mktemp -d)
  export XDG_CACHE_HOME
  trap 'rm -rf "$XDG_CACHE_HOME"' EXIT
  find_libraries
  find_driver
  report | tee "$dir/report.txt"
  # Of all parts that had the time.
  ! grep -q '^==== .*: FAILED' "$dir/report.txt"
}

case ${1:-} in
  pack) [ $# -ge 2 ] || die 'pack needs a folder'; shift; pack "$@" ;;
  run) run "${2:-$here}" ;;
  *) die 'pack DIR [WEFT], or run [DIR]' ;;
esac
