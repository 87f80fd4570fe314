// SPDX-License-Identifier: Apache-2.0
// L2: constant states of sequences that a routed step leaves out.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// state[write] = state[read] for each sequence of the step with none of its rows chosen, where these differ: the step
/// of the chosen rows has no such sequence, and the next one reads where this one was to write.
struct CarryStateArgs {
    Step step;
    Tensor inverse; ///< u32 [T]: RouteRowsArgs::rows, the second part
    Tensor state;   ///< f32 [rows, ...]
};
void carry_state(Recorder& r, const CarryStateArgs& a);

} // namespace weft::detail::kernel
