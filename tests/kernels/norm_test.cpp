// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/norm.hpp"
#include "reference/norm.hpp"

namespace weft::kernel {
KernelTable norm_cases();
}

using namespace weft;

TEST_CASE("norm", "[kernels]") {
    test::run_cases(kernel::norm_cases(), [](kernel::CaseContext& ctx, const std::string& name) {
        // The case's options follow from its name; the reference needs only these.
        const auto has = [&](const char* word) { return name.find(word) != name.npos; };
        const int kind = has("layer") ? 1 : has("l2") ? 2 : 0;
        const auto optional = [&](const char* tensor) {
            std::vector<double> v;
            ctx.each([&](const std::string& n, const std::vector<float>& values) {
                if (n == tensor) v.assign(values.begin(), values.end());
            });
            return v;
        };
        const auto x = optional("x"), weight = optional("weight"), bias = optional("bias"), gate = optional("gate"),
                   residual = optional("residual");
        const size_t width = !weight.empty() ? weight.size() : has("l2") ? 16 : 64;
        std::vector<test::Expected> expected;
        for (size_t at = 0; at < x.size(); at += width) {
            std::vector<double> group(x.begin() + long(at), x.begin() + long(at + width));
            double size = 0;
            for (size_t i = 0; i < width; ++i) {
                if (has("gate before")) group[i] *= reference::activation(1, gate[at + i]);
                size = std::max(size, std::abs(group[i]));
            }
            auto y = reference::norm(group, kind, weight, bias, 1e-6);
            for (size_t i = 0; i < width; ++i) {
                double scale = std::abs(y[i]) + 1;
                if (has("gate after")) y[i] *= reference::activation(6, gate[at + i]);
                if (has("scale")) y[i] *= 0.5;
                if (has("residual")) {
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
