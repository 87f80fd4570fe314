// SPDX-License-Identifier: Apache-2.0
#include "layers/linear.hpp"
#include "kernels/combine.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(LinearSpec, 4);
void LinearSpec::fields(Fields& f, const Widths& w) {
    f.linear("linear", linear, w.input, w.model);
    f.value("activation", activation, kernel::Activation::none);
    f.number("scale", scale, 1.0f, Reach::finite);
    f.number("softcap", softcap, 0.0f, Reach::not_negative);
}

void LinearSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    // The kernel caps what it has added to the residual.
    const bool apart = softcap != 0 && (to.residual || to.scale != 1);
    const Destination own = apart ? Destination{c.rows(to.y.columns(), "capped")} : to;
    lower_product(c, linear.weight,
                  {.x = x,
                   .bias = c.weight(linear.bias),
                   .residual = own.residual,
                   .y = own.y,
                   .activation = activation,
                   .scale = scale * own.scale,
                   .softcap = softcap,
                   .max_rows = c.step.max_tokens});
    if (apart) kernel::combine(c.r, {.x = own.y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

std::string LinearSpec::words() const {
    return std::to_string(linear.out) + " wide" + (softcap != 0 ? ", capped" : "");
}

weft_OP(LinearSpec);

} // namespace weft::detail
