// SPDX-License-Identifier: Apache-2.0
#include "layers/identity.hpp"
#include "kernels/combine.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(IdentitySpec, 0);
void IdentitySpec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == w.model, "op", "be another op where columns are joined");
}

void IdentitySpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    kernel::combine(c.r, {.x = x, .w = to.residual, .y = to.y, .alpha = to.scale});
}

std::string IdentitySpec::words() const { return "as it is"; }

weft_OP(IdentitySpec);

} // namespace weft::detail
