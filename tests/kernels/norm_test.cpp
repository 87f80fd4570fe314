// SPDX-License-Identifier: Apache-2.0
#include "cases/norm.hpp"
#include "harness/compare.hpp"
#include "kernels/norm.hpp"
#include "reference/norm.hpp"

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;
using kernel::Gate;

TEST_CASE("norm", "[kernels]") {
    test::run_cases(cases::norm::table(), [](CaseContext& ctx, const cases::norm::Options& o) {
        const kernel::NormArgs& a = o.args;
        const auto x = test::optional<double>(ctx, "x"), weight = test::optional<double>(ctx, "weight"),
                   bias = test::optional<double>(ctx, "bias"), gate = test::optional<double>(ctx, "gate"),
                   residual = test::optional<double>(ctx, "residual");
        const size_t width = o.shape.width;
        std::vector<test::Expected> expected;
        for (size_t at = 0; at < x.size(); at += width) {
            std::vector<double> group(x.begin() + long(at), x.begin() + long(at + width));
            double size = 0;
            for (size_t i = 0; i < width; ++i) {
                if (a.gate_at == Gate::before)
                    group[i] *= reference::activation(uint32_t(a.gate_activation), gate[at + i]);
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
                expected.push_back({y[i], test::kEps32 * (double(width) / 64 + 24) * scale});
            }
        }
        test::require_close(ctx.data("y"), expected, "y");
    });
}
