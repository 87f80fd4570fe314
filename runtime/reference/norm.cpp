// SPDX-License-Identifier: Apache-2.0
#include "cases/norm.hpp"
#include "kernels/norm.hpp"
#include "reference/comparison.hpp"
#include "reference/norm.hpp"

namespace weft::detail::kernel::cases::norm {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const NormArgs& a = o.args;
    const auto x = ctx.optional<double>("x"), weight = ctx.optional<double>("weight"),
               bias = ctx.optional<double>("bias"), gate = ctx.optional<double>("gate"),
               residual = ctx.optional<double>("residual");
    const size_t width = o.shape.width;
    std::vector<reference::Expected> expected;
    for (size_t at = 0; at < x.size(); at += width) {
        std::vector<double> group(x.begin() + long(at), x.begin() + long(at + width));
        double size = 0;
        for (size_t i = 0; i < width; ++i) {
            if (a.gate_at == Gate::before) group[i] *= reference::activation(uint32_t(a.gate_activation), gate[at + i]);
            size = std::max(size, std::abs(group[i]));
        }
        auto y = reference::norm(group, int(a.kind), weight, bias, 1e-6);
        for (size_t i = 0; i < width; ++i) {
            double scale = std::abs(y[i]) + 1;
            if (a.gate_at == Gate::after) y[i] *= reference::activation(uint32_t(a.gate_activation), gate[at + i]);
            y[i] *= a.scale;
            if (o.residual) {
                y[i] += residual[at + i];
                scale += std::abs(residual[at + i]);
            }
            // Sum of `width` squares by a tree of serial parts: width / 64 + 8 roundings; inversesqrt 2 ulp;
            // the mean cancels at most once.
            expected.push_back({y[i], reference::kEps32 * (double(width) / 64 + 24) * scale});
        }
    }
    verdict.close(ctx.data("y"), expected, "y");
}

} // namespace weft::detail::kernel::cases::norm
