#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Tries the small errors in tests/mutations one at a time, and says which of them the tests see.
#
#   sh tests/mutation.sh [NAME...]   all, or some: the names of files in tests/mutations, without .patch
#
# An entry is a patch (git diff -U2) with lines in front of it:
#   Why:         what a user would notice
#   Tests:       what is to see it, as ctest -R takes it; it begins with the tests' folder
#   Equivalent:  of a change that changes nothing: the reason. It must apply, and is not counted.
# The work is done in a copy of the tree as it stands, which is kept, so that a change compiles only what it touches:
# the first run takes minutes more than the next. Fails if less than 95 % are caught, or an entry does not apply.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${WEFT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weft-build}
work=$cache/mutation
tree=$work/tree
log=$work/log
[ -n "${WEFT_GOLDENS:-}" ] || export WEFT_GOLDENS="$root/../shared/goldens"
export MESA_SHADER_CACHE_DIR="${MESA_SHADER_CACHE_DIR:-$cache/mesa/tests}"
export GIT_CEILING_DIRECTORIES="$work" # the copy is no repository, whatever lies above it
mkdir -p "$tree" "$MESA_SHADER_CACHE_DIR"

say() { printf 'mutation: %s\n' "$*"; }
die() {
  say "$@" >&2
  exit 2
}

entry() { echo "$root/tests/mutations/$1.patch"; }
field() { sed -n "/^diff\|^---/q; s/^$2: *//p" "$(entry "$1")"; }
changed_files() { sed -n 's|^+++ b/||p' "$(entry "$1")"; }
target_of() {
  case $1 in
    golden.* | laws.* | staged.*) echo weft_models_tests ;;
    subgroups_of_16.*) echo weft_kernels_tests ;;
    *) echo "weft_${1%%.*}_tests" ;;
  esac
}

if [ $# -eq 0 ]; then
  for f in "$root"/tests/mutations/*.patch; do set -- "$@" "$(basename "$f" .patch)"; done
fi
targets='' patterns=''
for name; do
  [ -e "$(entry "$name")" ] || die "there is no entry called $name"
  tests=$(field "$name" Tests)
  [ -n "$tests" ] || die "$name: has no line that begins with Tests:"
  targets="$targets $(target_of "$tests")"
  patterns="$patterns${patterns:+|}$tests"
done
targets=$(printf '%s\n' $targets | sort -u)

# ---- the copy -------------------------------------------------------------------------------------------------------

# By content, so that what stays the same is not compiled again, and what an interrupted run left is put right.
say "copying the tree to $tree"
git -C "$root" ls-files --cached --others --exclude-standard | sort >"$work/files"
(cd "$tree" && find . -path ./build -prune -o -type f -print | sed 's|^\./||' | sort) | comm -13 "$work/files" - |
  while IFS= read -r f; do rm "$tree/$f"; done
while IFS= read -r f; do
  if [ ! -f "$root/$f" ] || cmp -s "$root/$f" "$tree/$f"; then continue; fi
  mkdir -p "$(dirname "$tree/$f")"
  cp "$root/$f" "$tree/$f"
done <"$work/files"

prefix=$(sh "$root/cmake/setup.sh" --prefix)
export CMAKE_PREFIX_PATH="$prefix${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
# File by file: a change is to compile no neighbours.
(cd "$tree" && nice cmake --preset release -DCMAKE_UNITY_BUILD=OFF -Dweft_TESTS=ON) >"$log" 2>&1 ||
  die "the copy cannot be configured: see $log"

build() { # shellcheck disable=SC2086
  nice cmake --build "$tree/build/release" --parallel 2 --target $1 >"$log" 2>&1
}
run_tests() { nice ctest --test-dir "$tree/build/release" -R "^($1)" --timeout 240 -j2 --no-tests=error >"$log" 2>&1; }

say "building $(echo $targets), and running the tests without a change"
build "$targets" || die "the copy cannot be built: see $log"
run_tests "$patterns" || die "tests fail without a change: see $log"

# ---- the changes ----------------------------------------------------------------------------------------------------

caught=0 counted=0 wrong=0
fault() {
  wrong=$((wrong + 1))
  say "ERROR     $1: $2"
}
for name; do
  begin=$(date +%s)
  tests=$(field "$name" Tests)
  if ! (cd "$tree" && git apply "$(entry "$name")") >"$log" 2>&1; then
    fault "$name" "does not apply any more: $(head -n 1 "$log")"
    continue
  fi
  if [ -n "$(field "$name" Equivalent)" ]; then
    say "equivalent $name: $(field "$name" Equivalent)"
  elif ! build "$(target_of "$tests")"; then
    fault "$name" "does not compile: $(grep -m 1 -i error "$log")"
  else
    counted=$((counted + 1))
    if run_tests "$tests"; then
      say "SURVIVED  $name ($(($(date +%s) - begin)) s): not seen by $tests. $(field "$name" Why)"
    elif grep -q 'No tests were found' "$log"; then
      fault "$name" "no test is called $tests"
    else
      caught=$((caught + 1))
      say "caught    $name ($(($(date +%s) - begin)) s)"
    fi
  fi
  changed_files "$name" | while IFS= read -r f; do cp "$root/$f" "$tree/$f"; done
done

say "$caught of $counted caught, $wrong entries in error"
[ "$wrong" -eq 0 ] && [ "$((caught * 100))" -ge "$((counted * 95))" ]
