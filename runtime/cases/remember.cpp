// SPDX-License-Identifier: Apache-2.0
#include "cases/remember.hpp"
#include "kernels/sample.hpp"

namespace weft::detail::kernel::cases::remember {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const auto tokens = uint32_t(tokens_of(o.sequences));
    std::vector<uint32_t> ids(tokens);
    for (uint32_t& id : ids) id = ctx.random().below(1000);
    const Step step = ctx.step(o.sequences, tokens + o.spare, ids);
    const Tensor history = ctx.output("history", DType::u32, {6, o.capacity});
    kernel::remember(ctx.recorder(), step, history);
}

Case<Options> make(const std::string& name, Sequences sequences, uint32_t capacity, uint32_t spare = 0) {
    Case<Options> c{name, {sequences, capacity, spare}};
    c.bytes = tokens_of(sequences) * 16;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"remember",
            build,
            {make("tiny", {{0, 1, 0}}, 1), make("no tokens", {}, 7, 5),
             make("several sequences", {{3, 5, 0}, {0, 1, 12}, {5, 9, 3}}, 20, 4),
             make("round the end", {{1, 6, 5}, {2, 8, 63}}, 8),
             make("more than it holds", {{4, 100, 0}, {2, 9, 9}, {0, 31, 1}}, 10, 3),
             make("real prefill", {{0, 1000, 0}, {1, 24, 100}}, 4096)}};
}

} // namespace weft::detail::kernel::cases::remember
