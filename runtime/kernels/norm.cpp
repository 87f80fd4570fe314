// SPDX-License-Identifier: Apache-2.0
#include "kernels/norm.hpp"
#include "norm.gen.hpp"

namespace weft::detail::kernel {

void norm(Recorder& r, const NormArgs& a) {
    using K = shader::norm;
    const uint32_t columns = a.x.columns(), width = a.width ? a.width : columns;
    weft_CHECK(width > 0 && columns % width == 0, "the columns of x must be whole groups");
    weft_CHECK(a.y.columns() == columns, "y must have as many columns as x");
    weft_CHECK(!a.weight || a.weight.count() == width || a.weight.count() == columns,
               "weight must be [width] or [groups * width]");
    weft_CHECK(!a.bias || (a.weight && a.bias.count() == a.weight.count()), "bias must have the shape of weight");
    weft_CHECK((a.gate_at == Gate::none) == !a.gate && (!a.gate || a.gate.columns() == columns),
               "a gate needs its place, and as many columns as x");
    weft_CHECK(!a.residual || a.residual.columns() == columns, "residual must have as many columns as x");
    const Tensor none = r.unused();
    const auto or_none = [&](const Tensor& t) { return t ? t : none; };
    // Few threads for narrow heads: a workgroup is one group of one token.
    uint32_t local = 128;
    while (local > 8 && local / 2 >= width) local /= 2;
    r.dispatch<K>(K::Variant::core,
                  {.LOCAL = local,
                   .KIND = uint32_t(a.kind),
                   .GATE = uint32_t(a.gate_at),
                   .ACTIVATION = uint32_t(a.gate_activation),
                   .PARTS = (a.weight ? 1u : 0u) | (a.bias ? 2u : 0u) | (a.residual ? 4u : 0u),
                   .WEIGHT_PER_GROUP = a.weight && width != columns && a.weight.count() == columns},
                  {.x = a.x,
                   .weight = or_none(a.weight),
                   .bias = or_none(a.bias),
                   .gate = or_none(a.gate),
                   .residual = or_none(a.residual),
                   .y = a.y},
                  {.width = width,
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start,
                   .gate_stride = a.gate.stride,
                   .gate_start = a.gate.start,
                   .residual_stride = a.residual.stride,
                   .residual_start = a.residual.start,
                   .eps = a.eps,
                   .scale = a.scale},
                  {.x = {columns / width * local}, .y = a.tokens});
}

} // namespace weft::detail::kernel
