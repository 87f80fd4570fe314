// SPDX-License-Identifier: Apache-2.0
#include "layers/merge.hpp"
#include "kernels/combine.hpp"
#include "kernels/gather_rows.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(MergeSpec, 1);
void MergeSpec::fields(Fields& f, const Widths& w) {
    f.value("columns_first", columns_first, false);
    f.rule(w.merged > 0, "op", "be in a stage whose rows are merged");
    f.rule(w.merged == 0 || w.model == w.merged, "op",
           "write a stream as wide as the rows of a rectangle side by side, " + std::to_string(w.merged));
}

void MergeSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const LayerContext::Merged& m = c.merged;
    const bool apart = to.residual || to.scale != 1;
    const kernel::Tensor y = apart ? c.rows(to.y.columns(), "merged rows") : to.y;
    const uint32_t down = m.down, across = m.across, width = m.x.columns();
    for (uint32_t i = 0; i < down * across; ++i) {
        const uint32_t place = columns_first ? i % down * across + i / down : i;
        kernel::gather_rows(c.r, {.x = m.x,
                                  .index = m.index[place],
                                  .y = y.slice_columns(i * width, width),
                                  .rows = {1, kernel::Quantity::tokens}});
    }
    if (apart) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

std::string MergeSpec::words() const { return columns_first ? "column by column" : "row by row"; }

weft_OP(MergeSpec);

} // namespace weft::detail
