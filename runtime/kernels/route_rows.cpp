// SPDX-License-Identifier: Apache-2.0
#include "kernels/route_rows.hpp"
#include "route_rows.gen.hpp"

namespace weft::detail::kernel {

void route_rows(Recorder& r, const RouteRowsArgs& a) {
    using K = shader::route_rows;
    const Step& step = a.step;
    weft_CHECK(a.chosen.columns() == 1 && a.chosen.rows() >= step.max_tokens, "chosen must be [T, 1]");
    weft_CHECK(a.counts.rank == 4 && a.counts.shape[1] == 1 && a.counts.shape[3] == 1 && a.counts.contiguous(),
               "counts must be [slots, 1, capacity, 1]");
    weft_CHECK(a.sequences.rows() >= step.max_sequences && a.sequences.columns() == 8, "sequences must be [S, 8]");
    weft_CHECK(a.rows.rows() == 6 && a.rows.columns() >= std::max(step.max_tokens, step.max_sequences),
               "rows must be [6, T], and have room for the sequences");
    const uint32_t local = step.max_tokens <= 8 ? 8 : 64;
    r.dispatch<K>(K::Variant::core, {.LOCAL = local},
                  {.chosen = a.chosen,
                   .header = step.header,
                   .sequences = step.sequences,
                   .token_sequence = step.token_sequence,
                   .counts = a.counts,
                   .routed_header = a.header,
                   .routed = a.sequences,
                   .rows = a.rows},
                  {.tokens = step.max_tokens,
                   .sequences = step.max_sequences,
                   .stride = a.rows.stride,
                   .capacity = a.counts.shape[2],
                   .chosen_stride = a.chosen.stride,
                   .chosen_start = a.chosen.start},
                  {.x = {local}});
}

} // namespace weft::detail::kernel
