#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Names every line of C++ and GLSL in the source tree ($1) that is wider than 120 columns, and fails if there is one:
# clang-format keeps neither GLSL nor literals so.
cd "$1" || exit
LC_ALL=C.UTF-8 grep -rnE '.{121}' --include='*.cpp' --include='*.hpp' --include='*.comp' --include='*.glsl' \
  apps cmake runtime shaders tests
[ $? -eq 1 ] # no such line; more would be an error of grep
