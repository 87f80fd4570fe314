// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "kernels/cases/unfold.hpp"
#include "reference/unfold.hpp"
#include <cmath>

namespace weft::kernel {
KernelTable unfold_cases();
}

using namespace weft;
using kernel::CaseContext;
using kernel::UnfoldCase;

TEST_CASE("unfold", "[kernels]") {
    test::run_cases(kernel::unfold_cases(), [](CaseContext& ctx, const std::string& name) {
        for (const UnfoldCase& c : kernel::unfold_case_list()) {
            if (c.name != name) continue;
            const auto& o = c.options;
            const reference::Unfold reference{o.channels, o.patch_y, o.patch_x, o.stride_y,
                                              o.stride_x, o.pad_y,   o.pad_x};
            const auto &x = ctx.data("x"), &y = ctx.data("y");
            const size_t start = c.sliced ? 3 : 0, columns = c.columns(), wide = columns + (c.sliced ? 7 : 0);
            size_t row = 0, wrong = 0;
            for (size_t i = 0; i < c.pictures.size(); ++i)
                for (const auto& [h, w] : c.places(c.pictures[i])) {
                    const auto expected =
                        reference.row(&x[c.offset(i)], c.pictures[i].height, c.pictures[i].width, h, w);
                    for (size_t n = 0; n < columns; ++n)
                        wrong += double(y[row * wide + start + n]) != expected[n]; // copies are exact
                    ++row;
                }
            REQUIRE(wrong == 0);
            size_t written = 0; // beside the slice
            for (size_t n = 0; n < y.size(); ++n)
                written += !std::isnan(y[n]) && (n % wide < start || n % wide >= start + columns);
            REQUIRE(written == 0);
        }
    });
}
