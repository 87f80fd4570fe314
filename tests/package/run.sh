#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the build tree $1 into a fresh prefix below $2, then builds the consumer project $3 against it and runs its
# programs. What the shared library shows are names in weft:: that its headers have, none of weft::detail, and what it
# has of the C++ library's templates.
set -eu
prefix=$2/package-prefix
rm -rf "$prefix" "$2/package-build"
cmake --install "$1" --prefix "$prefix" >/dev/null
cmake -S "$3" -B "$2/package-build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$2/package-build" >/dev/null
for program in consumer_weft kernels_cases selftest_selftest consumer_shared kernels_shared; do
    ${WEFT_LAUNCHER:-} "$2/package-build/$program"
done

nm -DC --defined-only "$(find "$prefix" -name libweft.so)" | sed -E 's/^[0-9a-f]+ . //' >"$2/package-exports"
public=$(cat "$prefix"/include/weft/*.hpp | grep -oE '[A-Za-z_]+' | sort -u | grep -vx detail | paste -sd'|')
if grep -vE "^((vtable|typeinfo|typeinfo name|guard variable) for )?weft::($public)\\b" "$2/package-exports" |
    grep -vE '^[a-z ]*(std|__gnu_cxx)::'; then
    echo "the shared library shows these names, which are not public" >&2
    exit 1
fi
grep -q '^weft::Model::load(' "$2/package-exports"
