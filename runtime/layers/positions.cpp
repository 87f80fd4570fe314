// SPDX-License-Identifier: Apache-2.0
#include "layers/positions.hpp"
#include "kernels/combine.hpp"
#include "kernels/embed.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(PositionsSpec, 2);
void PositionsSpec::fields(Fields& f, const Widths& w) {
    const uint64_t most = w.most ? w.most : w.positions;
    f.size("rows", rows, uint32_t(most));
    f.rule(most && rows >= most, "rows", "be at least as many as a sequence may have in the stage");
    f.weight("table", table, {rows, w.model}, WeightUse::always, WeightKind::vector);
}

void PositionsSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const bool apart = to.scale != 1;
    const kernel::Tensor y = apart ? c.rows(to.y.columns(), "positions") : to.y;
    kernel::embed(c.r, {.ids = c.step.positions,
                        .table = c.weight(table),
                        .residual = apart ? kernel::Tensor{} : to.residual,
                        .y = y});
    if (apart) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

void PositionsSpec::work(WorkCounter& w) const { w.lookups(table, w.step.tokens()); }

std::string PositionsSpec::words() const { return std::to_string(rows) + " rows"; }

weft_OP(PositionsSpec);

} // namespace weft::detail
