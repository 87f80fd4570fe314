#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# From a fresh clone to a story: installs what is missing, builds weft and lets the bundled models work.
#   sh apps/demo.sh [PROMPT [OPTIONS of weft run]]      the hybrid of text writes
#   sh apps/demo.sh see [PICTURE... [OPTIONS]]          the hybrid of pictures names the bundled ones, or these
#   sh apps/demo.sh hear [SOUND... [OPTIONS]]           Audio Mamba tells the bundled spoken digits, or these
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

case ${1-} in
  see)
    shift
    [ $# -gt 0 ] || set -- apps/samples/pictures --stats
    exec $weft see --model apps/models/cifar-mambavision --top 1 "$@" ;;
  hear)
    shift
    [ $# -gt 0 ] || set -- apps/samples/digits/*.flac
    exec $weft hear --model apps/models/digits-audiomamba --top 1 "$@" ;;
esac
[ $# -gt 0 ] || set -- 'Once upon a time' --stats
exec $weft run apps/models/tales-hybrid "$@"
