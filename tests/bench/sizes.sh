#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Time against the size of pictures: ViT, whose attention grows with the square of its patches, beside MambaVision and
# VMamba, whose scans grow with them. A table on standard output, and a plot of it.
#
#   tests/bench/sizes.sh [OUT.svg [BUILD]]    BUILD: a build with tests, build/release by default
#   SIZES="224 448" MODELS="vit-base-2-layers" sh tests/bench/sizes.sh
#
# Models of a few layers with random weights (tools/configs), the median of REPEATS (3) runs of one picture. Nothing
# else may run meanwhile.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-sizes.svg}
build=${2:-$here/../build/release}
weft=$build/apps/weft/weft plot=$build/tests/weft_plot_table
sizes=${SIZES:-224 320 448 640 768 1024}
models=${MODELS:-vit-base-2-layers mambavision-tiny-7-layers vmamba-tiny-4-layers}
for program in "$weft" "$plot"; do
  [ -x "$program" ] || { echo "sizes: $program is not there: build weft with tests first" >&2; exit 1; }
done

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
trap 'exit 130' INT TERM
tab=$(printf '\t')

row='pixels a side'
for model in $models; do row=$row$tab$model; done
printf '%s\n' "$row" | tee "$scratch/table"
for size in $sizes; do
  row=$size
  for model in $models; do
    # Each class calls the size of its pictures as it likes; of the others' keys only a warning comes.
    sed -e 's/"image_size": *[0-9]*,//' \
      -e "1s/{/{ \"image_size\": $size, \"resolution\": $size, \"imgsize\": $size,/" \
      "$here/../tools/configs/$model.json" >"$scratch/config.json"
    if "$weft" bench model "$scratch/config.json" --random-weights --repeats "${REPEATS:-3}" --json \
      >"$scratch/json" 2>"$scratch/errors"; then
      grep -q "\"height\": $size," "$scratch/json" ||
        { echo "sizes: $model does not take its size from its config" >&2; exit 1; }
      ms=$(sed -n 's/.*"pictures_per_s": \([0-9.e+-]*\).*/\1/p' "$scratch/json" | awk '{ printf "%.1f", 1000 / $1 }')
    else
      cat "$scratch/errors" >&2
      ms=-
    fi
    row=$row$tab$ms
  done
  printf '%s\n' "$row" | tee -a "$scratch/table"
done
"$plot" 'One picture' 'milliseconds' <"$scratch/table" >"$out"
echo "sizes: $out" >&2
