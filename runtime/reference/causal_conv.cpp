// SPDX-License-Identifier: Apache-2.0
#include "cases/causal_conv.hpp"
#include "kernels/causal_conv.hpp"
#include "reference/causal_conv.hpp"
#include "reference/comparison.hpp"
#include "reference/selective_scan.hpp" // silu_bounded

namespace weft::detail::kernel::cases::causal_conv {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const size_t channels = o.channels, taps = o.taps, wide = o.wide(), start = o.around, past_inputs = taps - 1,
                 stride = o.columns(), x_start = stride - wide + start;
    const auto &x = ctx.data("x"), &weight = ctx.data("weight");
    std::vector<reference::Expected> y(ctx.data("y").size(), reference::kUntouched), state;
    if (o.state)
        for (float v : ctx.data("state before"))
            state.push_back({v, 0}); // slots that no sequence owns stay as they are
    size_t first = 0;
    for (const auto& s : ctx.sequences()) {
        for (size_t c = 0; c < channels; ++c) {
            const auto window = state.begin() + long((s.slot * channels + c) * past_inputs),
                       moved = window + long(s.moved * channels * past_inputs);
            std::vector<double> before(past_inputs);
            if (s.past > 0 && o.state)
                for (size_t j = 0; j < past_inputs; ++j) before[j] = window[long(j)].value;
            const auto input = [&](int64_t i) -> double {
                if (i < 0) return before[size_t(int64_t(past_inputs) + i)];
                const size_t row = (first + size_t(i)) * stride;
                return double(o.gates ? x[row + x_start + c] * x[row + c] : x[row + x_start + c]);
            };
            for (size_t t = 0; t < s.count; ++t) {
                const size_t at = (first + t) * wide + start + c;
                const auto sum = reference::causal_conv(int64_t(t), &weight[c * taps], int64_t(taps),
                                                        o.bias ? double(ctx.data("bias")[c]) : 0, input);
                const double error = reference::kEps32 * double(taps + 1) * sum.size; // a chain of `taps` roundings
                y[at] = {sum.value, error};
                if (o.silu) { // its slope is at most 1.1
                    const auto activated = reference::silu_bounded(sum.value);
                    y[at] = {activated.value, 1.1 * error + activated.error + 0x1p-100};
                }
                if (o.gates) {
                    const double gate = x[(first + t) * stride + channels + c];
                    y[at].value *= gate;
                    y[at].tolerance = std::abs(gate) * y[at].tolerance + reference::kEps32 * std::abs(y[at].value);
                }
            }
            if (o.state && s.count > 0)
                for (size_t j = 0; j < past_inputs; ++j)
                    moved[long(j)] = {input(int64_t(s.count + j) - int64_t(past_inputs)), 0}; // moved, not computed
        }
        first += s.count;
    }
    y.resize(first * wide);
    verdict.close(ctx.data("y"), y, "y");
    if (o.state) verdict.close(ctx.data("state"), state, "state");
}

} // namespace weft::detail::kernel::cases::causal_conv
