// SPDX-License-Identifier: Apache-2.0
#include "kernels/glu.hpp"
#include "glu.gen.hpp"
#include "kernels/row_grid.hpp"

namespace weft::kernel {

void glu(Recorder& r, const GluArgs& a) {
    using K = shader::glu;
    const uint32_t columns = a.y.columns();
    weft_CHECK(a.a.columns() == (a.interleaved ? 2 * columns : columns) && a.a.rows() >= a.y.rows(), "a must have the shape of y (interleaved: twice the columns)");
    weft_CHECK(!(a.interleaved && a.b), "interleaved: b is part of a");
    weft_CHECK(!a.b || (a.b.columns() == columns && a.b.rows() >= a.y.rows()), "b must have the shape of y");
    const RowGrid grid = row_grid(columns, a.y.rows(), a.rows);
    r.dispatch<K>(K::Variant::core,
        {.LOCAL = grid.local, .ACTIVATION = uint32_t(a.activation), .PARTS = (a.b ? 1u : 0u) | (a.interleaved ? 2u : 0u) | (a.limit > 0 ? 4u : 0u)},
        {.a = a.a, .b = a.b ? a.b : r.unused(), .y = a.y},
        {.columns = columns, .rows = uint32_t(a.y.rows()), .block = grid.block, .rows_each = grid.rows_each, .a_stride = a.a.stride, .a_start = a.a.start, .b_stride = a.b.stride,
         .b_start = a.b.start, .y_stride = a.y.stride, .y_start = a.y.start, .a_scale = a.a_scale, .scale = a.scale, .b_plus = a.b_plus, .limit = a.limit},
        grid.threads);
}

} // namespace weft::kernel
