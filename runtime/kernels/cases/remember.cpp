// SPDX-License-Identifier: Apache-2.0
// L2: cases of remember() in kernels/sample.
#include "kernels/case.hpp"
#include "kernels/sample.hpp"

namespace weft::kernel {
namespace {

KernelCase make(const std::string& name, std::vector<CaseContext::Sequence> sequences, uint32_t capacity,
                uint32_t spare = 0) {
    KernelCase c;
    c.name = name;
    uint32_t tokens = 0;
    for (const auto& s : sequences) tokens += s.count;
    c.bytes = uint64_t(tokens) * 16;
    c.build = [=](CaseContext& ctx) {
        std::vector<uint32_t> ids(tokens);
        for (uint32_t& id : ids) id = ctx.random().below(1000);
        const Step step = ctx.step(sequences, tokens + spare, ids);
        const Tensor history = ctx.output("history", DType::u32, {6, capacity});
        remember(ctx.recorder(), step, history);
    };
    return c;
}

} // namespace

KernelTable remember_cases() {
    return {"remember",
            {make("tiny", {{0, 1, 0}}, 1), make("no tokens", {}, 7, 5),
             make("several sequences", {{3, 5, 0}, {0, 1, 12}, {5, 9, 3}}, 20, 4),
             make("round the end", {{1, 6, 5}, {2, 8, 63}}, 8),
             make("more than it holds", {{4, 100, 0}, {2, 9, 9}, {0, 31, 1}}, 10, 3),
             make("real prefill", {{0, 1000, 0}, {1, 24, 100}}, 4096)}};
}

} // namespace weft::kernel
