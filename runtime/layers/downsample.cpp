// SPDX-License-Identifier: Apache-2.0
#include "layers/downsample.hpp"
#include "layers/context.hpp"
#include "layers/convolve.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(DownsampleSpec, 3);
void DownsampleSpec::fields(Fields& f, const Widths& w) {
    f.rule(w.merged > 0, "op", "be in a stage whose rows are merged");
    f.value("activation", activation, kernel::Activation::none);
    f.weight("weight", weight, {w.model, w.merged}, WeightUse::always, WeightKind::matrix);
    f.weight("bias", bias, {w.model}, WeightUse::usual, WeightKind::vector);
}

void DownsampleSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const LayerContext::Merged& m = c.merged;
    lower_windows(c,
                  {.from = {.x = m.x,
                            .sequences = m.sequences,
                            .sides = m.sides,
                            .token_sequence = c.step.token_sequence,
                            .positions = c.step.positions,
                            .cut = m.cut},
                   .weight = weight,
                   .bias = bias,
                   .groups = 1,
                   .activation = activation},
                  to);
}

std::string DownsampleSpec::words() const { return "rows of rectangles"; }

weft_OP(DownsampleSpec);

} // namespace weft::detail
