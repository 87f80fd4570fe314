// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "io/safetensors.hpp"
#include "kernels/causal_conv.hpp"
#include "unit/goldens.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace weft;
using namespace weft::detail;
using kernel::CaseContext;

namespace {

/// Convolves x f32 [batch, T, C] in one call, sequence i in slot i with `state` [batch, C, K - 1],
/// and gives back y; `state` becomes the new one.
struct Weights {
    std::vector<float> weight, bias; ///< bias may be empty
    kernel::Activation activation = kernel::Activation::silu;
};
std::vector<float> convolve(const std::vector<float>& x, uint32_t batch, uint32_t channels, const Weights& w,
                            std::vector<float>& state, uint32_t past) {
    CaseContext ctx(test::gpu(), 1);
    const uint32_t tokens = uint32_t(x.size()) / channels, taps = uint32_t(w.weight.size()) / channels;
    std::vector<CaseContext::Sequence> sequences;
    for (uint32_t i = 0; i < batch; ++i) sequences.push_back({i, tokens / batch, past});
    kernel::CausalConvArgs a;
    a.step = ctx.step(sequences);
    a.x = ctx.input("x", DType::f32, {tokens, channels}, x);
    a.y = ctx.output("y", DType::f32, {tokens, channels});
    a.weight = ctx.input("weight", DType::f32, {channels, taps}, w.weight);
    if (!w.bias.empty()) a.bias = ctx.input("bias", DType::f32, {channels}, w.bias);
    a.state = ctx.input("state", DType::f32, {batch, channels, taps - 1}, state);
    a.activation = w.activation;
    kernel::causal_conv(ctx.recorder(), a);
    const auto status = ctx.run();
    INFO((status ? "" : status.error().text()));
    REQUIRE(bool(status));
    test::require_no_validation_messages();
    state = ctx.data("state");
    return ctx.data("y");
}

} // namespace

TEST_CASE("causal_conv laws", "[kernels]") {
    // 1: the step form; up to 16: the form for a few tokens.
    const uint32_t taps = GENERATE(2u, 4u, 8u), piece = GENERATE(1u, 2u, 5u, 16u, 17u, 40u);
    constexpr uint32_t channels = 20, tokens = 70;
    Random random(3);
    const Weights w{random.normals(channels * taps), random.normals(channels)};
    const std::vector<float> x = random.normals(tokens * channels), before = random.normals(channels * (taps - 1));
    std::vector<float> whole_state = before, state = before, all;
    const auto whole = convolve(x, 1, channels, w, whole_state, 5);
    for (uint32_t t = 0; t < tokens; t += piece) {
        const auto y =
            convolve({x.begin() + long(t * channels), x.begin() + long(std::min(t + piece, tokens) * channels)}, 1,
                     channels, w, state, 5 + t);
        all.insert(all.end(), y.begin(), y.end());
    }
    REQUIRE(state == whole_state);
    // The same sums in the same order, but a compiler may contract them differently.
    std::vector<reference::Expected> expected;
    for (float v : whole) expected.push_back({v, reference::kEps32 * 2 * (taps + 1) * (std::abs(v) + 4 * taps)});
    test::require_close(all, expected, "y");
}

TEST_CASE("causal_conv against the reference implementation", "[kernels]") {
    weft_GOLDEN(path, "op-causal-conv1d/io.safetensors");
    auto file = SafetensorsFile::open(path);
    REQUIRE(bool(file));
    const auto read = [&](const std::string& name) {
        const TensorView* view = file->find(name);
        INFO(name);
        REQUIRE(view);
        return *read_f32(*view);
    };
    constexpr uint32_t batch = 2, channels = 32;
    // [B, rows, columns] -> [B, columns, rows].
    const auto swap_axes = [&](const std::vector<float>& from, uint32_t rows, uint32_t columns) {
        std::vector<float> to(from.size());
        for (uint32_t b = 0; b < batch; ++b)
            for (uint32_t r = 0; r < rows; ++r)
                for (uint32_t c = 0; c < columns; ++c)
                    to[(b * columns + c) * rows + r] = from[(b * rows + r) * columns + c];
        return to;
    };
    const std::string kernel = GENERATE("k2", "k3", "k4"), variant = GENERATE("", ".zero", ".one");
    INFO(kernel << variant);
    Weights w{read(kernel + ".input.weight"), {}, kernel == "k3" ? kernel::Activation::none : kernel::Activation::silu};
    if (variant != ".zero") w.bias = read(kernel + ".input.bias");
    std::vector<float> x = swap_axes(read("input.x"), channels, 70), state = read(kernel + ".input.state");
    if (variant == ".one") { // the first token of each sequence
        std::vector<float> one;
        for (uint32_t b = 0; b < batch; ++b)
            one.insert(one.end(), x.begin() + long(b * 70 * channels), x.begin() + long((b * 70 + 1) * channels));
        x = one;
    }
    const auto y = convolve(x, batch, channels, w, state, variant == ".zero" ? 0 : 3);
    const auto want = swap_axes(read(kernel + variant + ".output.y"), channels, variant == ".one" ? 1 : 70);
    double squares = 0;
    for (float v : want) squares += double(v) * v;
    std::vector<reference::Expected> expected; // 1e-4 of the output's deviation, as the goldens' notes say
    for (float v : want) expected.push_back({v, 1e-4 * std::sqrt(squares / double(want.size()))});
    test::require_close(y, expected, "y");
    REQUIRE(state == read(kernel + variant + ".output.state"));
}
