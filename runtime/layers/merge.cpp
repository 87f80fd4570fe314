// SPDX-License-Identifier: Apache-2.0
#include "layers/merge.hpp"
#include "kernels/combine.hpp"
#include "kernels/unfold_rows.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(MergeSpec, 2);
void MergeSpec::fields(Fields& f, const Widths& w) {
    f.value("mean", mean, false);
    f.value("columns_first", columns_first, false);
    f.rule(!mean || !columns_first, "columns_first", "not be there where rows become their mean");
    f.rule(w.merged > 0, "op", "be in a stage whose rows are merged");
    const uint64_t width = mean ? w.merged_row : w.merged;
    f.rule(w.merged == 0 || w.model == width, "op",
           std::string("write a stream as wide as ") +
               (mean ? "a row of a rectangle, " : "the rows of a rectangle side by side, ") + std::to_string(width));
}

void MergeSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const LayerContext::Merged& m = c.merged;
    const bool apart = mean || to.residual || to.scale != 1;
    const uint32_t width = m.x.columns(), count = m.cut.patch_y * m.cut.patch_x;
    const kernel::Tensor all = apart ? c.rows(count * width, "merged rows") : to.y;
    kernel::unfold_rows(c.r, {.x = m.x,
                              .sequences = m.sequences,
                              .sides = m.sides,
                              .token_sequence = c.step.token_sequence,
                              .positions = c.step.positions,
                              .y = all,
                              .cut = m.cut,
                              .columns_first = columns_first});
    if (!mean) {
        if (apart) kernel::combine(c.r, {.x = all, .w = to.residual, .y = to.y, .alpha = to.scale});
        return;
    }
    const auto place = [&](uint32_t i) { return all.slice_columns(i * width, width); };
    const float each = to.scale / float(count);
    for (uint32_t i = 0; i < count; i += 2) // two at a time
        kernel::combine(c.r, {.x = place(i),
                              .z = i + 1 < count ? place(i + 1) : kernel::Tensor{},
                              .w = i ? to.y : to.residual,
                              .y = to.y,
                              .alpha = each,
                              .beta = each});
}

std::string MergeSpec::words() const { return mean ? "their mean" : columns_first ? "column by column" : "row by row"; }

weft_OP(MergeSpec);

} // namespace weft::detail
