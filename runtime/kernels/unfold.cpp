// SPDX-License-Identifier: Apache-2.0
#include "kernels/unfold.hpp"
#include "kernels/row_grid.hpp"
#include "unfold.gen.hpp"

namespace weft::detail::kernel {

void unfold(Recorder& r, const UnfoldArgs& a) {
    using K = shader::unfold;
    weft_CHECK(a.channels > 0 && a.cut.patch_y > 0 && a.cut.patch_x > 0, "channels and the patch must not be 0");
    weft_CHECK(a.cut.stride_y > 0 && a.cut.stride_x > 0, "strides must not be 0");
    weft_CHECK(a.y.columns() == a.channels * a.cut.patch_y * a.cut.patch_x,
               "y must be [T, channels * patch_y * patch_x]");
    weft_CHECK(a.x.contiguous() && a.x.count() <= ~0u, "x must be contiguous, and 32 bits must count it");
    weft_CHECK(a.pictures.columns() == 4 && a.pictures.contiguous(), "pictures must be [S, 4]");
    weft_CHECK(a.token_sequence.count() >= a.y.rows(), "there must be a token_sequence for every row of y");
    weft_CHECK(a.positions.rows() == 2 && a.positions.columns() >= a.y.rows() && a.positions.start == 0,
               "positions must be [2, T], with a column for every row of y");
    const RowGrid grid = row_grid((a.y.columns() + 3) / 4, a.y.rows(), a.rows);
    r.dispatch<K>(
        K::Variant::core, {.LOCAL_X = grid.x, .LOCAL_Y = grid.y, .PATCH_Y = a.cut.patch_y, .PATCH_X = a.cut.patch_x},
        {.x = a.x, .pictures = a.pictures, .token_sequence = a.token_sequence, .positions = a.positions, .y = a.y},
        {.columns = a.y.columns(),
         .rows = uint32_t(a.y.rows()),
         .position_stride = a.positions.stride,
         .stride_y = a.cut.stride_y,
         .stride_x = a.cut.stride_x,
         .pad_y = a.cut.pad_y,
         .pad_x = a.cut.pad_x,
         .y_stride = a.y.stride,
         .y_start = a.y.start},
        grid.threads);
}

} // namespace weft::detail::kernel
