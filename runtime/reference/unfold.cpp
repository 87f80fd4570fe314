// SPDX-License-Identifier: Apache-2.0
#include "cases/unfold.hpp"
#include "reference/comparison.hpp"
#include "reference/unfold.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::unfold {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto& a = o.args;
    const PatchCut& c = a.cut;
    const reference::Unfold reference{a.channels, c.patch_y, c.patch_x, c.stride_y, c.stride_x, c.pad_y, c.pad_x};
    const auto &x = ctx.data("x"), &y = ctx.data("y");
    const size_t start = o.sliced ? 3 : 0, columns = o.columns(), wide = columns + (o.sliced ? 7 : 0);
    size_t row = 0;
    std::vector<reference::Expected> expected(y.size(), reference::kUntouched);
    for (size_t i = 0; i < o.pictures.size(); ++i)
        for (const auto& [h, w] : o.places(o.pictures[i])) {
            const auto cut = h == kNowhere
                                 ? std::vector<double>(columns, 0)
                                 : reference.row(&x[o.offset(i)], o.pictures[i].height, o.pictures[i].width, h, w);
            for (size_t n = 0; n < columns; ++n) expected[row * wide + start + n] = {cut[n], 0};
            ++row;
        }
    expected.resize(row * wide);
    verdict.close(y, expected, "y");
}

} // namespace weft::detail::kernel::cases::unfold
