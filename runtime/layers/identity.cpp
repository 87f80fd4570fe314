// SPDX-License-Identifier: Apache-2.0
#include "layers/identity.hpp"
#include "kernels/combine.hpp"
#include "kernels/glu.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(IdentitySpec, 1);
void IdentitySpec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == w.model, "op", "be another op where columns are joined");
    f.value("activation", activation, kernel::Activation::none);
}

void IdentitySpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    if (activation == kernel::Activation::none)
        return kernel::combine(c.r, {.x = x, .w = to.residual, .y = to.y, .alpha = to.scale});
    const kernel::Tensor y = to.residual ? c.rows(to.y.columns(), "activated") : to.y;
    kernel::glu(c.r, {.a = x, .y = y, .activation = activation, .scale = to.scale});
    if (to.residual) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y});
}

std::string IdentitySpec::words() const {
    return activation == kernel::Activation::none ? "as it is" : names_of(activation)[size_t(activation)];
}

weft_OP(IdentitySpec);

} // namespace weft::detail
