// SPDX-License-Identifier: Apache-2.0
#include "kernels/token_shift.hpp"
#include "kernels/row_grid.hpp"
#include "token_shift.gen.hpp"

namespace weft::detail::kernel {

void token_shift(Recorder& r, const TokenShiftArgs& a) {
    const uint32_t channels = a.x.columns();
    weft_CHECK(a.step.header && a.step.sequences && a.step.token_sequence && a.step.max_tokens > 0,
               "step must be filled");
    const uint64_t mixes = (a.own_mixes ? a.mix.columns() : a.mix.count()) / channels;
    weft_CHECK(a.y.columns() == mixes * channels && mixes >= 1 && mixes <= 8, "y must be [T, M * C], M = 1 to 8");
    weft_CHECK(a.own_mixes ? a.mix.columns() == a.y.columns() : a.mix.contiguous() && a.mix.count() == mixes * channels,
               "mix must be [M, C] with the columns of x, or [T, M * C]");
    weft_CHECK(a.state.rank == 2 && a.state.contiguous() && a.state.shape[1] == channels, "state must be [slots, C]");
    using K = shader::token_shift;
    const RowGrid grid = row_grid(channels, a.step.max_tokens, {1, Quantity::tokens});
    r.dispatch<K>(K::Variant::core,
                  {.LOCAL_X = grid.x, .LOCAL_Y = grid.y, .MIXES = uint32_t(mixes), .MOVES_ON = a.moves_on},
                  {.header = a.step.header,
                   .sequences = a.step.sequences,
                   .token_sequence = a.step.token_sequence,
                   .x = a.x,
                   .mix_with = a.mix,
                   .y = a.y,
                   .state = a.state},
                  {.channels = channels,
                   .x_stride = a.x.stride,
                   .x_start = a.x.start,
                   .mix_stride = a.own_mixes ? a.mix.stride : 0,
                   .mix_start = a.mix.start,
                   .y_stride = a.y.stride,
                   .y_start = a.y.start},
                  grid.threads);
}

} // namespace weft::detail::kernel
