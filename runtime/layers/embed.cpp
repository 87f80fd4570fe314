// SPDX-License-Identifier: Apache-2.0
#include "layers/embed.hpp"
#include "kernels/combine.hpp"
#include "kernels/embed.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(EmbedSpec, 6);
void EmbedSpec::fields(Fields& f, const Widths& w) {
    f.number("scale", scale, 1.0f, Reach::finite);
    f.value("position_offset", position_offset, 0u);
    f.value("input", input, std::string(kTokens));
    f.size("rows", rows, uint32_t(w.vocabulary));
    f.weight("table", table, {rows, w.model}, WeightUse::always, WeightKind::matrix);
    f.weight("positions", positions, {w.positions + position_offset, w.model}, WeightUse::rare, WeightKind::vector);
}

void EmbedSpec::inputs(Inputs& i) const { i.ids(input, rows); }

void EmbedSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const kernel::Tensor y = to.scale == 1 ? to.y : c.rows(to.y.columns(), "embedding");
    kernel::embed(c.r, {.ids = c.input(input),
                        .table = c.weight(table),
                        .positions = c.step.positions,
                        .position_table = c.weight(positions),
                        .residual = to.scale == 1 ? to.residual : kernel::Tensor{},
                        .y = y,
                        .scale = scale,
                        .position_offset = position_offset});
    if (to.scale != 1) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

void EmbedSpec::work(WorkCounter& w) const {
    w.lookups(table, w.step.tokens());
    if (positions != kNoWeight) w.lookups(positions, w.step.tokens());
}

std::string EmbedSpec::words() const {
    return std::to_string(rows) + " rows" + (input == kTokens ? "" : " by " + input) +
           (positions == kNoWeight ? "" : ", learned positions");
}

weft_OP(EmbedSpec);

} // namespace weft::detail
