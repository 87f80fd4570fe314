// SPDX-License-Identifier: Apache-2.0
// L5: the tower of Llama 4 (Meta 2025): patches and a class token with learned and rotary positions; squares of patches
// become rows.
#include "models/picture_parts.hpp"
#include "schedule/rotary_base.hpp"
#include <cmath>

namespace weft::detail::llama4_vision {
namespace {

constexpr double kEps = 1e-5;                                        // of the class: no config's key is read
constexpr kernel::Activation kActivation = kernel::Activation::gelu; // the same

struct Config {
    uint32_t layers, width, inner, merge, adapted, out;
    SquarePatches patches;
    Heads heads;
    double theta;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, c.has("num_hidden_layers") ? layer_count(c) : Result<uint32_t>(34));
    weft_ASSIGN(o.width, c.count_or("hidden_size", 768));
    weft_ASSIGN(o.inner, c.count_or("intermediate_size", 5632));
    weft_ASSIGN(o.heads, axial_heads(c, o.width, "num_attention_heads"));
    weft_ASSIGN(o.patches, read_square_patches(c, 14, 1, 1024));
    weft_ASSIGN(o.theta, axial_theta(c));
    weft_ASSIGN(const double ratio, c.number_or("pixel_shuffle_ratio", 0.5));
    o.merge = ratio > 0 && ratio <= 1 ? uint32_t(std::lround(1 / ratio)) : 0;
    if (!o.merge || o.merge > 64 || std::abs(o.merge * ratio - 1) > 1e-6)
        return c.bad("pixel_shuffle_ratio", "must be 1 divided by a whole number of at most 64");
    if (o.inner != uint64_t(o.width) * o.merge * o.merge) // one key for two sizes
        return c.bad("intermediate_size", "must be that of a square of patches side by side, hidden_size divided by "
                                          "pixel_shuffle_ratio twice");
    weft_ASSIGN(o.adapted, c.count_or("projector_input_dim", 4096));
    weft_ASSIGN(o.out, c.count_or("projector_output_dim", 4096));
    if (o.adapted != o.out) return c.bad("projector_output_dim", "must be projector_input_dim");
    return o;
}

// The first half of the pairs turns by the column, the second by the row, at the same frequencies.
Rope rope(Builder& builder, const Config& c) {
    std::vector<float> table = rotary_frequencies(c.theta, c.heads.head_size / 2);
    const auto half = uint32_t(table.size());
    table.insert(table.end(), table.begin(), table.end());
    for (uint32_t i = 0; i < 2 * half; ++i) table.push_back(i < half ? 1 : 0);
    return {.kind = RopeKind::pairs,
            .frequencies = builder.computed("axial frequencies", {2, 2 * half}, std::move(table)),
            .rotary = 4 * half,
            .axes = 2};
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    s.trained_context = c.patches.side * c.patches.side + 1;
    Builder builder(s, files, {""});
    const auto norm = [&](const std::string& name) { return builder.layer_norm(name, c.width, kEps); };
    PatchSpec patch;
    patch.grid = c.patches.grid;
    patch.weight = builder.matrix("patch_embedding.linear.weight", c.width, patch.grid.columns());
    patch.rows = patch_rows(builder, {"class_embedding"}, "patch_embedding.linear.bias", c.width);
    learned_positions(builder, patch, "positional_embedding_vlm", c.patches.side, c.width, true);
    Stage stage{.name = kVision,
                .rows = {.of = RowSpace::Of::patches, .input = kPixels},
                .width = c.width,
                .first = {{.read = {}, .branches = {{patch}}, .base = Base::none, .after = norm("layernorm_pre")}}};
    const Rope turned = rope(builder, c);
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = "model." + layer_name(i);
        AttentionSpec a = usual_attention(builder, at + "self_attn.", c.heads, c.width, true, true);
        a.causal = false;
        a.rope = turned;
        const MlpSpec m = plain_mlp(builder, at + "mlp.fc1", at + "mlp.fc2", c.width, c.inner, kActivation);
        stage.layers.push_back({{{.pre = norm(at + "input_layernorm"), .branches = {{a}}},
                                 {.pre = norm(at + "post_attention_layernorm"), .branches = {{m}}}}});
    }
    const StreamId normed = add_normed(stage, norm("layernorm_post"));
    s.stages.push_back(std::move(stage));
    // Both products have the activation behind them.
    const std::string mlp = "vision_adapter.mlp.";
    Stage adapter = merged_rows({.name = "adapter",
                                 .stream = normed,
                                 .merge = c.merge,
                                 .first = builder.linear(mlp + "fc1", c.adapted, c.inner),
                                 .second = builder.linear(mlp + "fc2", c.out, c.out),
                                 .activation = kActivation});
    adapter.first.back().branches[0].op.as<LinearSpec>()->activation = kActivation;
    s.stages.push_back(std::move(adapter));
    s.outputs.push_back({kLastHidden, 1});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"llama4_vision_model"},
                                "Llama 4's tower",
                                "a class token, learned and rotary positions; squares of patches become rows",
                                schedule,
                                {},
                                {},
                                {{"hidden_act", "no class reads it"},
                                 {"norm_eps", "no class reads it"},
                                 {"vision_output_dim", "projector_output_dim says"},
                                 {"vision_feature_select_strategy", "no class reads it"},
                                 {"multi_modal_projector_bias", "no class reads it"},
                                 {"projector_dropout", "training"}}};

} // namespace weft::detail::llama4_vision
