// SPDX-License-Identifier: Apache-2.0
#include "layers/low_rank.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(LowRank, 2);
void low_rank_fields(Fields& f, const char* key, LowRank& l, uint64_t in, uint64_t out, bool optional) {
    if (!f.enter(key, bool(l), optional)) return;
    uint32_t rank = l.down.out;
    f.size("rank", rank);
    f.linear("down", l.down, in, rank);
    f.linear("up", l.up, rank, out);
    f.leave();
}

void lower_low_rank(LayerContext& c, const LowRank& l, const vk::Tensor& x, kernel::Activation between,
                    const Destination& to, kernel::Activation last) {
    const kernel::Tensor low = c.rows(l.down.out, "low rank");
    lower_linear(c, l.down, x, {low}, between);
    lower_linear(c, l.up, low, to, last);
}

} // namespace weft::detail
