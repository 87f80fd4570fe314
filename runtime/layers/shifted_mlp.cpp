// SPDX-License-Identifier: Apache-2.0
#include "layers/shifted_mlp.hpp"
#include "kernels/token_shift.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(ShiftedMlpSpec, 6); // with its state
void ShiftedMlpSpec::fields(Fields& f, const Widths& w) {
    f.size("inner", inner);
    f.weight("mix", mix, {w.input}, WeightUse::always, WeightKind::vector);
    f.value("activation", activation, kernel::Activation::relu2);
    f.linear("in", in, w.input, inner);
    f.linear("out", out, inner, w.model, true);
    f.rule(out || inner == w.model, "inner", "be the width of the model without out");
}

void ShiftedMlpSpec::states(States& s) { s.declare(last, {.name = "last token", .shape = {in.in}}); }

void ShiftedMlpSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const kernel::Tensor shifted = c.rows(in.in, "shifted");
    kernel::token_shift(c.r, {.step = c.step, .x = x, .mix = c.weight(mix), .y = shifted, .state = c.state(last)});
    if (!out) return lower_linear(c, in, shifted, to, activation);
    const kernel::Tensor activated = c.rows(inner, "inner");
    lower_linear(c, in, shifted, {activated}, activation);
    lower_linear(c, out, activated, to);
}

void ShiftedMlpSpec::work(WorkCounter& w) const { w.recurrence(4 * uint64_t(in.in), 3 * uint64_t(in.in)); }

std::string ShiftedMlpSpec::words() const { return std::to_string(inner) + " wide"; }

weft_OP(ShiftedMlpSpec);

} // namespace weft::detail
