// SPDX-License-Identifier: Apache-2.0
// Convolutions over the rows of a stage, and stages whose rows are windows over those of another: against plain loops,
// for several pictures of different sizes in one step.
#include "base/random.hpp"
#include "io/safetensors_writer.hpp"
#include "schedule/pictures.hpp"
#include "schedule/schedule_text.hpp"
#include "schedule/small_models.hpp"
#include <algorithm>
#include <map>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

constexpr uint32_t kWidth = 8;

// Rows of a picture, line by line.
struct Rows {
    uint32_t down, across, width;
    std::vector<double> values;

    double at(int64_t y, int64_t x, uint32_t c) const {
        const bool inside = y >= 0 && y < int64_t(down) && x >= 0 && x < int64_t(across);
        return inside ? values[(size_t(y) * across + size_t(x)) * width + c] : 0;
    }
};

struct Window {
    uint32_t taps, taps_across, stride = 1, pad = 0, pad_across = 0, groups = 1;
};

// A model of a schedule with numbers that are known: a file beside it.
class Known {
public:
    explicit Known(const Json& json) {
        const Schedule schedule = read_schedule(json);
        std::vector<TensorView> tensors;
        Random random(11);
        for (const WeightSlot& slot : schedule.weights) {
            const auto& values = weights_[slot.name] = random.normals(slot.count(), 0.4);
            tensors.push_back({slot.name,
                               FileType::f32,
                               {slot.shape.begin(), slot.shape.end()},
                               std::as_bytes(std::span<const float>(values))});
        }
        REQUIRE(write_safetensors(folder_ / "model.safetensors", tensors));
        folder_.write("config.json", json.dump());
        model_ = load(folder_.path());
    }
    const std::shared_ptr<const LoadedModel>& model() const { return model_; }
    const std::vector<float>& weight(const std::string& name) const { return weights_.at(name); }

    // A convolution of `to` channels down x across places. The weight is [to, taps, x's channels of a group], or of
    // each channel by itself [taps, to].
    Rows convolved(const Rows& x, const std::string& name, const Window& w, Rows to) const {
        const auto &weight = weights_.at(name + ".weight"), &bias = weights_.at(name + ".bias");
        const bool itself = w.groups == x.width && to.width == x.width;
        const uint32_t in = x.width / w.groups, out = to.width / w.groups, taps = w.taps * w.taps_across;
        for (uint32_t i = 0; i < to.down * to.across; ++i)
            for (uint32_t o = 0; o < to.width; ++o) {
                double sum = bias[o];
                for (uint32_t t = 0; t < taps; ++t)
                    for (uint32_t c = 0; c < in; ++c)
                        sum += weight[itself ? t * to.width + o : (o * taps + t) * in + c] *
                               x.at(int64_t(i / to.across * w.stride + t / w.taps_across) - w.pad,
                                    int64_t(i % to.across * w.stride + t % w.taps_across) - w.pad_across,
                                    o / out * in + c);
                to.values.push_back(sum);
            }
        return to;
    }

private:
    TemporaryDirectory folder_;
    std::map<std::string, std::vector<float>> weights_;
    std::shared_ptr<const LoadedModel> model_;
};

struct Size {
    uint32_t down, across;
};

// Pictures of one channel, whose patches are their pixels.
std::vector<float> step(Session& s, const std::vector<Size>& sizes, std::vector<std::vector<float>>& pixels) {
    std::vector<Feed> feeds;
    for (size_t i = 0; i < sizes.size(); ++i)
        pixels.push_back(Random(20 + i).normals(size_t(sizes[i].down) * sizes[i].across));
    for (size_t i = 0; i < sizes.size(); ++i)
        feeds.push_back({.slot = uint32_t(i), .picture = {pixels[i], sizes[i].down, sizes[i].across}});
    return read_rows(s, feeds);
}

// What the patch op gives of one: a row for each pixel.
Rows patches(const Known& known, const Size& size, const std::vector<float>& pixels, uint32_t width) {
    Rows rows{size.down, size.across, width, {}};
    const auto &weight = known.weight("first.0.branches.0.weight"), &bias = known.weight("first.0.branches.0.rows");
    for (const float pixel : pixels)
        for (uint32_t c = 0; c < width; ++c) rows.values.push_back(double(pixel) * weight[c] + bias[c]);
    return rows;
}

// Of sums of so many products, with roundings as in tests/kernels/product_tolerance.hpp.
void require_close(const std::vector<float>& got, const std::vector<double>& due, uint32_t products) {
    REQUIRE(got.size() == due.size());
    double worst = 0, size = 0;
    for (size_t i = 0; i < due.size(); ++i) {
        worst = std::max(worst, std::abs(got[i] - due[i]));
        size = std::max(size, std::abs(due[i]));
    }
    CHECK(worst < 0x1p-24 * (6 * std::sqrt(double(products)) + 8) * size);
}

// A stage of pixels with one convolution behind them, whose fields are `fields`.
std::string of_pixels(const std::string& fields, uint32_t width = kWidth) {
    return R"({"weft_schedule": 2, "stages": [{"name": "pixels", "width": )" + std::to_string(width) +
           R"(, "rows": {"of": "patches"}, "first": [{"read": [], "base": "none",
           "branches": [{"op": "patch", "channels": 1, "patch": 1}]}],
           "layers": [{"blocks": [{"residual_scale": 0.5, "branches": [{"op": "convolve", )" +
           fields + R"(}]}]}]}], "outputs": [{"name": "rows", "stage": "pixels"}]})";
}

// ... and a stage whose rows are windows over them.
std::string windows(const std::string& rows, const std::string& op) {
    return R"({"weft_schedule": 2, "stages": [{"name": "pixels", "width": 8, "rows": {"of": "patches"},
           "first": [{"read": [], "base": "none", "branches": [{"op": "patch", "channels": 1, "patch": 1}]}]},
           {"name": "windows", "width": 5, "rows": {"of": "merged", "from": "pixels", )" +
           rows + R"(}, "first": [{"read": [], "base": "none", "branches": [)" + op +
           R"(]}]}], "outputs": [{"name": "rows", "stage": "windows"}]})";
}

const std::vector<Size> kSizes = {{5, 7}, {1, 1}, {1, 9}, {6, 1}, {4, 4}};

} // namespace

TEST_CASE("a convolution over rows of pictures is what a plain loop gives", "[schedule]") {
    const auto check = [&](const std::string& fields, const Window& w, uint32_t width = kWidth) {
        INFO(fields);
        const Json json = json_of(of_pixels(fields, width));
        const Known known(json);
        const auto s = make(known.model(), uint32_t(kSizes.size()), 256, 256);
        std::vector<std::vector<float>> pixels;
        const auto got = step(*s, kSizes, pixels);
        std::vector<double> due;
        for (size_t i = 0; i < kSizes.size(); ++i) {
            const Rows x = patches(known, kSizes[i], pixels[i], width);
            const Rows y = known.convolved(x, "layers.0.blocks.0.branches.0", w, {x.down, x.across, width, {}});
            for (size_t n = 0; n < x.values.size(); ++n) due.push_back(x.values[n] + 0.5 * y.values[n]);
        }
        require_close(got, due, w.taps * w.taps_across * width / w.groups);
        (void)require_round_trip(json);
    };
    check(R"("taps": 3)", {3, 3, 1, 1, 1});
    check(R"("taps": 2, "taps_across": 5, "pad": 0)", {2, 5, 1, 0, 2});
    check(R"("taps": 3, "groups": 8)", {3, 3, 1, 1, 1, 8});
    check(R"("taps": 3, "groups": 2)", {3, 3, 1, 1, 1, 2});
    check(R"("taps": 4, "taps_across": 6, "groups": 4)", {4, 6, 1, 2, 3, 4});
    // More columns than are unfolded at once.
    check(R"("taps": 9)", {9, 9, 1, 4, 4}, 40);
    test::require_no_validation_messages();
}

TEST_CASE("a convolution along a line goes through all rows of a sequence", "[schedule]") {
    const Json json = json_of(of_pixels(R"("line": true, "taps_across": 4, "groups": 2)"));
    const Known known(json);
    const auto s = make(known.model(), uint32_t(kSizes.size()), 256, 256);
    std::vector<std::vector<float>> pixels;
    const auto got = step(*s, kSizes, pixels);
    std::vector<double> due;
    for (size_t i = 0; i < kSizes.size(); ++i) {
        Rows x = patches(known, kSizes[i], pixels[i], kWidth);
        x.across *= std::exchange(x.down, 1);
        const Rows y =
            known.convolved(x, "layers.0.blocks.0.branches.0", {1, 4, 1, 0, 2, 2}, {1, x.across, kWidth, {}});
        for (size_t n = 0; n < x.values.size(); ++n) due.push_back(x.values[n] + 0.5 * y.values[n]);
    }
    require_close(got, due, 4 * kWidth / 2);
    (void)require_round_trip(json);
}

TEST_CASE("a stage of windows over another's rows is a convolution with their stride", "[schedule]") {
    const auto check = [&](const std::string& fields, const Window& w, const std::vector<Size>& sizes) {
        INFO(fields);
        const Json json = json_of(windows(fields, R"({"op": "downsample", "activation": "relu"})"));
        const Known known(json);
        const auto s = make(known.model(), uint32_t(sizes.size()), 64, 256);
        std::vector<std::vector<float>> pixels;
        const auto got = step(*s, sizes, pixels);
        std::vector<double> due;
        for (size_t i = 0; i < sizes.size(); ++i) {
            const uint32_t down = (sizes[i].down + 2 * w.pad - w.taps) / w.stride + 1,
                           across = (sizes[i].across + 2 * w.pad_across - w.taps_across) / w.stride + 1;
            const Rows y = known.convolved(patches(known, sizes[i], pixels[i], 8), "windows.first.0.branches.0", w,
                                           {down, across, 5, {}});
            for (const double v : y.values) due.push_back(std::max(v, 0.0));
        }
        require_close(got, due, w.taps * w.taps_across * 8);
        (void)require_round_trip(json);
    };
    check(R"("down": 3, "across": 3, "stride_down": 2, "stride_across": 2, "pad_down": 1, "pad_across": 1)",
          {3, 3, 2, 1, 1}, {{5, 7}, {2, 2}, {3, 1}});
    check(R"("down": 1, "across": 3, "stride_across": 2)", {1, 3, 2, 0, 0}, {{1, 31}, {1, 3}});
    check(R"("down": 2, "across": 2)", {2, 2, 2, 0, 0}, {{4, 6}, {3, 2}, {5, 7}});
    test::require_no_validation_messages();
}

TEST_CASE("many small pictures take the room that their windows need", "[schedule]") {
    // Each has one row and one window: as many windows as rows, though four rows are a window's share.
    const Known known(json_of(
        windows(R"("down": 3, "across": 3, "stride_down": 2, "stride_across": 2, "pad_down": 1, "pad_across": 1)",
                R"({"op": "downsample"})")));
    const std::vector<Size> sizes(8, {1, 1});
    std::vector<std::vector<float>> pixels;
    CHECK(step(*make(known.model(), 8, 32, 64), sizes, pixels).size() == 8 * 5);
    const auto narrow = make(known.model(), 8, 16, 16);
    std::vector<Feed> feeds;
    for (uint32_t i = 0; i < sizes.size(); ++i) feeds.push_back({.slot = i, .picture = {pixels[i], 1, 1}});
    const auto status = narrow->forward(feeds, Want::nothing);
    REQUIRE_FALSE(status);
    CHECK(status.error().message == "32 tokens were fed; where tokens see those behind them all come in one step, and "
                                    "those of this session hold at most 16");
}

TEST_CASE("convolutions that a stage has no place for are refused by name", "[schedule]") {
    const Json json = json_of(of_pixels(R"("taps": 3)"));
    const auto op = [](Json& j) -> Json& { return j["stages"][0]["layers"][0]["blocks"][0]["branches"][0]; };
    const std::string at = "a.json: key 'stages[0].layers[0].blocks[0].branches[0].";
    CHECK(refusal_of(json, [&](Json& j) { op(j)["groups"] = 3; }) ==
          at + "groups' must divide the channels that are read, and those that are written");
    CHECK(refusal_of(json, [&](Json& j) { op(j)["pad"] = 3; }) ==
          at + "taps' must be from 1 to 4096 each way, and more than the padding");
    CHECK(refusal_of(json, [&](Json& j) { op(j)["line"] = true; }) == at + "taps' must be 1 down a line");
    CHECK(refusal_of(json, [&](Json& j) { j["stages"][0]["first"][0]["branches"][0]["extra"] = 1; }) ==
          "a.json: stage 'pixels' is convolved, and the 1 rows before the patches of 'pixels' have no place in a "
          "picture");
    const Json merged = json_of(windows(R"("down": 3, "across": 3, "pad_down": 1)", R"({"op": "downsample"})"));
    CHECK(refusal_of(merged, [&](Json& j) { j["stages"][1]["rows"]["pad_down"] = 3; }) ==
          "a.json: key 'stages[1].rows.down' must be at most 4096, as strides are, and larger than the padding");
    const auto s = make(
        random_model_of(windows(R"("down": 3, "across": 3, "stride_down": 1)", R"({"op": "downsample"})")), 1, 64, 64);
    const std::vector<float> pixels(8);
    const Feed feed{.slot = 0, .picture = {pixels, 4, 2}};
    const auto status = s->forward({&feed, 1}, Want::nothing);
    REQUIRE_FALSE(status);
    CHECK(status.error().message == "slot 0: a picture of 4 x 2 is too small: it has no rows in stage 'windows'");
}
