// SPDX-License-Identifier: Apache-2.0
#include "cases/peaks.hpp"
#include "kernels/peaks.hpp"

namespace weft::detail::kernel::cases::peaks {
namespace {

void build(CaseContext& ctx, const Options& o) {
    if (o == Options::multiply_add) return peak_fma(ctx.recorder(), ctx.output("y", DType::f32, {kPeakThreads}));
    std::vector<uint32_t> values(kPeakWords);
    for (uint32_t i = 0; i < kPeakWords; ++i) values[i] = i * 2654435761u;
    const Tensor x = ctx.input_words("x", {kPeakWords}, values);
    peak_copy(ctx.recorder(), x, ctx.output("y", DType::u32, {kPeakWords}));
}

} // namespace

CaseTable<Options> table() {
    return {"peaks",
            build,
            {{"copy", Options::copy, uint64_t(kPeakWords) * 8},
             {"multiply-add", Options::multiply_add, kPeakThreads * 4, kPeakThreads * kPeakFmaOperations}}};
}

} // namespace weft::detail::kernel::cases::peaks
