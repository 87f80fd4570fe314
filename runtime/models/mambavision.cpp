// SPDX-License-Identifier: Apache-2.0
// L5: MambaVision (Hatamizadeh & Kautz 2024): two levels of convolutions, then two of windows in which scans come first
// and attention last.
#include "layers/downsample.hpp"
#include "models/scan_parts.hpp"
#include <cmath>

namespace weft::detail::mambavision {
namespace {

constexpr uint32_t kLevels = 4, kConvolved = 2; // of which so many are convolutions
constexpr double kStemEps = 1e-4, kEps = 1e-5;
constexpr ViewId kWindows = 1;

struct Config {
    uint32_t channels, stem, width, classes;
    uint32_t depths[kLevels], heads[kLevels], windows[kLevels], strides[2];
    double ratio;
    uint32_t patches; // of the first convolution, of a picture of the config's size
    bool qkv_bias, scaled, scaled_convolutions;
    uint32_t wide(uint32_t level) const { return width << level; }
};

template <size_t N>
Status read_counts(const JsonObject& c, const std::string& key, uint32_t most, uint32_t (&counts)[N]) {
    weft_ASSIGN(const auto numbers, c.numbers(key));
    if (numbers.size() != N) return c.bad(key, "must have " + std::to_string(N) + " entries");
    for (size_t i = 0; i < N; ++i) {
        if (!(numbers[i] >= 1 && numbers[i] <= most && numbers[i] == std::floor(numbers[i])))
            return c.bad(key, "must hold counts from 1 to " + std::to_string(most));
        counts[i] = uint32_t(numbers[i]);
    }
    return Ok{};
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_TRY(read_counts(c, "depths", kMostLayers, o.depths));
    weft_TRY(read_counts(c, "num_heads", 65536, o.heads));
    weft_TRY(read_counts(c, "window_size", 256, o.windows));
    weft_ASSIGN(o.width, c.count("dim"));
    weft_ASSIGN(o.stem, c.count("in_dim"));
    if (o.width > 8192 || o.stem > 8192) return c.bad(o.width > 8192 ? "dim" : "in_dim", "must be at most 8192");
    for (uint32_t i = kConvolved; i < kLevels; ++i)
        if (o.wide(i) % o.heads[i]) return c.bad("num_heads", "must divide the widths of the levels");
    weft_ASSIGN(o.channels, c.count_or("in_chans", 3));
    weft_ASSIGN(o.classes, c.count_or("num_classes", 1000));
    weft_ASSIGN(o.ratio, c.number("mlp_ratio"));
    if (!(o.ratio > 0 && o.ratio <= 64)) return c.bad("mlp_ratio", "must be above 0 and at most 64");
    weft_ASSIGN(o.qkv_bias, c.boolean_or("qkv_bias", true));
    if (c.has("qk_scale") && c.json()["qk_scale"] != false)
        return c.bad("qk_scale", "must be null: norms of q and k are not read");
    o.strides[0] = o.strides[1] = 2;
    if (c.has("stem_strides")) weft_TRY(read_counts(c, "stem_strides", 16, o.strides));
    weft_ASSIGN(const uint32_t picture, c.count_or("resolution", 224));
    const uint32_t side = (picture - 1) / o.strides[0] + 1;
    if (side > 4096) return c.bad("resolution", "must be at most 4096 patches a side");
    o.patches = side * side;
    o.scaled = c.has("layer_scale");
    o.scaled_convolutions = c.has("layer_scale_conv");
    return o;
}

class Maker {
public:
    Maker(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    void run() {
        stem();
        for (uint32_t i = 0; i < kLevels; ++i) {
            if (i > 0) {
                const Linear l = window_linear(builder_, level(i - 1) + "downsample.reduction.0", c_.wide(i),
                                               c_.wide(i - 1), 3, false);
                convolved(name_of(i), c_.wide(i), 2, DownsampleSpec{l.weight, l.bias});
            }
            if (i < kConvolved) {
                for (uint32_t k = 0; k < c_.depths[i]; ++k) s_.stages.back().layers.push_back(convolution(i, k));
            } else windows(i);
        }
    }
    // Behind all levels, of the mean of their rows.
    ConvolveSpec last_norm() { return batch_norm(builder_, "norm", c_.wide(kLevels - 1), kEps); }

private:
    void stem() {
        const std::string at = "patch_embed.conv_down.";
        PatchSpec patch;
        patch.grid.channels = c_.channels;
        patch.grid.patch_y = patch.grid.patch_x = 3;
        patch.grid.stride_y = patch.grid.stride_x = c_.strides[0];
        patch.grid.pad_y = patch.grid.pad_x = 1;
        const Linear first = builder_.folded({at + "0", {c_.stem, c_.channels, 3, 3}}, at + "1", kStemEps);
        patch.weight = first.weight;
        patch.rows = first.bias;
        s_.weights[patch.rows].shape = {1, c_.stem};
        patch.activation = kernel::Activation::relu;
        s_.stages.push_back({.name = "stem",
                             .rows = {.of = RowSpace::Of::patches, .input = kPixels},
                             .width = c_.stem,
                             .first = {{.read = {}, .branches = {{patch}}, .base = Base::none}}});
        const Linear second = builder_.folded({at + "3", {c_.width, c_.stem, 3, 3}, kWindowOrder}, at + "4", kStemEps);
        convolved(name_of(0), c_.width, c_.strides[1],
                  DownsampleSpec{second.weight, second.bias, kernel::Activation::relu});
    }
    void convolved(const std::string& name, uint32_t width, uint32_t stride, const DownsampleSpec& convolution) {
        s_.stages.push_back({.name = name,
                             .rows = window_rows(last(), 3, stride, 1),
                             .width = width,
                             .first = {{.read = {}, .branches = {{convolution}}, .base = Base::none}}});
    }

    Layer convolution(uint32_t i, uint32_t k) {
        Stage& stage = s_.stages.back();
        const std::string at = block(i, k);
        if (stage.streams.empty()) stage.streams = {{"convolved", stage.width}};
        const auto made = [&](const std::string& n, kernel::Activation activation, const std::string& scale) {
            const Linear l = builder_.folded({at + "conv" + n, {stage.width, stage.width, 3, 3}, kWindowOrder},
                                             at + "norm" + n, kEps, true, scale);
            ConvolveSpec conv;
            conv.taps = conv.taps_across = 3;
            conv.pad = conv.pad_across = 1;
            conv.in = conv.out = stage.width;
            conv.weight = l.weight;
            conv.bias = l.bias;
            conv.activation = activation;
            return conv;
        };
        return {{{.branches = {{made("1", kernel::Activation::gelu_tanh, "")}}, .write = 1, .base = Base::none},
                 {.read = {1},
                  .branches = {{made("2", kernel::Activation::none, c_.scaled_convolutions ? at + "gamma" : "")}}}}};
    }

    // Rows of zeros complete the windows, and take part in all that the level computes.
    void windows(uint32_t i) {
        const uint32_t width = c_.wide(i), side = c_.windows[i];
        const StageId from = last();
        Stage stage{.name = name_of(i) + ", windows",
                    .rows = {.of = RowSpace::Of::padded, .from = from, .down = side, .across = side},
                    .width = width,
                    .views = {{.name = "windows", .window = side}}};
        for (uint32_t k = 0; k < c_.depths[i]; ++k) {
            const std::string at = block(i, k);
            const bool scans = k < (c_.depths[i] + 1) / 2;
            const auto norm = [&](const std::string& name) { return builder_.layer_norm(at + name, width, kEps); };
            MlpSpec m;
            m.gated = false;
            m.inner = uint32_t(c_.ratio * width);
            m.activation = kernel::Activation::gelu;
            const Op mixer = scans ? Op(scan(at, width)) : Op(attention(at, width, c_.heads[i]));
            const Norm first = norm("norm1"), second = norm("norm2");
            m.in = builder_.linear(at + "mlp.fc1", m.inner, width, true);
            m.out = scaled(at, "mlp.fc2", "gamma_2", width, m.inner, true);
            stage.layers.push_back(
                {{{.view = kWindows, .pre = first, .branches = {{mixer}}}, {.pre = second, .branches = {{m}}}}});
        }
        s_.stages.push_back(std::move(stage));
        s_.stages.push_back({.name = name_of(i) + ", without zeros",
                             .rows = {.of = RowSpace::Of::padded, .from = last(), .down = 1, .across = 1},
                             .width = width});
    }
    Linear scaled(const std::string& at, const std::string& name, const std::string& gamma, uint32_t out, uint32_t in,
                  bool bias) {
        return scaled_linear(builder_, at + name, out, in, bias, 1, c_.scaled ? at + gamma : "");
    }
    CrossScanSpec scan(const std::string& block, uint32_t width) {
        const std::string at = block + "mixer.";
        Mamba1Sizes m{.inner = width / 2, .state_size = 8, .rank = (width + 15) / 16, .taps = 3};
        CrossScanSpec scan;
        scan.inner = m.inner;
        scan.state_size = m.state_size;
        scan.rank = m.rank;
        scan.gate = ScanGate::columns;
        scan.in = builder_.linear(at + "in_proj", width, width);
        scan.conv = depthwise(builder_, {{at + "conv1d_x", at + "conv1d_z"}, m.inner, m.taps});
        ScanDirection d;
        d.x = builder_.linear(at + "x_proj", m.rank + 2 * m.state_size, m.inner);
        d.dt = builder_.linear(at + "dt_proj", m.inner, m.rank);
        // The model adds the bias in the projection and in the scan.
        d.parameters = scan_parameters(
            builder_, at + "A, D, dt bias", m,
            {.a_log = at + "A_log", .d = at + "D", .dt_bias = at + "dt_proj.bias", .dt_bias_factor = 2});
        scan.directions = {d};
        scan.out = scaled(block, "mixer.out_proj", "gamma_1", width, width, false);
        return scan;
    }
    AttentionSpec attention(const std::string& at, uint32_t width, uint32_t heads) {
        AttentionSpec a = Heads{heads, heads, width / heads}.attention();
        a.causal = false;
        a.qkv = builder_.linear(at + "mixer.qkv", 3 * width, width, c_.qkv_bias);
        a.out = scaled(at, "mixer.proj", "gamma_1", width, width, true);
        return a;
    }

    StageId last() const { return StageId(s_.stages.size()) - 1; }
    static std::string name_of(uint32_t i) { return "level " + std::to_string(i); }
    static std::string level(uint32_t i) { return "levels." + std::to_string(i) + "."; }
    static std::string block(uint32_t i, uint32_t k) { return level(i) + "blocks." + std::to_string(k) + "."; }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    s.trained_context = c.patches;
    Maker maker(s, builder, c);
    maker.run();
    const ConvolveSpec norm = maker.last_norm();
    const uint32_t width = c.wide(kLevels - 1);
    add_classifier(s, RowSpace::Of::mean, {}, builder.linear("head", c.classes, width, true));
    s.stages.back().first.insert(s.stages.back().first.begin(), {.branches = {{norm}}, .base = Base::none});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"mambavision"},
    "MambaVision",
    "pictures: convolutions with their norms in one, scans and attention in windows",
    schedule,
    {},
    {},
    {{"drop_path_rate", "training"}, {"drop_rate", "training"}, {"attn_drop_rate", "training"}},
    {{"*num_batches_tracked", "training"}}};

} // namespace weft::detail::mambavision
