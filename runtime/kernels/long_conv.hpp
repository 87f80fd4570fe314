// SPDX-License-Identifier: Apache-2.0
// L2: a causal convolution of each channel with a filter that may be as long as the sequence.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t, c] = after[t, c] * (sum over l = 0 .. t of filter[l, c] v[t - l, c] + skip[c] v[t, c]), v = x * before; t
/// counts from each sequence's first row, and filter is 0 from its last row on. Sequences come whole. With many rows it
/// is made of Fourier transforms: a number's error then follows from the size of all before it, and, by less than a
/// rounding of the largest, from those of its block behind it.
struct LongConvArgs {
    Step step;     ///< sequences, token_sequence
    Tensor x;      ///< f32 [T, C]; may be a column slice, as all others may
    Tensor before; ///< f32 [T, C]; absent: 1
    Tensor after;  ///< f32 [T, C]; absent: 1
    Tensor filter; ///< f32 [L, C]
    Tensor skip;   ///< f32 [C]; absent: 0
    Tensor y;      ///< f32 [T, C]; must not overlap the others
};
/// How it is computed, if not as the machine asks for.
enum class LongConvForm : uint32_t { chosen, direct, small_blocks, large_blocks };
void long_conv(Recorder& r, const LongConvArgs& a, LongConvForm form);
void long_conv(Recorder& r, const LongConvArgs& a);

} // namespace weft::detail::kernel
