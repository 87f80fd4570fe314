// SPDX-License-Identifier: Apache-2.0
#include "layers/merge.hpp"
#include "kernels/combine.hpp"
#include "kernels/glu.hpp"
#include "kernels/unfold_rows.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

namespace {

// Of rows side by side the largest number of each channel: what one half is larger than the other is added to that
// one, until one row is left. Halves may share a row.
kernel::Tensor largest_of(LayerContext& c, const kernel::Tensor& all, uint32_t width) {
    for (uint32_t count = all.columns() / width; count > 1;) {
        const uint32_t half = (count + 1) / 2;
        const kernel::Tensor first = all.slice_columns(0, half * width), more = c.rows(half * width, "what is larger");
        kernel::combine(
            c.r, {.x = all.slice_columns((count - half) * width, half * width), .w = first, .y = more, .gamma = -1});
        kernel::glu(c.r, {.a = more, .y = more, .activation = kernel::Activation::relu});
        kernel::combine(c.r, {.x = first, .w = more, .y = first});
        count = half;
    }
    return all.slice_columns(0, width);
}

} // namespace

weft_LISTED(MergeSpec, 3);
void MergeSpec::fields(Fields& f, const Widths& w) {
    f.value("mean", mean, false);
    f.value("largest", largest, false);
    f.rule(!mean || !largest, "largest", "not be there beside the mean");
    f.value("columns_first", columns_first, false);
    const bool one = mean || largest;
    f.rule(!one || !columns_first, "columns_first", "not be there where rows become one");
    f.rule(w.merged > 0, "op", "be in a stage whose rows are merged");
    const uint64_t width = one ? w.merged_row : w.merged;
    f.rule(w.merged == 0 || w.model == width, "op",
           std::string("write a stream as wide as ") +
               (one ? "a row of a rectangle, " : "the rows of a rectangle side by side, ") + std::to_string(width));
}

void MergeSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const LayerContext::Merged& m = c.merged;
    const bool apart = mean || largest || to.residual || to.scale != 1;
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
        const kernel::Tensor rows = largest ? largest_of(c, all, width) : all;
        if (apart) kernel::combine(c.r, {.x = rows, .w = to.residual, .y = to.y, .alpha = to.scale});
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

std::string MergeSpec::words() const {
    return mean            ? "their mean"
           : largest       ? "the largest of each channel"
           : columns_first ? "column by column"
                           : "row by row";
}

weft_OP(MergeSpec);

} // namespace weft::detail
