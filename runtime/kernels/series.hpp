// SPDX-License-Identifier: Apache-2.0
// L2: channels of time series, scaled, and back.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// How the channels of a series are scaled: v becomes (v - loc) / scale.
struct SeriesScale {
    SeriesScaling kind = SeriesScaling::std;
    float least = 1e-5f; ///< std: added to the variance; mean: scales are no smaller
    float otherwise = 0; ///< mean: of a channel without a value that was observed
};

/// Without x: y[r, :] = (a patch of row r's channel - loc) / scale, the one in column `lead` being the first; of
/// columns before it zeros. Patches are as wide as y, begin every `stride` values and end where the series does. With
/// x: y[r, :] = x[r, :] * scale + loc of row r's channel. loc and scale are of all values of the channel that were
/// observed.
struct SeriesArgs {
    Tensor values;         ///< f32, contiguous: of each series [2, C, n]: values, then 1 where one was observed, else 0
    Tensor series;         ///< u32 [S, 4]: where in `values` each begins (in floats), C, n, unused; inside values
    Tensor token_sequence; ///< u32 [T]: which series each row is from
    Tensor channels;       ///< u32 [T]: of each row; the last one in place of those that there are not
    Tensor columns;        ///< u32 [T]: without x, of each row; the patches of all lie inside the series
    Tensor x;              ///< f32 [T, N]; may be a column slice, or y itself
    Tensor y;              ///< f32 [T, N]; may be a column slice
    SeriesScale scale;
    uint32_t stride = 1, lead = 0;
    Extent rows = {1, Quantity::tokens};
};
void series(Recorder& r, const SeriesArgs& a);

} // namespace weft::detail::kernel
