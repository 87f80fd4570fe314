// SPDX-License-Identifier: Apache-2.0
#include "kernels/gather_rows.hpp"
#include "gather_rows.gen.hpp"
#include "kernels/row_grid.hpp"

namespace weft::kernel {

void gather_rows(Recorder& r, const GatherRowsArgs& a) {
    using K = shader::gather_rows;
    const uint32_t columns = a.y.columns();
    weft_CHECK(a.x.columns() == columns, "y must have as many columns as x");
    weft_CHECK(a.index.count() >= a.y.rows(), "there must be an index for every row of y");
    weft_CHECK(a.divisor > 0, "divisor must not be 0");
    const RowGrid grid = row_grid(columns, a.y.rows(), a.rows);
    r.dispatch<K>(K::Variant::core, {.LOCAL = grid.local}, {.x = a.x, .index = a.index, .y = a.y},
        {.columns = columns, .rows = uint32_t(a.y.rows()), .block = grid.block, .rows_each = grid.rows_each, .x_rows = uint32_t(a.x.rows()), .divisor = a.divisor, .x_stride = a.x.stride,
         .x_start = a.x.start, .y_stride = a.y.stride, .y_start = a.y.start},
        grid.threads);
}

} // namespace weft::kernel
