// SPDX-License-Identifier: Apache-2.0
#include "kernels/gather_rows.hpp"
#include "gather_rows.gen.hpp"
#include "kernels/row_grid.hpp"

namespace weft::detail::kernel {

void gather_rows(Recorder& r, const GatherRowsArgs& a) {
    using K = shader::gather_rows;
    const uint32_t columns = a.y.columns();
    weft_CHECK(a.x.columns() == columns, "y must have as many columns as x");
    weft_CHECK(a.index.count() >= a.y.rows(), "there must be an index for every row of y");
    weft_CHECK(a.divisor > 0, "divisor must not be 0");
    const bool vectors = by_four({a.x, a.y});
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(columns / n, a.y.rows(), a.rows);
    r.dispatch<K>(vectors ? K::Variant::vectors : K::Variant::core, {.LOCAL_X = grid.x, .LOCAL_Y = grid.y},
                  {.x = a.x, .index = a.index, .y = a.y},
                  {.columns = columns / n,
                   .rows = uint32_t(a.y.rows()),
                   .x_rows = uint32_t(a.x.rows()),
                   .divisor = a.divisor,
                   .x_stride = a.x.stride / n,
                   .x_start = a.x.start / n,
                   .y_stride = a.y.stride / n,
                   .y_start = a.y.start / n},
                  grid.threads);
}

} // namespace weft::detail::kernel
