// SPDX-License-Identifier: Apache-2.0
#include "kernels/resize_heads.hpp"
#include "kernels/row_grid.hpp"
#include "resize_heads.gen.hpp"

namespace weft::detail::kernel {

void resize_heads(Recorder& r, const ResizeHeadsArgs& a) {
    using K = shader::resize_heads;
    weft_CHECK(a.heads > 0 && a.x.columns() % a.heads == 0 && a.y.columns() % a.heads == 0,
               "x and y must be [T, heads * size]");
    weft_CHECK(!a.divides || a.x.columns() == a.y.columns() + a.heads,
               "heads of x must be one channel larger to be divided by it");
    const uint32_t rows = uint32_t(std::min(a.x.rows(), a.y.rows()));
    const RowGrid grid = row_grid(a.y.columns(), rows, a.tokens);
    r.dispatch<K>(K::Variant::core, {.LOCAL_X = grid.x, .LOCAL_Y = grid.y, .DIVIDE = a.divides}, {.x = a.x, .y = a.y},
                  {.columns = a.y.columns(),
                   .rows = rows,
                   .x_size = a.x.columns() / a.heads,
                   .y_size = a.y.columns() / a.heads,
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start,
                   .fill = a.fill,
                   .eps = a.eps},
                  grid.threads);
}

} // namespace weft::detail::kernel
