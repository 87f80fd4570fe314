#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the build tree $1 into a fresh prefix below $2, then builds the consumer project $3 against it and runs its
# programs.
set -eu
prefix=$2/package-prefix
rm -rf "$prefix" "$2/package-build"
cmake --install "$1" --prefix "$prefix" >/dev/null
cmake -S "$3" -B "$2/package-build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$2/package-build" >/dev/null
${WEFT_LAUNCHER:-} "$2/package-build/consumer"
${WEFT_LAUNCHER:-} "$2/package-build/kernels"
