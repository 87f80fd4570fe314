// SPDX-License-Identifier: Apache-2.0
#include "layers/rotary.hpp"
#include "layers/context.hpp"

namespace weft::detail {

kernel::Rotary rotary_of(const LayerContext& c, const Rope& rope) {
    kernel::Rotary r;
    if (rope.kind == RopeKind::none) return r;
    r.dims = rope.rotary;
    r.pairs = rope.kind == RopeKind::half ? kernel::RotaryPairs::halves : kernel::RotaryPairs::interleaved;
    r.frequencies = c.weight(rope.frequencies);
    r.long_table = rope.long_table;
    r.axes = rope.axes > 1;
    r.original = rope.original;
    r.factor = rope.factor;
    r.long_factor = rope.long_factor;
    r.ntk = rope.ntk;
    return r;
}

} // namespace weft::detail
