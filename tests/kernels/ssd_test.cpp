// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/ssd.hpp"
#include "reference/ssd.hpp"
#include <cmath>

namespace weft::kernel {
KernelTable ssd_cases();
}

using namespace weft;

namespace {

std::vector<double> optional(const kernel::CaseContext& ctx, const char* tensor) {
    std::vector<double> v;
    ctx.each([&](const std::string& n, const std::vector<float>& values) { if (n == tensor) v.assign(values.begin(), values.end()); });
    return v;
}

} // namespace

TEST_CASE("ssd", "[kernels]") {
    test::run_cases(kernel::ssd_cases(), [](kernel::CaseContext& ctx, const std::string&) {
        const auto o = optional(ctx, "options"), all = optional(ctx, "x, b, c, dt"), bias = optional(ctx, "dt bias"), a = optional(ctx, "a"), d = optional(ctx, "d");
        const reference::SsdShape s{size_t(o[0]), size_t(o[1]), size_t(o[2]), size_t(o[3]), o[5], o[6]};
        const size_t lead = size_t(o[4]), inner = s.heads * s.columns, bc = s.groups * s.size, width = lead + inner + 2 * bc + s.heads, one = s.columns * s.size;
        const auto& got = ctx.data("y");
        std::vector<test::Expected> expected(got.size(), {std::nan(""), 0});
        std::vector<test::Expected> states;
        for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
        size_t token = 0;
        for (const auto& q : ctx.sequences()) {
            for (size_t h = 0; h < s.heads && q.count > 0; ++h) {
                const auto part = [&](size_t first, size_t columns) {
                    std::vector<double> v;
                    for (size_t t = token; t < token + q.count; ++t) v.insert(v.end(), all.begin() + long(t * width + first), all.begin() + long(t * width + first + columns));
                    return v;
                };
                const size_t group = h / (s.heads / s.groups), at = (q.slot * s.heads + h) * one;
                std::vector<reference::Bounded> state(one);
                for (size_t i = 0; i < one && q.past > 0; ++i) state[i].value = states[at + i].value;
                const auto y = reference::ssd(s, part(lead + h * s.columns, s.columns), part(lead + inner + group * s.size, s.size), part(lead + inner + bc + group * s.size, s.size),
                                              part(lead + inner + 2 * bc + h, 1), bias.empty() ? 0 : bias[h], a[h], d.empty() ? 0 : d[h], state);
                for (size_t i = 0; i < y.size(); ++i) expected[(token + i / s.columns) * (inner + 3) + 2 + h * s.columns + i % s.columns] = {y[i].value, test::kEps32 * y[i].error};
                for (size_t i = 0; i < one; ++i) states[at + i] = {state[i].value, test::kEps32 * state[i].error};
            }
            token += q.count;
        }
        for (size_t i = 0; i < got.size(); ++i) {
            if (!std::isnan(expected[i].value)) continue;
            REQUIRE(std::isnan(got[i])); // nothing is written beside y
            expected[i].value = 0, expected[i].tolerance = INFINITY;
        }
        std::vector<float> y = got;
        for (float& v : y) if (std::isnan(v)) v = 0; // a NaN where a number is due would pass: see below
        for (size_t i = 0; i < got.size(); ++i) if (std::isfinite(expected[i].tolerance)) y[i] = got[i];
        test::require_close(y, expected, "y");
        std::vector<float> state = ctx.data("state");
        for (size_t i = 0; i < state.size(); ++i)
            if (std::isnan(states[i].value)) states[i].value = state[i] = 0;
        test::require_close(state, states, "state");
    });
}
