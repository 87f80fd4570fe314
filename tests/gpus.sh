#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the compilers of real GPUs make of weft's kernels, on any machine, without those GPUs.
#
#   tests/gpus.sh [--update] [CHIP...]   is all as tests/gpus/CHIP.json has it? --update writes those files. Every chip
#                                        but the emulated ones, if none is named
#   tests/gpus.sh list                   the chips
#   tests/gpus.sh exec CHIP CMD...       runs one program on one chip's driver; its libraries lie in $WEFT_LIBRARIES too
#
# The drivers are Mesa's, from Debian sid, each with Mesa's stand-in for its kernel side (mesa-drm-shim): a driver then
# reports a chip's features and limits and compiles for it. What is submitted does nothing, so that results are zeros
# and times are the host's alone. Drivers that only packages for 64-bit ARM have run in an emulator, where compiling
# takes minutes a model.
#
# Of the bundled model and of tools/configs, which have real widths, few layers and random weights, it is recorded which
# forms and shapes of kernels each program uses, and what the compiler says of them. Whatever is recorded, nothing may
# spill, and some waves must fit side by side (tests/gpus/report.py).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/.." && pwd)
cache=${WEFT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weft-build}

# Chip, driver, its stand-in, how that is told the chip, and the processor that has it, if not every one.
chips='polaris10 radeon amdgpu AMDGPU_GPU_ID=polaris10
navi21 radeon amdgpu AMDGPU_GPU_ID=navi21
navi31 radeon amdgpu AMDGPU_GPU_ID=navi31
gfx1201 radeon amdgpu AMDGPU_GPU_ID=gfx1201
tu102 nouveau nouveau NOUVEAU_CHIPSET=162
ga102 nouveau nouveau NOUVEAU_CHIPSET=172
a660 freedreno freedreno FD_GPU_ID=660
a740 freedreno freedreno FD_GPU_ID=740
m1 asahi asahi ASAHI=1
g610 panfrost panfrost PAN_GPU_ID=a867 arm64
v3d71 broadcom v3d V3D_GPU_ID=71 arm64
powervr powervr_mesa powervr POWERVR=1 arm64'

# What an emulated chip is asked about: all models would take it an hour.
emulated='tales-hybrid llama-8b-2-layers qwen3-next-4-layers gpt-oss-2-layers falcon-h1-1-layer mamba2-2.7b-2-layers'

say() { printf 'gpus: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
skip() { printf 'gpus: SKIPPED: %s\n' "$*"; exit 0; }

list() { echo "$chips" | cut -d ' ' -f 1; }

# Sets $icd, $shim, $setting and $processor, and $drivers, where they lie.
choose() {
  row=$(echo "$chips" | grep "^$1 ") || die "no chip is called $1; there are:" $(list)
  read -r _ icd shim setting processor <<END
$row
END
  drivers=$cache/gpus${processor:+-$processor}
  [ "$processor" != "$(dpkg --print-architecture 2>/dev/null)" ] || processor=
}

# Whatever is missing from what an older revision has fetched is a reason to fetch all again.
fetch() {
  set -- mesa-vulkan-drivers libvulkan1 mesa-drm-shim ${processor:+libpcre2-dev libutf8proc-dev libspng-dev \
    libturbojpeg0-dev libwebp-dev libsndfile1-dev libkissfft-dev zlib1g-dev}
  for p; do grep -q "^${p}_" "$drivers/PACKAGES" 2>/dev/null || break; p=; done
  [ -n "$p" ] || return 0
  rm -rf "$drivers"
  sh "$source/cmake/setup.sh" --unpack "sid${processor:+:$processor}" "$drivers" --closure "$@" >&2
}

can_be_had() {
  fetch && sh "$here/drivers.sh" fetch sid >/dev/null &&
    { [ -z "$processor" ] || sh "$source/cmake/setup.sh" "--$processor"; }
}

# Builds weft for the chosen chip's driver, and sets $weft. With sid's glslc, so that the forms of kernels are all
# there, and the same words are compiled everywhere.
build() {
  tree=$source/build/${processor:-drivers}
  weft=$tree/apps/weft/weft
  case " $built " in *" $tree "*) return ;; esac
  built="$built $tree"
  if [ -z "$processor" ]; then
    sh "$here/drivers.sh" build weft_app
    return
  fi
  say "building for $processor"
  mkdir -p "$tree"
  (
    cd "$source"
    export WEFT_ARM64="$drivers" PATH="$cache/drivers/sid/tools:$PATH"
    cmake --preset "$processor" && cmake --build --preset "$processor" --target weft_app
  ) >"$tree/build.log" 2>&1 || { cat "$tree/build.log" >&2; die 'the build failed'; }
}

run_on() {
  chip=$1
  choose "$chip"
  fetch || die "the drivers cannot be fetched"
  shift
  program=$(command -v "$1") || die "$1 is not there"
  shift
  libs=$(echo "$drivers"/usr/lib/*-linux-gnu)
  manifest=$drivers/$icd.json
  [ -e "$manifest" ] || sed 's|"library_path": *"[^"]*/\{0,1\}\(libvulkan[^"]*\)"|"library_path": "'"$libs"'/\1"|' \
    "$drivers"/usr/share/vulkan/icd.d/"$icd"_icd*.json >"$manifest"
  mkdir -p "$cache/mesa/$chip"
  for ld in "$drivers"/usr/lib*/ld-linux*.so.* "$drivers"/usr/lib/*/ld-linux*.so.*; do [ ! -e "$ld" ] || break; done
  # shellcheck disable=SC2086 # the emulator, or nothing
  exec env -u VK_ADD_DRIVER_FILES VK_DRIVER_FILES="$manifest" VK_ICD_FILENAMES="$manifest" \
    VK_LOADER_LAYERS_DISABLE='~implicit~' MESA_SHADER_CACHE_DIR="$cache/mesa/$chip" "$setting" \
    ${processor:+qemu-aarch64-static} "$ld" --preload "$libs/lib${shim}_noop_drm_shim.so" \
    --library-path "$libs${WEFT_LIBRARIES:+:$WEFT_LIBRARIES}" --argv0 "$program" "$program" "$@"
}

# on CHIP FILE ARGUMENTS...: runs weft; what it prints goes to FILE. Fails as weft does.
on() {
  chip=$1 to=$2
  shift 2
  sh "$0" exec "$chip" "$weft" "$@" >"$to" 2>"$to.errors"
}

# must CHIP FILE ARGUMENTS...: the same, and a failure is one of the chip.
must() {
  on "$@" && return
  shift 2
  say "$chip: weft $* failed: $(tail -n 1 "$to.errors")"
  failed=1
}

# One chip: whatever needs no results must work, then the pipelines are judged.
judge() {
  scratch=$work/$1 failed=0 left_out=
  mkdir "$scratch"
  must "$1" "$scratch/info" info
  must "$1" "$scratch/run" run "$source/apps/models/tales-hybrid" Once -n 4 --no-cache
  for model in "$source/apps/models/tales-hybrid" "$source"/tools/configs/*.json; do
    name=$(basename "$model" .json)
    case "$processor: $emulated " in
      :* | *" $name "*) ;;
      *) left_out="$left_out $name"; continue ;;
    esac
    # What has problems the report knows; one is the little memory that a stand-in may have. Weights take an emulator
    # too long.
    if on "$1" "$scratch/$name.json" inspect "$model" --pipelines --json --no-cache && [ -z "$processor" ]; then
      must "$1" "$scratch/$name.bench" bench model "$model" --random-weights --prompt 32 --generate 4 --no-cache
    fi
  done
  mesa=$(sed -n 's/^mesa-vulkan-drivers_\([^_]*\)_.*/\1/p' "$drivers/PACKAGES")
  glslc=$(sed -n 's/^glslc_\([^_]*\)_.*/\1/p' "$cache/drivers/sid/PACKAGES")
  python3 "$here/gpus/report.py" $update "$1" "Mesa $mesa, glslc $glslc" "$scratch" || failed=1
  [ -z "$left_out" ] || say "$1 is emulated; left out are$left_out"
  return $failed
}

case ${1:-} in
  list) list ;;
  exec)
    [ $# -ge 3 ] || die 'usage: gpus.sh exec CHIP COMMAND...'
    shift
    run_on "$@"
    ;;
  *)
    update=
    [ "${1:-}" != --update ] || { update=--update; shift; }
    [ $# -gt 0 ] || set -- $(for c in $(list); do choose "$c"; [ -n "$processor" ] || echo "$c"; done)
    for c; do choose "$c"; done
    command -v python3 >/dev/null 2>&1 || skip 'no python3'
    work=$(mktemp -d)
    trap 'rm -r "$work"' EXIT
    trap 'exit 130' INT TERM
    python3 "$here/gpus/report.py" --heading
    bad=0 built=
    for c; do
      choose "$c"
      if ! can_be_had; then
        printf '%-10s SKIPPED: cannot be had here\n' "$c"
        continue
      fi
      build
      judge "$c" || bad=1
    done
    exit $bad
    ;;
esac
