// SPDX-License-Identifier: Apache-2.0
#include "kernels/depthwise_conv.hpp"
#include "depthwise_conv.gen.hpp"
#include "kernels/row_grid.hpp"

namespace weft::detail::kernel {

void depthwise_conv(Recorder& r, const DepthwiseConvArgs& a) {
    using K = shader::depthwise_conv;
    const uint32_t channels = a.x.columns();
    weft_CHECK(a.taps_y > 0 && a.taps_x > 0, "there must be a tap");
    weft_CHECK(a.weight.contiguous() && a.weight.columns() == channels && a.weight.rows() == a.taps_y * a.taps_x,
               "weight must be [taps_y * taps_x, C] with the columns of x");
    weft_CHECK(!a.bias || (a.bias.contiguous() && a.bias.count() == channels), "bias must be [C]");
    weft_CHECK(a.y.columns() == channels && a.y.rows() <= a.x.rows(), "y must be as x");
    weft_CHECK(a.step.sequences && a.step.token_sequence.count() >= a.y.rows() &&
                   a.step.positions.count() >= a.y.rows(),
               "there must be a sequence and a position for every row of y");
    weft_CHECK(!a.sides || (a.sides.columns() == 2 && a.sides.contiguous()), "sides must be [S, 2]");
    const bool vectors = by_four({a.x, a.weight, a.bias, a.y});
    const uint32_t n = vectors ? 4 : 1;
    const RowGrid grid = row_grid(channels / n, a.y.rows(), {1, Quantity::tokens});
    r.dispatch<K>(vectors ? K::Variant::vectors : K::Variant::core,
                  {.LOCAL_X = grid.x,
                   .LOCAL_Y = grid.y,
                   .TAPS_Y = a.taps_y,
                   .TAPS_X = a.taps_x,
                   .LINE = !a.sides,
                   .ACTIVATION = uint32_t(a.activation),
                   .BIAS = bool(a.bias)},
                  {.x = a.x,
                   .weight = a.weight,
                   .bias = r.or_unused(a.bias),
                   .sequences = a.step.sequences,
                   .sides = r.or_unused(a.sides),
                   .token_sequence = a.step.token_sequence,
                   .positions = a.step.positions,
                   .y = a.y},
                  {.channels = channels / n,
                   .rows = uint32_t(a.y.rows()),
                   .pad_y = a.pad_y,
                   .pad_x = a.pad_x,
                   .x_stride = a.x.stride / n,
                   .x_start = a.x.start / n,
                   .y_stride = a.y.stride / n,
                   .y_start = a.y.start / n},
                  grid.threads);
}

} // namespace weft::detail::kernel
