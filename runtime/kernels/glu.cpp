// SPDX-License-Identifier: Apache-2.0
#include "kernels/glu.hpp"
#include "glu.gen.hpp"
#include "kernels/row_grid.hpp"

namespace weft::detail::kernel {

void glu(Recorder& r, const GluArgs& a) {
    using K = shader::glu;
    const uint32_t columns = a.y.columns();
    weft_CHECK(a.a.columns() == (a.interleaved ? 2 * columns : columns) && a.a.rows() >= a.y.rows(),
               "a must have the shape of y (interleaved: twice the columns)");
    weft_CHECK(!(a.interleaved && a.b), "interleaved: b is part of a");
    weft_CHECK(!a.b || (a.b.columns() == columns && a.b.rows() >= a.y.rows()), "b must have the shape of y");
    const bool vectors = by_four({a.a, a.b, a.y});
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(columns / n, a.y.rows(), a.rows);
    r.dispatch<K>(vectors ? K::Variant::vectors : K::Variant::core,
                  {.LOCAL_X = grid.x,
                   .LOCAL_Y = grid.y,
                   .ACTIVATION = uint32_t(a.activation),
                   .PARTS = (a.b ? 1u : 0u) | (a.interleaved ? 2u : 0u) | (a.limit > 0 ? 4u : 0u)},
                  {.a = a.a, .b = r.or_unused(a.b), .y = a.y},
                  {.columns = columns / n,
                   .rows = uint32_t(a.y.rows()),
                   .a_stride = a.a.stride / n,
                   .a_start = a.a.start / n,
                   .b_stride = a.b.stride / n,
                   .b_start = a.b.start / n,
                   .y_stride = a.y.stride / n,
                   .y_start = a.y.start / n,
                   .a_scale = a.a_scale,
                   .scale = a.scale,
                   .b_plus = a.b_plus,
                   .limit = a.limit},
                  grid.threads);
}

} // namespace weft::detail::kernel
