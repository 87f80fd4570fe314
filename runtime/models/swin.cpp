// SPDX-License-Identifier: Apache-2.0
// L5: Swin Transformer (Liu et al. 2021): windows of patches, shifted in every other layer, and stages between which
// patches are merged two by two.
#include "layers/merge.hpp"
#include "models/encoder_parts.hpp"
#include <cmath>

namespace weft::detail::swin {
namespace {

constexpr ViewId kWindows = 1, kShifted = 2;
constexpr uint32_t kMostStages = 8;

struct Config {
    uint32_t width, window, stages;
    SquarePatches patches;
    std::vector<uint32_t> depths, heads; // of each stage
    double eps, ratio;
    bool qkv_bias;
    kernel::Activation activation;
};

Result<std::vector<uint32_t>> counts(const JsonObject& c, const std::string& key, uint32_t most) {
    weft_ASSIGN(const auto numbers, c.numbers(key));
    std::vector<uint32_t> all;
    for (const double n : numbers) {
        if (!(n >= 1 && n <= most && n == std::floor(n)))
            return c.bad(key, "must hold counts from 1 to " + std::to_string(most));
        all.push_back(uint32_t(n));
    }
    if (all.empty() || all.size() > kMostStages)
        return c.bad(key, "must have 1 to " + std::to_string(kMostStages) + " entries");
    return all;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.width, c.count_or("embed_dim", 96));
    weft_ASSIGN(o.depths, counts(c, "depths", kMostLayers));
    weft_ASSIGN(o.heads, counts(c, "num_heads", 65536));
    o.stages = uint32_t(o.depths.size());
    if (o.heads.size() != o.stages) return c.bad("num_heads", "must have as many entries as depths");
    weft_ASSIGN(o.patches, read_square_patches(c, 4, 0, 4096));
    weft_ASSIGN(o.window, c.count_or("window_size", 7));
    if (o.window > 256) return c.bad("window_size", "must be at most 256");
    if (o.width > (1u << 16)) return c.bad("embed_dim", "must be at most 2^16");
    for (uint32_t i = 0; i < o.stages; ++i)
        if ((o.width << i) % o.heads[i]) return c.bad("num_heads", "must divide the widths of the stages");
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", 1e-5));
    weft_ASSIGN(o.ratio, c.number_or("mlp_ratio", 4));
    if (!(o.ratio > 0 && o.ratio <= 64)) return c.bad("mlp_ratio", "must be above 0 and at most 64");
    weft_ASSIGN(o.qkv_bias, c.boolean_or("qkv_bias", true));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    weft_ASSIGN(const bool absolute, c.boolean_or("use_absolute_embeddings", false));
    if (absolute) return c.bad("use_absolute_embeddings", "is true; weft reads Swin with biases by distance alone");
    return o;
}

class Maker {
public:
    Maker(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    void run() {
        for (uint32_t i = 0; i < c_.stages; ++i) {
            Stage stage = i == 0 ? patches() : merged(i);
            stage.views = {{.name = "windows", .window = c_.window},
                           {.name = "shifted windows", .window = c_.window, .shift = c_.window / 2}};
            for (uint32_t layer = 0; layer < c_.depths[i]; ++layer) stage.layers.push_back(make_layer(i, layer));
            s_.stages.push_back(std::move(stage));
        }
    }
    uint32_t width(uint32_t stage) const { return c_.width << stage; }
    Norm norm(const std::string& name, uint32_t wide) { return builder_.layer_norm(name, wide, c_.eps); }

private:
    Stage patches() {
        PatchSpec patch;
        patch.grid = c_.patches.grid;
        const std::string projection = "embeddings.patch_embeddings.projection.";
        patch.weight = picture_weight(builder_, projection + "weight", c_.width, patch.grid);
        patch.rows = patch_rows(builder_, {}, projection + "bias", c_.width);
        return {
            .name = "stage 0",
            .rows = {.of = RowSpace::Of::patches, .input = kPixels},
            .width = c_.width,
            .first = {
                {.read = {}, .branches = {{patch}}, .base = Base::none, .after = norm("embeddings.norm", c_.width)}}};
    }

    Stage merged(uint32_t i) {
        const std::string at = "encoder.layers." + std::to_string(i - 1) + ".downsample.";
        const uint32_t four = 4 * width(i - 1);
        return {.name = "stage " + std::to_string(i),
                .rows = {.of = RowSpace::Of::merged, .from = i - 1},
                .width = width(i),
                .streams = {{"merged", four}},
                .first = {{.read = {}, .branches = {{MergeSpec{true}}}, .write = 1, .base = Base::none},
                          {.read = {1},
                           .pre = norm(at + "norm", four),
                           .branches = {{LinearSpec{builder_.linear(at + "reduction", width(i), four)}}},
                           .base = Base::none}}};
    }

    Layer make_layer(uint32_t stage, uint32_t layer) {
        const std::string at = "encoder.layers." + std::to_string(stage) + ".blocks." + std::to_string(layer) + ".";
        const std::string self = at + "attention.self.";
        const uint32_t wide = width(stage), heads = c_.heads[stage], side = 2 * c_.window - 1;
        AttentionSpec a = Heads{heads, heads, wide / heads}.attention();
        a.causal = false;
        a.bias_side = side;
        a.bias = bias(self + "relative_position_bias_table", heads, side);
        a.qkv = builder_.stacked_linear(
            self + "qkv", {{self + "query", wide}, {self + "key", wide}, {self + "value", wide}}, wide, c_.qkv_bias);
        a.out = builder_.linear(at + "attention.output.dense", wide, wide, true);
        const MlpSpec m = plain_mlp(builder_, at + "intermediate.dense", at + "output.dense", wide,
                                    uint32_t(c_.ratio * wide), c_.activation);
        return {
            {{.view = layer % 2 ? kShifted : kWindows, .pre = norm(at + "layernorm_before", wide), .branches = {{a}}},
             {.pre = norm(at + "layernorm_after", wide), .branches = {{m}}}}};
    }

    // In files [distances, heads].
    WeightId bias(const std::string& name, uint32_t heads, uint32_t side) {
        const WeightPiece piece{
            .names = builder_.names(name), .file_shape = {uint64_t(side) * side, heads}, .order = kTransposed};
        return builder_.add({name, {heads, side, side}, false, {piece}, {}, {}});
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    s.trained_context = c.patches.side * c.patches.side;
    Builder builder(s, files, {"swin.", ""});
    Maker maker(s, builder, c);
    maker.run();
    // The mean is of normed rows.
    const uint32_t wide = maker.width(c.stages - 1);
    const StreamId normed = add_normed(s.stages.back(), maker.norm("layernorm", wide));
    weft_ASSIGN(const uint32_t labels, label_count(config, builder, "classifier.weight"));
    if (!labels) {
        s.outputs.push_back({kLastHidden, c.stages - 1, normed});
        return s;
    }
    add_classifier(s, RowSpace::Of::mean, {}, builder.linear("classifier", labels, wide, true));
    s.stages.back().rows.stream = normed;
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"swin"},
    "Swin Transformer",
    "pictures: shifted windows, biases by distance, patches merged between stages",
    schedule,
    {},
    {},
    {{"encoder_stride", "training"},
     {"drop_path_rate", "training"},
     {"hidden_size", "follows from embed_dim and depths"},
     {"num_layers", "depths says"},
     {"path_norm", "no class reads it"},
     {"out_features", "backbones read it"},
     {"out_indices", "backbones read it"},
     {"stage_names", "backbones read it"}},
    {{"*relative_position_index", "follows from window_size"}, {"*attn_mask", "follows from window_size"}}};

} // namespace weft::detail::swin
