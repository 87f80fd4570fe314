// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/causal_conv. The tensor "options" holds, for the test: C, K, stride and start of x and y,
// whether there are a bias, a state and a silu.
#include "kernels/causal_conv.hpp"
#include "kernels/case.hpp"
#include <cmath>

namespace weft::kernel {
namespace {

struct Options {
    uint32_t channels, taps;
    std::vector<CaseContext::Sequence> sequences; ///< slot, new tokens, past
    uint32_t spare_tokens = 0;                    ///< by how much the bucket is larger than the step
    uint32_t around = 0;                          ///< columns on either side of x and y
    bool bias = true, state = true, silu = true;
    double x_size = 1;
};

KernelCase make(const std::string& name, const Options& o) {
    KernelCase c;
    c.name = name;
    uint64_t tokens = 0;
    uint32_t slots = 1;
    for (const auto& s : o.sequences) {
        tokens += s.count;
        slots = std::max(slots, s.slot + s.moved + 2); // one slot that nobody owns
    }
    const uint64_t window = uint64_t(o.channels) * (o.taps - 1);
    c.bytes = tokens * 8 * o.channels + o.state * o.sequences.size() * 8 * window + 4 * o.channels * (o.taps + 1);
    c.operations = tokens * o.channels * 2 * o.taps;
    c.build = [=](CaseContext& ctx) {
        Random& random = ctx.random();
        const uint32_t wide = o.channels + 2 * o.around;
        CausalConvArgs a;
        a.step = ctx.step(o.sequences, uint32_t(tokens) + o.spare_tokens);
        const uint32_t bucket = a.step.max_tokens;
        a.x = ctx.input("x", DType::f32, {bucket, wide}, random.normals(size_t(bucket) * wide, o.x_size))
                  .slice_columns(o.around, o.channels);
        a.y = ctx.output("y", DType::f32, {bucket, wide}).slice_columns(o.around, o.channels);
        a.weight = ctx.input("weight", DType::f32, {o.channels, o.taps}, random.normals(size_t(o.channels) * o.taps));
        if (o.bias) a.bias = ctx.input("bias", DType::f32, {o.channels}, random.normals(o.channels));
        if (o.state) {
            std::vector<float> before = random.normals(slots * window, o.x_size);
            ctx.input("state before", DType::f32, {slots, o.channels, o.taps - 1}, before);
            for (const auto& s : o.sequences) // a state without a past must not be read
                if (s.past == 0 && s.count > 0)
                    std::fill_n(before.begin() + long(s.slot * window), window, std::nanf(""));
            a.state = ctx.input("state", DType::f32, {slots, o.channels, o.taps - 1}, before);
        }
        a.activation = o.silu ? Activation::silu : Activation::none;
        std::vector<float> options;
        for (uint32_t v : {o.channels, o.taps, wide, o.around, uint32_t(o.bias), uint32_t(o.state), uint32_t(o.silu)})
            options.push_back(float(v));
        ctx.input("options", DType::f32, {uint32_t(options.size())}, options);
        causal_conv(ctx.recorder(), a);
    };
    return c;
}

} // namespace

KernelTable causal_conv_cases() {
    const std::vector<CaseContext::Sequence> packed = {{2, 37, 5}, {0, 1, 0}, {4, 0, 7}, {1, 90, 0},
                                                       {3, 2, 1},  {6, 3, 0}, {5, 1, 9}, {7, 16, 2}};
    const std::vector<CaseContext::Sequence> few = {{2, 3, 5}, {0, 1, 0}, {4, 0, 7}, {1, 5, 0}, {3, 2, 1}},
                                             step = {{3, 1, 4}, {0, 1, 0}, {1, 1, 9}};
    return {
        "causal_conv",
        {make("tiny", {.channels = 1, .taps = 2, .sequences = {{0, 1, 0}}}),
         make("odd", {.channels = 77, .taps = 4, .sequences = {{0, 53, 3}}}),
         make("2 taps, packed", {.channels = 70, .taps = 2, .sequences = packed, .spare_tokens = 9}),
         make("3 taps, packed", {.channels = 70, .taps = 3, .sequences = packed, .spare_tokens = 9, .silu = false}),
         make("4 taps, packed", {.channels = 70, .taps = 4, .sequences = packed, .spare_tokens = 9}),
         make("8 taps, packed", {.channels = 33, .taps = 8, .sequences = packed, .spare_tokens = 9}),
         make("state read here and written there",
              {.channels = 70, .taps = 4, .sequences = {{1, 37, 3, 0, 2}, {0, 2, 9, 0, 2}}}),
         make("step, state read here and written there",
              {.channels = 70, .taps = 4, .sequences = {{1, 1, 3, 0, 2}, {0, 1, 9, 0, 2}}}),
         make("slices", {.channels = 66, .taps = 4, .sequences = packed, .around = 5}),
         make("without bias", {.channels = 20, .taps = 4, .sequences = packed, .bias = false}),
         make("without state", {.channels = 20, .taps = 4, .sequences = {{0, 31, 0}, {0, 9, 0}}, .state = false}),
         make("no tokens", {.channels = 20, .taps = 4, .sequences = {{0, 0, 4}}, .spare_tokens = 30}),
         make("a few tokens", {.channels = 70, .taps = 4, .sequences = few}),
         make("a few tokens, 8 taps, slices",
              {.channels = 33, .taps = 8, .sequences = few, .spare_tokens = 1, .around = 3}),
         make("a few tokens without state",
              {.channels = 20, .taps = 4, .sequences = {{0, 3, 0}, {0, 9, 0}}, .state = false}),
         make("step", {.channels = 130, .taps = 4, .sequences = step}),
         make("step, 2 taps, slices, no bias",
              {.channels = 130, .taps = 2, .sequences = step, .around = 7, .bias = false, .silu = false}),
         make("large inputs", {.channels = 40, .taps = 4, .sequences = {{0, 40, 2}}, .x_size = 1e4}),
         make("step, real", {.channels = 2048, .taps = 4, .sequences = {{0, 1, 9}, {1, 1, 9}, {2, 1, 9}, {3, 1, 9}}}),
         make("real", {.channels = 2048, .taps = 4, .sequences = {{0, 256, 0}}}),
         make("large", {.channels = 4096, .taps = 4, .sequences = {{0, 400, 4}, {1, 112, 0}}})}};
}

} // namespace weft::kernel
