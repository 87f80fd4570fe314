// SPDX-License-Identifier: Apache-2.0
#include "cases/depthwise_conv.hpp"
#include "reference/comparison.hpp"
#include "reference/depthwise_conv.hpp"
#include "reference/product_tolerance.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::depthwise_conv {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto& a = o.args;
    const reference::DepthwiseConv reference{a.taps_y, a.taps_x, a.pad_y, a.pad_x};
    const auto &x = ctx.data("x"), &weight = ctx.data("weight"), &y = ctx.data("y");
    const auto bias = ctx.optional("bias");
    const size_t channels = o.channels, x_start = o.sliced ? 5 : 0, y_start = o.sliced ? 3 : 0,
                 taps = a.taps_y * a.taps_x;
    std::vector<reference::Expected> expected;
    std::vector<float> got;
    size_t first = 0;
    for (const auto& g : o.grids) {
        for (size_t r = 0; r < g.count(); ++r)
            for (size_t c = 0; c < channels; ++c) {
                const auto sum = reference.at(
                    int64_t(r / g.width), int64_t(r % g.width), g.height, g.width, o.bias ? double(bias[c]) : 0.0,
                    [&](int64_t tap) { return weight[size_t(tap) * channels + c]; },
                    [&](int64_t row) { return x[(first + size_t(row)) * o.x_wide() + x_start + c]; });
                expected.push_back(reference::activated(sum, {}, taps, false, uint32_t(a.activation), 0, 0));
                got.push_back(y[(first + r) * o.y_wide() + y_start + c]);
            }
        first += g.count();
    }
    verdict.close(got, expected, "y");
    size_t written = 0; // beside the slice
    for (size_t n = 0; n < y.size(); ++n)
        written += !std::isnan(y[n]) && (n % o.y_wide() < y_start || n % o.y_wide() >= y_start + channels);
    verdict.none(written, "numbers beside the slice or in rows of nobody were written");
}

} // namespace weft::detail::kernel::cases::depthwise_conv
