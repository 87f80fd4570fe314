#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# From a fresh clone to a story: installs what is missing, builds weft and lets the bundled hybrid model write.
#   sh apps/demo.sh [PROMPT [OPTIONS of weft run]]
set -eu
cd "$(dirname "$0")/.."
tree=build/release
weft=$tree/apps/weft/weft

sh cmake/setup.sh --build
# Once configured, the build itself sees when it has to be configured anew. Tests need more than a demo should install.
if [ ! -e $tree/build.ninja ]; then
  echo 'demo: building weft, once' >&2
  cmake --preset release -Dweft_TESTS=OFF >&2
fi
# Where nothing has changed this says nothing and takes a moment.
log=$tree/demo.log
if [ -x $weft ]; then
  cmake --build $tree --target weft_app >$log 2>&1 || { cat $log >&2; exit 1; }
else
  cmake --build $tree --target weft_app >&2
fi

[ $# -gt 0 ] || set -- 'Once upon a time' --stats
exec $weft run apps/models/tales-hybrid "$@"
