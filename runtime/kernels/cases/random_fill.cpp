// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/random_fill.
#include "kernels/random_fill.hpp"
#include "kernels/case.hpp"

namespace weft::kernel {
namespace {

KernelCase make(const std::string& name, uint32_t words, DType type, float deviation, bool negative = false,
                uint64_t seed = 1, uint32_t stream = 0) {
    KernelCase c;
    c.name = name;
    c.bytes = uint64_t(words) * 4;
    c.build = [=](CaseContext& ctx) {
        ctx.input("settings", DType::f32, {6},
                  {float(type == DType::f32   ? 0
                         : type == DType::f16 ? 1
                                              : 2),
                   deviation, float(negative), float(seed & 0xffff), float(seed >> 32), float(stream)});
        random_fill(ctx.recorder(), {.words = ctx.output("y", DType::u32, {words}),
                                     .type = type,
                                     .deviation = deviation,
                                     .negative = negative,
                                     .seed = seed,
                                     .stream = stream});
    };
    return c;
}

} // namespace

KernelTable random_fill_cases() {
    return {"random_fill",
            {make("one f32", 1, DType::f32, 1), make("f32, odd", 127, DType::f32, 0.5f),
             make("f16, odd", 255, DType::f16, 0.5f), make("bf16, odd", 1001, DType::bf16, 0.03f),
             make("subnormal halves", 64, DType::f16, 1e-5f), make("decays", 260, DType::f32, 0.5f, true),
             make("another seed and stream", 64, DType::f32, 1, false, (uint64_t(7) << 32) | 9, 3),
             make("more than one dispatch", (1u << 23) + 37, DType::bf16, 0.02f)}};
}

} // namespace weft::kernel
