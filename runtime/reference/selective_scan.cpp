// SPDX-License-Identifier: Apache-2.0
#include "cases/selective_scan.hpp"
#include "kernels/selective_scan.hpp"
#include "reference/comparison.hpp"
#include "reference/selective_scan.hpp"

namespace weft::detail::kernel::cases::selective_scan {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const size_t channels = o.channels, states = o.states, wide = o.wide(), start = o.around, bc_wide = o.bc_wide(),
                 b_start = o.b_start(), c_start = o.c_start();
    const auto &x = ctx.data("x"), &dt = ctx.data("dt"), &bc = ctx.data("bc");
    const reference::ChannelParameters parameters{ctx.data("parameters"), channels, states};
    const size_t per_slot = channels * states;
    std::vector<reference::Expected> y(ctx.data("y").size(), reference::kUntouched), state;
    if (o.state)
        for (float v : ctx.data("state before"))
            state.push_back({v, 0}); // slots that no sequence owns stay as they are
    size_t first = 0;
    for (const auto& s : ctx.sequences()) {
        for (size_t c = 0; c < channels; ++c) {
            std::vector<reference::ScanValue> h(states);
            const size_t state_at = s.slot * per_slot + c * states, to = state_at + s.moved * per_slot;
            if (s.past > 0 && o.state)
                for (size_t n = 0; n < states; ++n) h[n].value = state[state_at + n].value;
            reference::SelectiveChannel scan(parameters.a(c), parameters.d(c), h);
            for (size_t t = first; t < first + s.count; ++t) {
                const size_t at = t * wide + start + c, bc_at = t * bc_wide + c / (channels / o.groups) * states;
                const double raw = double(dt[at]) + double(parameters.bias(c));
                const auto step = o.softplus ? reference::softplus_bounded(raw)
                                             : reference::ScanValue{raw, reference::kEps32 * std::abs(raw)};
                const auto sum = scan.step(x[at], step, &bc[b_start + bc_at], &bc[c_start + bc_at]);
                y[at] = {sum.value, sum.error};
                if (o.z) {
                    const auto gate = reference::silu_bounded(ctx.data("z")[at]);
                    y[at] = {sum.value * gate.value,
                             std::abs(sum.value) * gate.error + std::abs(gate.value) * sum.error +
                                 reference::kEps32 * std::abs(sum.value * gate.value) + scan.kTiny};
                }
            }
            if (o.state && s.count > 0)
                for (size_t n = 0; n < states; ++n)
                    state[to + n] = {scan.states()[n].value, scan.states()[n].error + scan.kTiny};
        }
        first += s.count;
    }
    y.resize(first * wide);
    verdict.close(ctx.data("y"), y, "y");
    if (o.state) verdict.close(ctx.data("state"), state, "state");
}

} // namespace weft::detail::kernel::cases::selective_scan
