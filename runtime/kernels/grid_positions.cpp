// SPDX-License-Identifier: Apache-2.0
#include "kernels/grid_positions.hpp"
#include "grid_positions.gen.hpp"
#include "kernels/row_grid.hpp"

namespace weft::detail::kernel {

void grid_positions(Recorder& r, const GridPositionsArgs& a) {
    using K = shader::grid_positions;
    const uint32_t columns = a.y.columns();
    weft_CHECK(a.table.rank == 3 && a.table.shape[0] == a.table.shape[1] && a.table.columns() == columns &&
                   a.table.contiguous() && a.table.dtype == DType::f32,
               "table must be f32 [side, side, D], with the columns of y");
    weft_CHECK(a.table.shape[0] > 0 && a.table.count() <= ~0u, "table must have rows, and 32 bits must count it");
    weft_CHECK(a.cut.stride_y > 0 && a.cut.stride_x > 0, "strides must not be 0");
    weft_CHECK(a.pictures.columns() == 4 && a.pictures.contiguous(), "pictures must be [S, 4]");
    weft_CHECK(a.token_sequence.count() >= a.y.rows(), "there must be a token_sequence for every row of y");
    weft_CHECK(a.axes.rows() == 2 && a.axes.columns() >= a.y.rows() && a.axes.start == 0,
               "axes must be [2, T], with a column for every row of y");
    weft_CHECK(a.residual.columns() == columns && a.residual.rows() >= a.y.rows(), "residual must have the shape of y");
    const RowGrid grid = row_grid(columns, a.y.rows(), a.rows);
    r.dispatch<K>(K::Variant::core,
                  {.LOCAL_X = grid.x, .LOCAL_Y = grid.y, .CUBIC = a.cubic ? 1u : 0u, .CORNERS = a.corners ? 1u : 0u},
                  {.table = a.table,
                   .pictures = a.pictures,
                   .token_sequence = a.token_sequence,
                   .axes = a.axes,
                   .residual = a.residual,
                   .y = a.y},
                  {.columns = columns,
                   .rows = uint32_t(a.y.rows()),
                   .side = a.table.shape[0],
                   .axis_stride = a.axes.stride,
                   .patch_y = a.cut.patch_y,
                   .patch_x = a.cut.patch_x,
                   .stride_y = a.cut.stride_y,
                   .stride_x = a.cut.stride_x,
                   .pad_y = a.cut.pad_y,
                   .pad_x = a.cut.pad_x,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start,
                   .residual_stride = a.residual.stride,
                   .residual_start = a.residual.start,
                   .scale = a.scale},
                  grid.threads);
}

} // namespace weft::detail::kernel
