// SPDX-License-Identifier: Apache-2.0
#include "reference/rg_lru.hpp"
#include "cases/rg_lru.hpp"
#include "kernels/rg_lru.hpp"
#include "reference/comparison.hpp"

namespace weft::detail::kernel::cases::rg_lru {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const size_t channels = o.channels, wide = o.wide(), around = o.around;
    const auto &x = ctx.data("x"), &gates = ctx.data("gates"), &rate = ctx.data("rate");
    std::vector<reference::Expected> y(ctx.data("y").size(), reference::kUntouched), states;
    for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
    size_t first = 0;
    for (const auto& s : ctx.sequences()) {
        for (size_t c = 0; c < channels && s.count > 0; ++c) {
            const size_t gate = c / o.width * 2 * o.width + c % o.width;
            reference::RgLruChannel channel(rate[c], s.past > 0 ? states[s.slot * channels + c].value : 0, s.past > 0);
            for (size_t t = first; t < first + s.count; ++t) {
                const float* row = &gates[t * 2 * channels + gate];
                const auto h = channel.step(x[t * wide + around + c], row[0], row[o.width]);
                y[t * wide + around + c] = {h.value, h.error};
            }
            states[(s.slot + s.moved) * channels + c] = {channel.state().value, channel.state().error};
        }
        first += s.count;
    }
    verdict.close(ctx.data("y"), y, "y");
    verdict.close(ctx.data("state"), states, "state");
}

} // namespace weft::detail::kernel::cases::rg_lru
