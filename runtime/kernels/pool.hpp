// SPDX-License-Identifier: Apache-2.0
// L2: one row a sequence.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[s,:] = mean or maximum of x[t,:] over the new tokens of sequence s, at most `most` from `skip` on; 0 where there
/// are none.
/// A mean is off by at most 12 roundoffs of the mean of |x|, however many the rows are. Whether a maximum passes over
/// NaN is the device's choice. Rows of y beyond the step's sequences are not written.
struct PoolArgs {
    Step step;
    Tensor x; ///< f32 [T, D]; may be a column slice
    Tensor y; ///< f32 [S, D]; may be a column slice; must not overlap x
    PoolKind kind = PoolKind::mean;
    uint32_t skip = 0, most = ~0u;
};
void pool(Recorder& r, const PoolArgs& a);
/// `lanes`: how many share a column, a power of two, at most 8; 0: chosen for the device. Tests set it.
void pool(Recorder& r, const PoolArgs& a, uint32_t lanes);

} // namespace weft::detail::kernel
