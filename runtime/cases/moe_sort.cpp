// SPDX-License-Identifier: Apache-2.0
#include "cases/moe_sort.hpp"
#include "kernels/moe_sort.hpp"

namespace weft::detail::kernel::cases::moe_sort {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    Random& random = ctx.random();
    const Step step = ctx.step({{0, s.tokens, 0}}, s.tokens + o.spare);
    const uint32_t pairs = step.max_tokens * s.choices;
    std::vector<uint32_t> experts(pairs);
    for (uint32_t& e : experts) {
        e = random.below(s.experts);
        if (o.spread == Spread::skewed) e = std::min(e, std::min(random.below(s.experts), random.below(s.experts)));
        if (o.spread == Spread::one) e = s.experts - 1;
        if (o.spread == Spread::dropped && random.below(3) == 0) e = random.below(2) ? ~0u : s.experts;
    }
    const MoeSortArgs a{step.header, ctx.input_words("experts", {step.max_tokens, s.choices}, experts),
                        ctx.output("order", DType::u32, {pairs}), ctx.output("offsets", DType::u32, {s.experts + 1})};
    kernel::moe_sort(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, Spread spread = Spread::even, uint32_t spare = 3) {
    Case<Options> c{name, {s, spread, spare}};
    c.bytes = 4 * (2 * uint64_t(s.tokens) * s.choices + s.experts + 1);
    c.operations = uint64_t(s.tokens) * s.choices;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"moe_sort",
            build,
            {make("tiny", {1, 1, 1}), make("no tokens", {0, 2, 8}), make("odd", {7, 3, 11}),
             make("few tokens in a large bucket", {3, 2, 40}, Spread::even, 500),
             make("one expert gets all", {50, 2, 16}, Spread::one), make("skewed", {77, 5, 60}, Spread::skewed),
             make("dropped pairs", {90, 2, 24}, Spread::dropped),
             make("all dropped but some", {5, 1, 1}, Spread::dropped),
             make("most experts", {33, 7, 1024}, Spread::skewed), make("real decode step", {1, 10, 512}),
             make("real prefill", {512, 8, 512}), make("large", {4096, 8, 128}, Spread::skewed)}};
}

} // namespace weft::detail::kernel::cases::moe_sort
