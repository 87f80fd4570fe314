// SPDX-License-Identifier: Apache-2.0
#include "layers/pool.hpp"
#include "kernels/combine.hpp"
#include "kernels/pool.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(PoolSpec, 2);
void PoolSpec::fields(Fields& f, const Widths& w) {
    f.value("skip", skip, 0u);
    f.value("most", most, 0u);
    f.rule(w.source > 0, "op", "be in a stage that has one row for each sequence of another's, which comes whole");
    f.rule(w.source == 0 || w.source == w.model, "op",
           "write a stream as wide as the rows that it pools, " + std::to_string(w.source));
}

void PoolSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const bool apart = to.residual || to.scale != 1;
    const kernel::Tensor y = apart ? c.rows(to.y.columns(), "pooled rows") : to.y;
    c.source.enter(); // whose sequences are pooled
    kernel::pool(c.r, {.step = c.step, .x = c.source.x, .y = y, .skip = skip, .most = most ? most : ~0u});
    c.source.leave();
    if (apart) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

std::string PoolSpec::words() const {
    const std::string from = skip ? " from " + std::to_string(skip) + " on" : "";
    return most == 1 ? "row " + std::to_string(skip)
                     : "mean of " + (most ? "at most " + std::to_string(most) + " rows" : "the rows") + from;
}

weft_OP(PoolSpec);

} // namespace weft::detail
