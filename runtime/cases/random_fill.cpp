// SPDX-License-Identifier: Apache-2.0
#include "cases/random_fill.hpp"
#include "kernels/random_fill.hpp"

namespace weft::detail::kernel::cases::random_fill {
namespace {

void build(CaseContext& ctx, const Options& o) {
    kernel::random_fill(ctx.recorder(), {.words = ctx.output("y", DType::u32, {o.words}),
                                         .type = o.type,
                                         .deviation = o.deviation,
                                         .negative = o.negative,
                                         .seed = o.seed,
                                         .stream = o.stream});
}

Case<Options> make(const std::string& name, uint32_t words, DType type, float deviation, bool negative = false,
                   uint64_t seed = 1, uint32_t stream = 0) {
    Case<Options> c{name, {words, type, deviation, negative, seed, stream}};
    c.bytes = uint64_t(words) * 4;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"random_fill",
            build,
            {make("one f32", 1, DType::f32, 1), make("f32, odd", 127, DType::f32, 0.5f),
             make("f16, odd", 255, DType::f16, 0.5f), make("bf16, odd", 1001, DType::bf16, 0.03f),
             make("subnormal halves", 64, DType::f16, 1e-5f), make("decays", 260, DType::f32, 0.5f, true),
             make("another seed and stream", 64, DType::f32, 1, false, (uint64_t(7) << 32) | 9, 3),
             make("more than one dispatch", (1u << 23) + 37, DType::bf16, 0.02f)}};
}

} // namespace weft::detail::kernel::cases::random_fill
