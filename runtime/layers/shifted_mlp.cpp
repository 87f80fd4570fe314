// SPDX-License-Identifier: Apache-2.0
#include "layers/shifted_mlp.hpp"
#include "kernels/combine.hpp"
#include "kernels/token_shift.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(ShiftedMlpSpec, 7); // with its state
void ShiftedMlpSpec::fields(Fields& f, const Widths& w) {
    f.size("inner", inner);
    f.linear("receptance", receptance, w.input, w.model, true);
    f.weight("mix", mix, {(receptance ? 2 : 1) * w.input}, WeightUse::always, WeightKind::vector);
    f.value("activation", activation, kernel::Activation::relu2);
    f.linear("in", in, w.input, inner);
    f.linear("out", out, inner, w.model, true);
    f.rule(out || inner == w.model, "inner", "be the width of the model without out");
    f.rule(out || !receptance, "receptance", "not be there without out");
}

void ShiftedMlpSpec::states(States& s) { s.declare(last, {.name = "last token", .shape = {in.in}}); }

void ShiftedMlpSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const kernel::Tensor both = c.rows((receptance ? 2 : 1) * in.in, "shifted"), shifted = both.slice_columns(0, in.in);
    kernel::token_shift(c.r, {.step = c.step, .x = x, .mix = c.weight(mix), .y = both, .state = c.state(last)});
    if (!out) return lower_linear(c, in, shifted, to, activation);
    const kernel::Tensor activated = c.rows(inner, "inner");
    lower_linear(c, in, shifted, {activated}, activation);
    if (!receptance) return lower_linear(c, out, activated, to);
    const kernel::Tensor y = c.rows(out.out, "fed forward"), gates = c.rows(out.out, "receptance");
    lower_linear(c, out, activated, {y});
    lower_linear(c, receptance, both.slice_columns(in.in, in.in), {gates});
    kernel::combine(c.r, {.z = y, .gate = gates, .w = to.residual, .y = to.y, .beta = to.scale});
}

void ShiftedMlpSpec::work(WorkCounter& w) const {
    w.recurrence(4 * uint64_t(in.in), (receptance ? 6 : 3) * uint64_t(in.in));
}

std::string ShiftedMlpSpec::words() const {
    return std::to_string(inner) + " wide" + (receptance ? ", with a receptance" : "");
}

weft_OP(ShiftedMlpSpec);

} // namespace weft::detail
