// SPDX-License-Identifier: Apache-2.0
#include "layers/unscale.hpp"
#include "kernels/combine.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/series.hpp"

namespace weft::detail {

weft_LISTED(UnscaleSpec, 1);
void UnscaleSpec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == w.model, "op", "write a stream as wide as the one that it reads");
    scale_fields(f, scale);
}

void UnscaleSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const LayerContext::Pictures& series = c.pictures.begin()->second; // the only one: settle()
    const bool apart = to.residual || to.scale != 1;
    const kernel::Tensor y = apart ? c.rows(to.y.columns(), "scaled back") : to.y;
    kernel::series(c.r, {.values = series.values,
                         .series = series.table,
                         .token_sequence = c.step.token_sequence,
                         .channels = c.step.positions,
                         .x = x,
                         .y = y,
                         .scale = scale});
    if (apart) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

std::string UnscaleSpec::words() const { return "each channel as it was"; }

weft_OP(UnscaleSpec);

} // namespace weft::detail
