// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/moe_sort.
#include "kernels/moe_sort.hpp"
#include "kernels/case.hpp"

namespace weft::kernel {
namespace {

struct Shape {
    uint32_t tokens, choices, experts;
};
enum class Spread { even, skewed, one, dropped };

KernelCase make(const std::string& name, Shape s, Spread spread = Spread::even, uint32_t spare = 3) {
    KernelCase c;
    c.name = name;
    c.bytes = 4 * (2 * uint64_t(s.tokens) * s.choices + s.experts + 1);
    c.operations = uint64_t(s.tokens) * s.choices;
    c.build = [=](CaseContext& ctx) {
        Random& random = ctx.random();
        const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + spare);
        const uint32_t pairs = step.max_tokens * s.choices;
        std::vector<uint32_t> experts(pairs);
        for (uint32_t& e : experts) {
            e = random.below(s.experts);
            if (spread == Spread::skewed) e = std::min(e, std::min(random.below(s.experts), random.below(s.experts)));
            if (spread == Spread::one) e = s.experts - 1;
            if (spread == Spread::dropped && random.below(3) == 0) e = random.below(2) ? ~0u : s.experts;
        }
        const MoeSortArgs a{step.header, ctx.input_words("experts", {step.max_tokens, s.choices}, experts),
                            ctx.output("order", DType::u32, {pairs}),
                            ctx.output("offsets", DType::u32, {s.experts + 1})};
        ctx.input("settings", DType::f32, {3}, {float(s.tokens), float(s.choices), float(s.experts)});
        moe_sort(ctx.recorder(), a);
    };
    return c;
}

} // namespace

KernelTable moe_sort_cases() {
    return {"moe_sort",
            {make("tiny", {1, 1, 1}), make("no tokens", {0, 2, 8}), make("odd", {7, 3, 11}),
             make("few tokens in a large bucket", {3, 2, 40}, Spread::even, 500),
             make("one expert gets all", {50, 2, 16}, Spread::one), make("skewed", {77, 5, 60}, Spread::skewed),
             make("dropped pairs", {90, 2, 24}, Spread::dropped),
             make("all dropped but some", {5, 1, 1}, Spread::dropped),
             make("most experts", {33, 7, 1024}, Spread::skewed), make("real decode step", {1, 10, 512}),
             make("real prefill", {512, 8, 512}), make("large", {4096, 8, 128}, Spread::skewed)}};
}

} // namespace weft::kernel
