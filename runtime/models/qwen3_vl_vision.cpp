// SPDX-License-Identifier: Apache-2.0
// L5: the tower of Qwen3-VL (Bai et al. 2025): learned positions stretched over pictures of any size, rotary ones down
// and across; squares of patches become rows of the decoder's width, those of some layers too (DeepStack).
#include "layers/identity.hpp"
#include "layers/patch.hpp"
#include "models/picture_parts.hpp"
#include "schedule/rotary_base.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::qwen3_vl_vision {
namespace {

constexpr double kEps = 1e-6; // of the class: no config says it
constexpr const char* kDeepStack = "deepstack_visual_indexes";

struct Config {
    uint32_t layers, width, inner, out, merge, side, channels, times;
    PatchGrid grid;
    Heads heads;
    double theta;
    kernel::Activation activation;
    std::vector<uint32_t> deep; // the layers whose rows are merged too
};

// A picture is a film of as many equal frames as a patch is long: their channels stand side by side.
Status read_grid(const JsonObject& c, Config& o) {
    weft_ASSIGN(o.channels, c.count_or("in_channels", 3));
    weft_ASSIGN(o.times, c.count_or("temporal_patch_size", 2));
    weft_ASSIGN(const uint32_t patch, c.count_or("patch_size", 16));
    o.grid.patch_y = o.grid.patch_x = o.grid.stride_y = o.grid.stride_x = patch;
    if (uint64_t(o.channels) * o.times > 65536) return c.bad("temporal_patch_size", "is too large");
    o.grid.channels = o.channels * o.times;
    if (!o.grid.sane()) return c.bad("patch_size", "and in_channels must give patches of at most 2^24 numbers");
    return Ok{};
}

Result<std::vector<uint32_t>> read_deep(const JsonObject& c, uint32_t layers) {
    std::vector<double> numbers = {8, 16, 24};
    if (c.has(kDeepStack)) {
        weft_ASSIGN(numbers, c.numbers(kDeepStack));
    }
    std::vector<uint32_t> deep;
    for (const double n : numbers) {
        if (!(n >= 0 && n < layers) || n != std::floor(n) || (!deep.empty() && n <= deep.back()))
            return c.bad(kDeepStack,
                         "must be numbers of the " + std::to_string(layers) + " layers, each above the one before");
        deep.push_back(uint32_t(n));
    }
    return deep;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, c.has("depth") ? layer_count(c, "depth") : Result<uint32_t>(27));
    weft_ASSIGN(o.width, c.count_or("hidden_size", 1152));
    weft_ASSIGN(o.inner, c.count_or("intermediate_size", 4304));
    weft_ASSIGN(o.out, c.count_or("out_hidden_size", 3584));
    weft_ASSIGN(o.heads, axial_heads(c, o.width, "num_heads"));
    weft_TRY(read_grid(c, o));
    weft_ASSIGN(o.merge, c.count_or("spatial_merge_size", 2));
    if (o.merge > 64) return c.bad("spatial_merge_size", "must be at most 64");
    weft_ASSIGN(const uint32_t places, c.count_or("num_position_embeddings", 2304));
    o.side = uint32_t(std::sqrt(double(places)));
    if (o.side * o.side != places || o.side > 4096)
        return c.bad("num_position_embeddings", "must be a square of at most 4096 a side");
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu_pytorch_tanh"));
    weft_ASSIGN(o.theta, axial_theta(c));
    weft_ASSIGN(o.deep, read_deep(c, o.layers));
    return o;
}

WeightId patch_weight(Builder& builder, const Config& c, const std::string& name) {
    const uint32_t down = c.grid.patch_y;
    WeightSlot slot{name, {c.width, c.grid.columns()}, true, {}, {}, {}};
    if (!builder.gguf()) slot.pieces = {{builder.names(name), {c.width, c.channels, c.times, down, c.grid.patch_x}}};
    else // a tensor for each of the times
        for (uint32_t t = 0; t < c.times; ++t)
            slot.pieces.push_back({.names = builder.names(t ? name + "." + std::to_string(t) : name),
                                   .file_shape = {c.width, c.channels, down, c.grid.patch_x},
                                   .to = rows_of_groups(c.width * c.channels, c.times * down, t * down, down)});
    return builder.add(std::move(slot));
}

// Layers, each of which may leave its rows to be merged.
Stage layers(Builder& builder, const Config& c) {
    Stage stage{.name = kVision, .rows = {.of = RowSpace::Of::patches, .input = kPixels}, .width = c.width};
    const auto norm = [&](const std::string& name) { return builder.layer_norm(name, c.width, kEps); };
    // The first half of the pairs turns by the row, the second by the column, at the same frequencies.
    std::vector<float> frequencies = rotary_frequencies(c.theta, c.heads.head_size / 2);
    frequencies.insert(frequencies.end(), frequencies.begin(), frequencies.end());
    const Rope rope = axial_rope(builder, std::move(frequencies));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = "blocks." + std::to_string(i) + ".";
        AttentionSpec a = c.heads.attention();
        a.causal = false;
        a.rope = rope;
        a.qkv = builder.linear(at + "attn.qkv", 3 * c.width, c.width, true);
        a.out = builder.linear(at + "attn.proj", c.width, c.width, true);
        const MlpSpec m =
            plain_mlp(builder, at + "mlp.linear_fc1", at + "mlp.linear_fc2", c.width, c.inner, c.activation);
        std::vector<Block> blocks = {{.pre = norm(at + "norm1"), .branches = {{a}}},
                                     {.pre = norm(at + "norm2"), .branches = {{m}}}};
        if (std::ranges::find(c.deep, i) != c.deep.end()) {
            stage.streams.push_back({"layer " + std::to_string(i), c.width});
            blocks.push_back(
                {.branches = {{IdentitySpec{}}}, .write = StreamId(stage.streams.size()), .base = Base::none});
        }
        stage.layers.push_back({std::move(blocks)});
    }
    return stage;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {""});
    PatchSpec patch;
    patch.grid = c.grid;
    patch.weight = patch_weight(builder, c, "patch_embed.proj.weight");
    patch.rows = patch_rows(builder, {}, "patch_embed.proj.bias", c.width);
    patch.stretched = {builder.vector("pos_embed.weight", {c.side * c.side, c.width}), c.side};
    Stage stage = layers(builder, c);
    stage.first = {{.read = {}, .branches = {{patch}}, .base = Base::none}};
    // The rows of the last layer are normed before they are merged, the others' behind that.
    const uint32_t wide = c.width * c.merge * c.merge;
    const auto merged = [&](const std::string& name, const std::string& at, StreamId stream, const Norm& norm) {
        return merged_rows({.name = name,
                            .stream = stream,
                            .merge = c.merge,
                            .norm = norm,
                            .first = builder.linear(at + "linear_fc1", wide, wide, true),
                            .second = builder.linear(at + "linear_fc2", c.out, wide, true)});
    };
    stage.streams.push_back({"normed", c.width});
    stage.last = {{.pre = builder.layer_norm("merger.norm", c.width, kEps),
                   .branches = {{IdentitySpec{}}},
                   .write = StreamId(stage.streams.size()),
                   .base = Base::none}};
    const auto normed = StreamId(stage.streams.size());
    s.stages.push_back(std::move(stage));
    for (uint32_t i = 0; i < c.deep.size(); ++i) {
        // GGUF files have the layer's number.
        const std::string at = "deepstack_merger_list." + std::to_string(builder.gguf() ? c.deep[i] : i) + ".";
        s.stages.push_back(merged(deep_stack(i), at, StreamId(i + 1), builder.layer_norm(at + "norm", wide, kEps)));
        s.outputs.push_back({deep_stack(i), StageId(i + 1)});
    }
    s.stages.push_back(merged(kProjector, "merger.", normed, {}));
    s.outputs.push_back({kImageFeatures, StageId(c.deep.size() + 1)});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"qwen3_vl_vision"},
                                "Qwen3-VL's tower",
                                "learned positions stretched over pictures of any size; rows of several layers",
                                schedule};

} // namespace weft::detail::qwen3_vl_vision
