// SPDX-License-Identifier: Apache-2.0
#include "kernels/combine.hpp"
#include "combine.gen.hpp"
#include "kernels/row_grid.hpp"

namespace weft::detail::kernel {

void combine(Recorder& r, const CombineArgs& a) {
    using K = shader::combine;
    const uint32_t columns = a.y.columns();
    const auto fits = [&](const Tensor& t) { return !t || (t.columns() == columns && t.rows() >= a.y.rows()); };
    weft_CHECK(a.x || a.z, "combine needs x or z");
    weft_CHECK(fits(a.x) && fits(a.z) && fits(a.w), "x, z and w must have the shape of y");
    weft_CHECK(!a.multiplier || (a.x && a.multiplier.count() == columns), "multiplier must be [columns], and is of x");
    weft_CHECK(!a.gate ||
                   (a.z && (a.gate.columns() == 1 || a.gate.columns() == columns) && a.gate.rows() >= a.y.rows()),
               "gate must be [T, 1] or [T, columns], and is of z");
    weft_CHECK(!a.plain_gate || (a.gate && a.gate.columns() == 1), "a plain gate must be [T, 1]");
    const bool vectors = by_four({a.x, a.multiplier, a.z, a.w, a.y});
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(columns / n, a.y.rows(), a.rows);
    r.dispatch<K>(vectors ? K::Variant::vectors : K::Variant::core,
                  {.LOCAL_X = grid.x,
                   .LOCAL_Y = grid.y,
                   .PARTS = (a.x ? 1u : 0u) | (a.multiplier ? 2u : 0u) | (a.z ? 4u : 0u) | (a.w ? 8u : 0u),
                   .GATE = !a.gate                 ? 0u
                           : a.plain_gate          ? 3u
                           : a.gate.columns() == 1 ? 1u
                                                   : 2u},
                  {.x = r.or_unused(a.x),
                   .multiplier = r.or_unused(a.multiplier),
                   .z = r.or_unused(a.z),
                   .gate = r.or_unused(a.gate),
                   .w = r.or_unused(a.w),
                   .y = a.y},
                  {.columns = columns / n,
                   .rows = uint32_t(a.y.rows()),
                   .x_stride = a.x.stride / n,
                   .x_start = a.x.start / n,
                   .z_stride = a.z.stride / n,
                   .z_start = a.z.start / n,
                   .gate_stride = a.gate.stride,
                   .gate_start = a.gate.start,
                   .w_stride = a.w.stride / n,
                   .w_start = a.w.start / n,
                   .y_stride = a.y.stride / n,
                   .y_start = a.y.start / n,
                   .multiplier_start = a.multiplier.start / n,
                   .alpha = a.alpha,
                   .beta = a.beta,
                   .gamma = a.gamma},
                  grid.threads);
}

} // namespace weft::detail::kernel
