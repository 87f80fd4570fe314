// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/selective_scan.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::selective_scan {

struct Options {
    uint32_t channels, states, groups = 1;
    Sequences sequences;
    uint32_t chunk = 0, split = 0;
    uint32_t spare_tokens = 0; ///< by how much the bucket is larger than the step
    uint32_t around = 0;       ///< columns on either side of every sliced input and output
    bool z = true, state = true, softplus = true;
    bool in_place = false;             ///< y is x
    double a_low = -16, a_high = -0.5; ///< A
    double dt_low = -5, dt_high = 1;   ///< dt before the softplus
    double x_size = 1;

    uint32_t wide() const { return channels + 2 * around; }
    /// B and C are columns of one tensor.
    uint32_t bc_wide() const { return 2 * groups * states + 3 * around; }
    uint32_t b_start() const { return around; }
    uint32_t c_start() const { return 2 * around + groups * states; }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::selective_scan
