// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/causal_conv.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::causal_conv {

struct Options {
    uint32_t channels, taps;
    Sequences sequences;
    uint32_t spare_tokens = 0; ///< by how much the bucket is larger than the step
    uint32_t around = 0;       ///< columns on either side of x and y
    bool bias = true, state = true, silu = true, gates = false;
    double x_size = 1;

    uint32_t wide() const { return channels + 2 * around; }
    /// Of x: with gates in_gate | out_gate | x.
    uint32_t columns() const { return gates ? 2 * channels + wide() : wide(); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::causal_conv
