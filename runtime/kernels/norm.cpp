// SPDX-License-Identifier: Apache-2.0
#include "kernels/norm.hpp"
#include "kernels/row_grid.hpp"
#include "norm.gen.hpp"
#include <bit>

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
    // The lanes of a CPU load one by one anyway.
    const bool vectors =
        !r.machine().is_cpu() && width % 4 == 0 && by_four({a.x, a.weight, a.bias, a.gate, a.residual, a.y});
    const uint32_t n = vectors ? 4 : 1;
    // A workgroup is one group of one token: few threads for narrow heads, and so many for a wide row of a few tokens
    // that its loads wait together. A CPU works on one vector of lanes at a time, and pays for each barrier and vector.
    uint32_t local = r.machine().is_cpu() ? std::bit_floor(std::max(8u, r.machine().lanes))
                     : vectors            ? std::min(512u, std::bit_floor(r.machine().invocations))
                                          : 128;
    while (local > 8 && local / 2 * n >= width) local /= 2;
    r.dispatch<K>(vectors ? K::Variant::vectors : K::Variant::core,
                  {.LOCAL = local,
                   .KIND = uint32_t(a.kind),
                   .GATE = uint32_t(a.gate_at),
                   .ACTIVATION = uint32_t(a.gate_activation),
                   .PARTS = (a.weight ? 1u : 0u) | (a.bias ? 2u : 0u) | (a.residual ? 4u : 0u),
                   .WEIGHT_PER_GROUP = a.weight && width != columns && a.weight.count() == columns},
                  {.x = a.x,
                   .weight = r.or_unused(a.weight),
                   .bias = r.or_unused(a.bias),
                   .gate = r.or_unused(a.gate),
                   .residual = r.or_unused(a.residual),
                   .y = a.y},
                  {.width = width / n,
                   .x_stride = a.x.stride / n,
                   .x_start = a.x.start / n,
                   .y_stride = a.y.stride / n,
                   .y_start = a.y.start / n,
                   .gate_stride = a.gate.stride / n,
                   .gate_start = a.gate.start / n,
                   .residual_stride = a.residual.stride / n,
                   .residual_start = a.residual.start / n,
                   .eps = a.eps,
                   .scale = a.scale},
                  {.x = {columns / width * local}, .y = a.tokens});
}

} // namespace weft::detail::kernel
