// SPDX-License-Identifier: Apache-2.0
#include "layers/merge.hpp"
#include "kernels/combine.hpp"
#include "kernels/unfold_rows.hpp"
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
    kernel::unfold_rows(c.r, {.x = m.x,
                              .sequences = m.sequences,
                              .sides = m.sides,
                              .token_sequence = c.step.token_sequence,
                              .positions = c.step.positions,
                              .y = y,
                              .cut = m.cut,
                              .columns_first = columns_first});
    if (apart) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

std::string MergeSpec::words() const { return columns_first ? "column by column" : "row by row"; }

weft_OP(MergeSpec);

} // namespace weft::detail
