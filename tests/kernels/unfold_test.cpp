// SPDX-License-Identifier: Apache-2.0
#include "cases/unfold.hpp"
#include "harness/compare.hpp"
#include "reference/unfold.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("unfold", "[kernels]") {
    test::run_cases(cases::unfold::table(), [](CaseContext& ctx, const cases::unfold::Options& o) {
        const auto& a = o.args;
        const kernel::PatchCut& c = a.cut;
        const reference::Unfold reference{a.channels, c.patch_y, c.patch_x, c.stride_y, c.stride_x, c.pad_y, c.pad_x};
        const auto &x = ctx.data("x"), &y = ctx.data("y");
        const size_t start = o.sliced ? 3 : 0, columns = o.columns(), wide = columns + (o.sliced ? 7 : 0);
        size_t row = 0, wrong = 0;
        for (size_t i = 0; i < o.pictures.size(); ++i)
            for (const auto& [h, w] : o.places(o.pictures[i])) {
                const auto expected = h == kernel::kNowhere ? std::vector<double>(columns, 0)
                                                            : reference.row(&x[o.offset(i)], o.pictures[i].height,
                                                                            o.pictures[i].width, h, w);
                for (size_t n = 0; n < columns; ++n)
                    wrong += double(y[row * wide + start + n]) != expected[n]; // copies are exact
                ++row;
            }
        REQUIRE(wrong == 0);
        size_t written = 0; // beside the slice
        for (size_t n = 0; n < y.size(); ++n)
            written += !std::isnan(y[n]) && (n % wide < start || n % wide >= start + columns);
        REQUIRE(written == 0);
    });
}
