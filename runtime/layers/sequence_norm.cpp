// SPDX-License-Identifier: Apache-2.0
#include "layers/sequence_norm.hpp"
#include "kernels/combine.hpp"
#include "kernels/sequence_norm.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(SequenceNormSpec, 4);
void SequenceNormSpec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == w.model, "op", "write a stream as wide as the one that it reads");
    f.weight("weight", weight, {w.model}, WeightUse::always, WeightKind::vector);
    f.weight("bias", bias, {w.model}, WeightUse::always, WeightKind::vector);
    f.number("eps", eps, 1e-5f, Reach::not_negative);
    f.value("activation", activation, kernel::Activation::none);
}

void SequenceNormSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const bool apart = to.residual || to.scale != 1;
    const kernel::Tensor y = apart ? c.rows(to.y.columns(), "normed over time") : to.y;
    kernel::sequence_norm(c.r, {.step = c.step,
                                .x = x,
                                .weight = c.weight(weight),
                                .bias = c.weight(bias),
                                .y = y,
                                .eps = eps,
                                .activation = activation});
    if (apart) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

std::string SequenceNormSpec::words() const { return "each channel over the rows of a sequence"; }

weft_OP(SequenceNormSpec);

} // namespace weft::detail
