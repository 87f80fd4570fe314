// SPDX-License-Identifier: Apache-2.0
#include "kernels/score.hpp"
#include "score.gen.hpp"

namespace weft::detail::kernel {

void score(Recorder& r, const ScoreArgs& a) {
    using K = shader::score;
    const auto rows = uint32_t(a.ids.count());
    weft_CHECK(a.logits.columns() > 0 && a.logits.rows() >= rows, "logits must have a row for every id");
    weft_CHECK(a.ids.contiguous() && a.y.contiguous() && a.y.count() >= rows, "y must have a number for every id");
    r.dispatch<K>(K::Variant::core, {}, {.logits = a.logits, .ids = a.ids, .y = a.y},
                  {.vocabulary = a.logits.columns(), .stride = a.logits.stride, .start = a.logits.start},
                  {.x = {128 * rows}});
}

} // namespace weft::detail::kernel
