// SPDX-License-Identifier: Apache-2.0
#include "layers/mlp.hpp"
#include "kernels/glu.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(MlpSpec, 8);
void MlpSpec::fields(Fields& f, const Widths& w) {
    f.size("inner", inner);
    f.value("gated", gated, true);
    f.value("activation", activation, kernel::Activation::silu);
    f.number("gate_scale", gate_scale, 1.0f, Reach::finite);
    const uint64_t rows = (gated ? 2 : 1) * uint64_t(inner);
    f.linear("in", in, w.input, rows);
    uint32_t rank = adapter_down.out;
    f.value("adapter_rank", rank, 0u);
    f.rule(gated || (gate_scale == 1 && !rank), "gated", "be true with gate_scale or adapter_rank");
    if (rank) {
        f.linear("adapter_down", adapter_down, w.input, rank);
        f.linear("adapter_up", adapter_up, rank, rows);
    }
    f.linear("out", out, inner, w.model);
}

void MlpSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const kernel::Tensor activated = c.rows(inner, "inner");
    if (!gated) lower_linear(c, in, x, {activated}, activation);
    else if (gate_scale == 1 && !adapter_down && !c.in_parts(in.weight))
        lower_linear(c, in, x, {activated}, activation, true);
    else { // something stands between the projection and the activation, or gate and up have different types
        const kernel::Tensor both = c.rows(2 * inner, "gate, up");
        lower_linear(c, in, x, {both});
        if (adapter_down) {
            const kernel::Tensor low = c.rows(adapter_down.out, "adapter");
            lower_linear(c, adapter_down, x, {low});
            lower_linear(c, adapter_up, low, {both, both});
        }
        kernel::glu(c.r, {.a = both.slice_columns(0, inner),
                          .b = both.slice_columns(inner, inner),
                          .y = activated,
                          .activation = activation,
                          .a_scale = gate_scale});
    }
    lower_linear(c, out, activated, to);
}

std::string MlpSpec::words() const { return (gated ? "gated, " : "") + std::to_string(inner) + " wide"; }

weft_OP(MlpSpec);

} // namespace weft::detail
