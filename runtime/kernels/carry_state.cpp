// SPDX-License-Identifier: Apache-2.0
#include "kernels/carry_state.hpp"
#include "carry_state.gen.hpp"
#include <algorithm>

namespace weft::detail::kernel {

void carry_state(Recorder& r, const CarryStateArgs& a) {
    using K = shader::carry_state;
    constexpr uint32_t kLocal = 64, kMostGroups = 64; // there is seldom anything to copy
    weft_CHECK(a.state.dtype == DType::f32 && a.state.contiguous(), "state must be whole, and f32");
    weft_CHECK(a.inverse.count() >= a.step.max_tokens, "inverse must have a place for each row");
    const auto words = uint32_t(a.state.count() / a.state.shape[0]);
    r.dispatch<K>(
        K::Variant::core, {.LOCAL = kLocal}, {.sequences = a.step.sequences, .inverse = a.inverse, .state = a.state},
        {.words = words},
        {.x = {std::min((words + kLocal - 1) / kLocal, kMostGroups) * kLocal}, .y = {1, Quantity::sequences}});
}

} // namespace weft::detail::kernel
