// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/peaks.
#include "kernels/peaks.hpp"
#include "kernels/case.hpp"

namespace weft::kernel {

KernelTable peaks_cases() {
    KernelCase copy, fma;
    constexpr uint32_t words = 4u << 20, threads = 4096;
    copy.name = "copy";
    copy.bytes = uint64_t(words) * 8;
    copy.build = [](CaseContext& ctx) {
        std::vector<uint32_t> values(words);
        for (uint32_t i = 0; i < words; ++i) values[i] = i * 2654435761u;
        const Tensor x = ctx.input_words("x", {words}, values);
        peak_copy(ctx.recorder(), x, ctx.output("y", DType::u32, {words}));
    };
    fma.name = "multiply-add";
    fma.bytes = threads * 4;
    fma.operations = threads * kPeakFmaOperations;
    fma.build = [](CaseContext& ctx) { peak_fma(ctx.recorder(), ctx.output("y", DType::f32, {threads})); };
    return {"peaks", {copy, fma}};
}

} // namespace weft::kernel
