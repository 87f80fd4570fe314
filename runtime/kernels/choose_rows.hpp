// SPDX-License-Identifier: Apache-2.0
// L2: which rows a layer works on (Mixture-of-Depths).
#pragma once
#include "kernels/step.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel {

/// The share of a sequence's rows that are chosen, in 2^-31: what a float says may be a little less than the decimal
/// number that was meant, so its neighbour above it counts; 0.35 of 20 rows are 7.
inline uint32_t share_of(float capacity) { return uint32_t(std::ceil(double(capacity) * (0x1p31 + 0x1p7))); }
/// How many of so many rows.
inline uint32_t kept_rows(uint32_t share, uint32_t rows) {
    return uint32_t(std::min<uint64_t>(uint64_t(share) * rows >> 31, rows));
}

/// y[t] = 1 for the chosen rows, else 0: those with x[t] > 0, or, with a capacity, of each sequence the kept_rows()
/// with the largest x; of equal ones the first.
struct ChooseRowsArgs {
    Step step;
    Tensor x;           ///< f32 [T, 1]
    Tensor y;           ///< f32 [T, 1]
    float capacity = 0; ///< 0: those above 0; at most 1
};
void choose_rows(Recorder& r, const ChooseRowsArgs& a);

} // namespace weft::detail::kernel
