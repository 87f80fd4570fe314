#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds weft for Windows and runs it, on a machine without Windows: MinGW compiles, Wine runs, and Wine's Vulkan is
# this system's, so that the software driver is there too.
#
#   tests/windows.sh        exits 0 if all is as it is here, 1 if not, 77 where a compiler or Wine cannot be had
#
# Everything comes from Debian's packages (cmake/setup.sh --windows); what weft links is compiled from their sources.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cache=${WEFT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weft-build}/windows
build=$root/build/windows

say() { printf 'windows: %s\n' "$*" >&2; }
skip() { say "SKIPPED: $*"; exit 77; }

sh "$root/cmake/setup.sh" --windows || skip 'the packages cannot be had'
command -v x86_64-w64-mingw32-g++-posix >/dev/null || skip 'there is no x86_64-w64-mingw32-g++-posix'
command -v xvfb-run >/dev/null || skip 'there is no xvfb-run: without a display Wine makes no Vulkan instance'
wine=$(command -v wine64 || command -v wine || echo /usr/lib/wine/wine64)
[ -x "$wine" ] || skip 'there is no Wine'

if [ -z "${WEFT_WINDOWS_DISPLAY:-}" ]; then
  export WEFT_WINDOWS_DISPLAY=1
  exec xvfb-run -a sh "$0" "$@"
fi

# ---- what weft links, for Windows -----------------------------------------------------------------------------------

# A package of Debian's, what who links it statically must define (or -), and options.
libraries='pcre2 PCRE2_STATIC -DPCRE2_SUPPORT_JIT=ON -DPCRE2_BUILD_PCRE2GREP=OFF -DPCRE2_BUILD_TESTS=OFF
utf8proc UTF8PROC_STATIC
libspng SPNG_STATIC -DBUILD_EXAMPLES=OFF
libjpeg-turbo - -DENABLE_SHARED=OFF -DWITH_SIMD=OFF
libwebp - -DWEBP_BUILD_EXTRAS=OFF -DWEBP_BUILD_ANIM_UTILS=OFF -DWEBP_BUILD_CWEBP=OFF -DWEBP_BUILD_DWEBP=OFF
  -DWEBP_BUILD_GIF2WEBP=OFF -DWEBP_BUILD_IMG2WEBP=OFF -DWEBP_BUILD_WEBPINFO=OFF -DWEBP_BUILD_WEBPMUX=OFF
libogg -
libvorbis -
flac - -DBUILD_CXXLIBS=OFF -DBUILD_PROGRAMS=OFF -DBUILD_EXAMPLES=OFF -DBUILD_TESTING=OFF -DBUILD_DOCS=OFF
  -DINSTALL_MANPAGES=OFF -DWITH_STACK_PROTECTOR=OFF
opus - -DOPUS_STACK_PROTECTOR=OFF
libsndfile - -DCMAKE_C_FLAGS=-DFLAC__NO_DLL -DBUILD_PROGRAMS=OFF -DBUILD_EXAMPLES=OFF -DBUILD_TESTING=OFF'

# library PACKAGE MACRO OPTION...: a static library. It is compiled as its authors released it.
library() {
  name=$1 static=$2
  shift 2
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
  [ -e "$cache/$name" ] || sh "$root/cmake/setup.sh" --source "$suite" "$cache/$name" "$name" || return 1
  [ "$name" != opus ] || : >"$cache/opus/opus_buildtype.cmake" # which 1.3.1 includes and does not contain
  cmake --fresh -S "$cache/$name" -B "$cache/$name-build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$root/cmake/mingw.cmake" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR="$prefix/lib" \
    -DBUILD_SHARED_LIBS=OFF "$@" &&
    cmake --build "$cache/$name-build" && cmake --install "$cache/$name-build" || return 1
  for pc in "$prefix"/lib/pkgconfig/*.pc; do
    [ "$static" = - ] || [ -e "$pc.done" ] || sed -i "s/^Cflags:.*/& -D$static/" "$pc"
    touch "$pc.done"
  done
}

# Headers without code are this system's.
headers() {
  dpkg -L libvulkan-dev libvulkan-volk-dev libglm-dev nlohmann-json3-dev libcli11-dev libkissfft-dev |
    grep -E '^/usr/(include|share/cmake)/' | while read -r f; do
      [ -d "$f" ] || install -D -m 644 "$f" "$prefix/${f#/usr/}"
    done
}

all_libraries() {
  rm -rf "$prefix"
  mkdir -p "$prefix"
  export CMAKE_PREFIX_PATH="$prefix"
  # A line that begins with a space belongs to the one before.
  echo "$libraries" | sed -e ':a' -e '$!N' -e 's/\n  / /' -e ta -e P -e D >"$cache/list"
  # shellcheck disable=SC2086 # a list of words
  while read -r line; do library $line </dev/null || return 1; done <"$cache/list"
  # What is not described there, or by other names.
  pc=$prefix/lib/pkgconfig
  sed 's/-lspng\b/-lspng_static/' "$pc/libspng.pc" >"$pc/spng.pc" &&
    cp /usr/x86_64-w64-mingw32/lib/pkgconfig/zlib.pc "$pc" &&
    headers &&
    echo "$libraries" >"$prefix/complete"
}

prefix=$cache/prefix
if [ "$(cat "$prefix/complete" 2>/dev/null)" != "$libraries" ]; then
  say "building $(echo "$libraries" | sed -n 's/^\([a-z]\S*\).*/\1/p' | xargs)"
  mkdir -p "$cache"
  all_libraries >"$cache/log" 2>&1 || { tail -n 40 "$cache/log" >&2; skip 'a library is not to be had'; }
fi

# ---- weft -----------------------------------------------------------------------------------------------------------

export CMAKE_PREFIX_PATH="$prefix" PKG_CONFIG_LIBDIR="$prefix/lib/pkgconfig"
export WINEPREFIX="$cache/wine" WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml= LC_ALL=C.UTF-8
say 'building weft'
mkdir -p "$build"
cd "$root"
{ cmake --preset windows && cmake --build --preset windows --target weft_app; } >"$build/log" 2>&1 ||
  { cat "$build/log" >&2; say 'the build failed'; exit 1; }

# ---- what it does ---------------------------------------------------------------------------------------------------

weft() { "$wine" "$build/apps/weft/weft.exe" "$@"; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0
expect() { # NAME EXIT-CODE PATTERN COMMAND...
  name=$1 code=$2 pattern=$3 got=0
  shift 3
  "$@" >"$scratch/output" 2>&1 </dev/null || got=$?
  if [ "$got" = "$code" ] && grep -q -- "$pattern" "$scratch/output"; then
    echo "ok      $name"
    passed=$((passed + 1))
  else
    echo "FAILED  $name: exit code $got (expected $code), looking for \"$pattern\" in:"
    cat "$scratch/output"
    failed=$((failed + 1))
  fi
}

model=apps/models/tales-hybrid
expect 'info' 0 '^device 0' weft info
expect 'a tale, in the words that were recorded' 0 'a king who had three sons, and they were married' \
  weft run "$model" 'Once upon a time there was a' -n 30 --greedy
tr -cd '\r' <"$scratch/output" >"$scratch/returns"
expect 'lines end as they do here' 0 '^0$' sh -c 'wc -c <"$0"' "$scratch/returns"
for golden in llama mamba2 qwen3-next t5 swin whisper; do
  expect "check of $golden" 0 'prefill whole *ok' weft check "tests/goldens/models/$golden" --prefill whole
done
expect 'selftest of two kernels' 0 'passed: [1-9][0-9]* cases in [1-9][0-9]* runs, 0 wrong' \
  weft selftest --quick --kernel combine --kernel pool
odd='Two words'
named=$scratch/$odd
cp -r "$model" "$named"
expect 'a path with a space' 0 '^[0-9 ]*$' weft tokenize "$named" "$odd"
ids=$(cat "$scratch/output")
expect 'a text, there and back' 0 "^$odd\$" weft tokenize "$named" --decode "$ids"
for turn in written replaced; do
  expect "a file is $turn" 0 'llama, ' weft quantize tests/goldens/models/llama "$named/a.gguf" --type f32
done
expect 'what was written is read' 0 'prefill whole *ok' \
  weft check "$named/a.gguf" --io tests/goldens/models/llama/io.safetensors --prefill whole
expect 'a file that is not there' 1 'no such file' weft run "$scratch/nothing" x
expect 'no compiler of shaders' 1 'cannot run glslc' weft selftest --kernel pool --shader-dir shaders
cp -r tests/goldens/models/vit "$scratch/vit"
echo '{"image_processor_type": "ViTImageProcessor", "size": {"height": 30, "width": 30}}' \
  >"$scratch/vit/preprocessor_config.json"
expect 'see a JPEG' 0 ': LABEL_2 0.3333; ' weft see tests/goldens/pictures/turned6.jpg --model "$scratch/vit"
expect 'see a PNG' 0 '"index":2,"label":"LABEL_2","probability":0.336' \
  weft see tests/goldens/pictures/rgba.png --model "$scratch/vit" --json
expect 'see a WebP' 0 ': LABEL_2 0.4179' weft see tests/goldens/pictures/lossy.webp --model "$scratch/vit"
cp tests/goldens/hear/tones.wav "$named/$odd.wav"
expect 'hear a WAV' 0 '^DA DA DAD<unk>DAD A' weft hear "$named/$odd.wav" --model tests/goldens/hear/wav2vec2
echo "windows: $passed passed, $failed failed"
[ "$failed" = 0 ]
