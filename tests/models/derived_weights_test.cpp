// SPDX-License-Identifier: Apache-2.0
// Weights that several tensors make: BatchNorm folded into a layer, weight norm, axes in another order. Each is loaded
// from a file and held against plain loops.
#include "harness/gpu.hpp"
#include "io/safetensors_writer.hpp"
#include "models/architecture.hpp"
#include "schedule/weights.hpp"
#include "unit/temporary_directory.hpp"
#include <cmath>
#include <map>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

using Tensors = std::map<std::string, std::pair<std::vector<uint64_t>, std::vector<float>>>;

// Numbers that look random, between -1 and 1.
std::vector<float> numbers(size_t count, uint32_t seed) {
    std::vector<float> all;
    for (size_t i = 0; i < count; ++i) {
        seed = seed * 1664525 + 1013904223;
        all.push_back(float(int32_t(seed)) / 2147483648.0f);
    }
    return all;
}

ModelFiles written(const TemporaryDirectory& folder, const Tensors& tensors) {
    folder.write("config.json", "{}");
    std::vector<TensorView> views;
    for (const auto& [name, t] : tensors)
        views.push_back({name, FileType::f32, t.first, std::as_bytes(std::span(t.second))});
    REQUIRE(write_safetensors(folder / "model.safetensors", views));
    auto files = ModelFiles::open(folder.path());
    REQUIRE(files);
    return std::move(*files);
}

std::vector<std::vector<float>> loaded(const Schedule& s, const ModelFiles& files) {
    const auto weights = DeviceWeights::load(gpu(), s.weights, files, WeightType::stored, {});
    INFO((weights ? "" : weights.error().text()));
    REQUIRE(weights);
    auto uploader = vk::Uploader::create(gpu());
    REQUIRE(uploader);
    std::vector<std::vector<float>> all;
    for (size_t i = 0; i < s.weights.size(); ++i) {
        const auto& parts = weights->all()[i].parts;
        REQUIRE((parts.size() == 1 && parts[0].dtype == DType::f32));
        std::vector<float> values(s.weights[i].count());
        REQUIRE(uploader->read(parts[0].slice, std::as_writable_bytes(std::span(values))));
        all.push_back(std::move(values));
    }
    require_no_validation_messages();
    return all;
}

void check_close(const std::vector<float>& got, const std::vector<double>& expected) {
    REQUIRE(got.size() == expected.size());
    double worst = 0;
    for (size_t i = 0; i < got.size(); ++i)
        worst = std::max(worst, std::abs(double(got[i]) - expected[i]) / (1e-3 + std::abs(expected[i])));
    CHECK(worst < 1e-7); // rounded once
}

constexpr uint32_t kOut = 5, kIn = 3, kHeight = 2, kWidth = 4, kEach = kIn * kHeight * kWidth;

// A convolution and the BatchNorm behind it.
Tensors convolution(bool bias) {
    Tensors t{{"conv.weight", {{kOut, kIn, kHeight, kWidth}, numbers(kOut * kEach, 1)}},
              {"bn.weight", {{kOut}, numbers(kOut, 2)}},
              {"bn.bias", {{kOut}, numbers(kOut, 3)}},
              {"bn.running_mean", {{kOut}, numbers(kOut, 4)}},
              {"bn.running_var", {{kOut}, numbers(kOut, 5)}}};
    for (float& v : t["bn.running_var"].second) v = v * v;
    if (bias) t["conv.bias"] = {{kOut}, numbers(kOut, 6)};
    return t;
}

} // namespace

TEST_CASE("a BatchNorm becomes part of the layer before it, with a bias or without", "[models]") {
    constexpr double kEps = 1e-4;
    for (const bool bias : {false, true})
        for (const bool channels_last : {false, true}) {
            INFO("bias " << bias << ", channels last " << channels_last);
            Tensors t = convolution(bias);
            const TemporaryDirectory folder;
            const ModelFiles files = written(folder, t);
            Schedule s;
            Builder builder(s, files, {"model.", ""});
            const std::vector<uint64_t> order =
                channels_last ? std::vector<uint64_t>{1, 2, 0} : std::vector<uint64_t>();
            const Linear l = builder.folded({"conv", {kOut, kIn, kHeight, kWidth}, order}, "bn", kEps, bias);
            CHECK((l.in == kEach && l.out == kOut));
            CHECK(s.weights[l.weight].shape == std::vector<uint32_t>{kOut, kEach});
            std::vector<double> weight, moved;
            for (uint32_t o = 0; o < kOut; ++o) {
                const double scale = double(t["bn.weight"].second[o]) /
                                     std::sqrt(double(t["bn.running_var"].second[o]) + double(float(kEps)));
                const auto at = [&](uint32_t c, uint32_t y, uint32_t x) {
                    return scale * double(t["conv.weight"].second[((o * kIn + c) * kHeight + y) * kWidth + x]);
                };
                if (channels_last)
                    for (uint32_t y = 0; y < kHeight; ++y)
                        for (uint32_t x = 0; x < kWidth; ++x)
                            for (uint32_t c = 0; c < kIn; ++c) weight.push_back(at(c, y, x));
                else
                    for (uint32_t c = 0; c < kIn; ++c)
                        for (uint32_t y = 0; y < kHeight; ++y)
                            for (uint32_t x = 0; x < kWidth; ++x) weight.push_back(at(c, y, x));
                const double own = bias ? double(t["conv.bias"].second[o]) : 0;
                moved.push_back((own - double(t["bn.running_mean"].second[o])) * scale +
                                double(t["bn.bias"].second[o]));
            }
            const auto got = loaded(s, files);
            check_close(got[l.weight], weight);
            check_close(got[l.bias], moved);
            CHECK(unused_tensors(s.weights, {}, files).empty());
        }
}

TEST_CASE("a weight norm along any axis of a weight, under both of its names", "[models]") {
    for (const bool now : {false, true})
        for (const uint32_t axis : {0u, 1u, 2u}) { // wav2vec 2.0 has it along the taps
            INFO("new names " << now << ", axis " << axis);
            const std::vector<uint64_t> shape{6, 4, 5};
            std::vector<uint64_t> lengths(3, 1);
            lengths[axis] = shape[axis];
            const std::string at = now ? "conv.parametrizations.weight.original" : "conv.weight_";
            const auto directions = numbers(6 * 4 * 5, 7), g = numbers(shape[axis], 8);
            const TemporaryDirectory folder;
            const ModelFiles files = written(
                folder, {{at + (now ? "0" : "g"), {lengths, g}}, {at + (now ? "1" : "v"), {shape, directions}}});
            Schedule s;
            Builder builder(s, files, {""});
            const WeightId plain = builder.weight_normed({"conv", {6, 4, 5}}, axis),
                           turned = builder.weight_normed({"conv", {6, 4, 5}, {2, 0, 1}}, axis);
            // Taps, then outputs, then inputs: not rows of outputs any more, but the same elements.
            std::vector<double> squares(shape[axis], 0), expected, in_order;
            const auto place = [&](uint32_t o, uint32_t i, uint32_t k) { return std::array{o, i, k}[axis]; };
            const auto element = [&](uint32_t o, uint32_t i, uint32_t k) {
                return double(directions[(o * 4 + i) * 5 + k]);
            };
            for (uint32_t o = 0; o < 6; ++o)
                for (uint32_t i = 0; i < 4; ++i)
                    for (uint32_t k = 0; k < 5; ++k) squares[place(o, i, k)] += element(o, i, k) * element(o, i, k);
            const auto value = [&](uint32_t o, uint32_t i, uint32_t k) {
                const uint32_t p = place(o, i, k);
                return element(o, i, k) * double(g[p]) / std::sqrt(squares[p]);
            };
            for (uint32_t o = 0; o < 6; ++o)
                for (uint32_t i = 0; i < 4; ++i)
                    for (uint32_t k = 0; k < 5; ++k) expected.push_back(value(o, i, k));
            for (uint32_t k = 0; k < 5; ++k)
                for (uint32_t o = 0; o < 6; ++o)
                    for (uint32_t i = 0; i < 4; ++i) in_order.push_back(value(o, i, k));
            const auto got = loaded(s, files);
            check_close(got[plain], expected);
            check_close(got[turned], in_order);
            CHECK(unused_tensors(s.weights, {}, files).empty());
        }
}

TEST_CASE("what a weight is rescaled with may be rows of a part, a factor alone, and zeros", "[models]") {
    // The last two of three channels, twice what they are; then zeros, to which something is added.
    const std::vector<float> bias{0.5f, -3, 8}, more{1, 2};
    const TemporaryDirectory folder;
    const ModelFiles files = written(folder, {{"b", {{3}, bias}}, {"more", {{2}, more}}, {"c", {{2}, {4, 5}}}});
    Schedule s;
    s.weights.push_back({"w",
                         {6},
                         false,
                         {{.names = {"b"}, .file_shape = {3}, .rows = {1, {{2}}}, .rescale = {.factor = 2}},
                          {.names = {"absent"},
                           .file_shape = {2},
                           .transform = WeightTransform::or_zeros,
                           .rescale = {.minus = {"more"}, .plus = {"more"}, .scale = {"more"}}},
                          {.names = {"more"},
                           .file_shape = {2},
                           .rescale = {.factor = 3, .minus = {"c"}, .plus = {"more"}, .scale = {"c"}}}},
                         {},
                         {}});
    // The scale is that of the sum: (3 (1 - 4) + 1) 4 and (3 (2 - 5) + 2) 5.
    CHECK(loaded(s, files)[0] == std::vector<float>{-6, 16, 0, 0, -32, -35});
}

TEST_CASE("a weight that cannot be rescaled is a problem that names the tensor and the rule", "[models]") {
    const auto problems = [](
                              const std::function<void(Tensors&)>& edit,
                              const std::function<void(WeightPiece&)>& change = [](WeightPiece&) {}) {
        Tensors t = convolution(false);
        edit(t);
        const TemporaryDirectory folder;
        const ModelFiles files = written(folder, t);
        Schedule s;
        const Linear l = Builder(s, files, {""}).folded({"conv", {kOut, kIn, kHeight, kWidth}}, "bn", 1e-5);
        change(s.weights[l.weight].pieces[0]);
        std::string all;
        for (const std::string& problem : check_weights(s.weights, files)) all += problem + "\n";
        return all;
    };
    const auto nothing = [](Tensors&) {};
    CHECK(problems(nothing) == "");
    CHECK(problems([](Tensors& t) { t.erase("bn.running_var"); }) ==
          "tensor 'bn.running_var' is missing (conv.weight)\ntensor 'bn.running_var' is missing (conv.bias)\n");
    CHECK(problems([](Tensors& t) {
              t["bn.bias"] = {{kOut + 1}, numbers(kOut + 1, 9)};
          }) == "tensor 'bn.bias' has shape [6], the config asks for [5] (conv.bias)\n");
    CHECK(problems(nothing, [](WeightPiece& p) { p.rescale.axis = 4; }) ==
          "conv.weight: the rescaling of 'conv.weight' must be along one of its 4 axes\n");
    CHECK(problems(nothing, [](WeightPiece& p) { p.rescale.normed = true; }) ==
          "conv.weight: the rescaling of 'conv.weight' must have a variance or be normed, not both\n");
    for (const std::vector<uint64_t>& order : {std::vector<uint64_t>{1, 1}, {0, 2}, {0, 1, 2, 3, 4}})
        CHECK(problems(nothing, [&](WeightPiece& p) { p.order = order; }) ==
              "conv.weight: order must name each of the last axes of 'conv.weight', which has 4, once\n");
}
