// SPDX-License-Identifier: Apache-2.0
#include "kernels/forget_gate.hpp"
#include "forget_gate.gen.hpp"
#include "kernels/row_grid.hpp"

namespace weft::detail::kernel {

void forget_gate(Recorder& r, const ForgetGateArgs& a) {
    using K = shader::forget_gate;
    const uint32_t columns = a.z.columns();
    weft_CHECK(a.g.columns() == columns && a.z.rows() >= a.g.rows(), "z and g must be [T, C]");
    weft_CHECK(!a.lower_bound || a.lower_bound.count() == columns, "lower_bound must be [C]");
    weft_CHECK(!a.k || (a.k.columns() == columns && a.k.rows() >= a.g.rows()), "k must be [T, C]");
    const RowGrid grid = row_grid(columns, a.g.rows(), a.rows);
    r.dispatch<K>(
        K::Variant::core, {.LOCAL_X = grid.x, .LOCAL_Y = grid.y, .PARTS = (a.lower_bound ? 1u : 0u) | (a.k ? 2u : 0u)},
        {.z = a.z, .lower_bound = r.or_unused(a.lower_bound), .g = a.g, .k = r.or_unused(a.k)},
        {.columns = columns,
         .rows = uint32_t(a.g.rows()),
         .z_stride = a.z.stride,
         .z_start = a.z.start,
         .bound_start = a.lower_bound.start,
         .g_stride = a.g.stride,
         .g_start = a.g.start,
         .k_stride = a.k.stride,
         .k_start = a.k.start,
         .scale = a.scale,
         .least = a.least},
        grid.threads);
}

} // namespace weft::detail::kernel
