// SPDX-License-Identifier: Apache-2.0
#include "layers/gate.hpp"
#include "kernels/combine.hpp"
#include "kernels/glu.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(GateSpec, 1);
void GateSpec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == 2 * w.model, "op", "be in a block that reads twice the columns that it writes");
    f.value("activation", activation, kernel::Activation::none);
}

void GateSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t width = to.y.columns();
    const kernel::Tensor y = to.residual ? c.rows(width, "gated") : to.y;
    kernel::glu(c.r, {.a = x.slice_columns(0, width),
                      .b = x.slice_columns(width, width),
                      .y = y,
                      .activation = activation,
                      .scale = to.scale});
    if (to.residual) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y});
}

std::string GateSpec::words() const {
    return activation == kernel::Activation::none ? "of two"
                                                  : std::string("by ") + names_of(activation)[size_t(activation)];
}

weft_OP(GateSpec);

} // namespace weft::detail
