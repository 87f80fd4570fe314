#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Sets up, builds and tests everything, from a bare Debian container on: sh tests/run.sh [CTEST-ARGUMENTS]
set -eu
cd "$(dirname "$0")/.."

begin=$(date +%s)
# Prints the seconds since the last call.
lap() {
  now=$(date +%s)
  echo "run: $1 took $((now - begin)) s"
  begin=$now
}

sh cmake/setup.sh --tests
prefix=$(sh cmake/setup.sh --prefix)
export CMAKE_PREFIX_PATH="$prefix${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
lap 'setting up'

# TESTS is named because apps/demo.sh turns it off in the same tree.
cmake --preset release -Dweft_TESTS=ON
lap configuring
cmake --build build/release
lap building

# Mesa keeps compiled shaders here: outside the tree, so that the next clone's tests start warm.
cache="${WEFT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weft-build}"
export MESA_SHADER_CACHE_DIR="${MESA_SHADER_CACHE_DIR:-$cache/mesa/tests}"
mkdir -p "$MESA_SHADER_CACHE_DIR"

log=build/release/tests.log
rc=0
# tee's own status would hide that of ctest.
{
  ctest --test-dir build/release --output-on-failure --no-tests=error -j"$(getconf _NPROCESSORS_ONLN)" "$@" 2>&1 ||
    echo $? >"$log.rc"
} | tee "$log"
if [ -e "$log.rc" ]; then
  rc=$(cat "$log.rc")
  rm "$log.rc"
fi
lap testing

# A test that was skipped has shown nothing: say so where nobody can miss it.
skipped=$(grep -cE '\*\*\*(Skipped|Not Run)' "$log") || :
passed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$log") || :
echo "run: $passed tests passed, $skipped skipped"
grep -E '\*\*\*(Skipped|Not Run)' "$log" |
  sed -E 's|^ *[0-9]+/[0-9]+ Test *#[0-9]+: |run: skipped: |; s| *\.*\*\*\*.*||' || :
if [ "$rc" = 0 ] && [ "$passed" = 0 ]; then
  echo 'run: no test was run to its end' >&2
  rc=1
fi
# CTest's verdict once more, as the last line, for those who read only that.
grep -E '% tests passed,|^No tests were found' "$log" | tail -n 1
exit "$rc"
