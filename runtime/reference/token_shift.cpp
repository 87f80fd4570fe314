// SPDX-License-Identifier: Apache-2.0
#include "cases/token_shift.hpp"
#include "kernels/token_shift.hpp"
#include "reference/comparison.hpp"
#include "reference/token_shift.hpp"

namespace weft::detail::kernel::cases::token_shift {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const size_t channels = o.channels, mixes = o.mixes, around = o.around, wide = channels + 2 * around,
                 out = mixes * channels + 2 * around;
    const auto &x = ctx.data("x"), &mix = ctx.data("mix");
    std::vector<reference::Expected> y(ctx.data("y").size(), reference::kUntouched), states;
    for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
    size_t token = 0;
    for (const auto& s : ctx.sequences()) {
        for (size_t c = 0; c < channels && s.count > 0; ++c) {
            double before = s.past > 0 ? states[s.slot * channels + c].value : 0;
            for (size_t t = token; t < token + s.count; ++t) {
                const double now = double(x[t * wide + around + c]);
                for (size_t m = 0; m < mixes; ++m) {
                    const auto want = reference::token_shift(
                        now, before, double(mix[((o.own_mixes ? t * mixes : 0) + m) * channels + c]));
                    // A difference, a product and a sum.
                    y[t * out + around + m * channels + c] = {want.value, reference::kEps32 * 3 * want.size};
                }
                before = now;
            }
            if (o.moves_on) states[(s.slot + s.moved) * channels + c] = {before, 0}; // moved, not computed
        }
        token += s.count;
    }
    verdict.close(ctx.data("y"), y, "y");
    verdict.close(ctx.data("state"), states, "state");
}

} // namespace weft::detail::kernel::cases::token_shift
