// SPDX-License-Identifier: Apache-2.0
// L5: the tower of Pixtral (Agrawal et al. 2024): patches of pictures of any size, with rotary positions down and
// across.
#include "layers/patch.hpp"
#include "models/picture_parts.hpp"
#include "schedule/rotary_base.hpp"

namespace weft::detail::pixtral {
namespace {

constexpr double kEps = 1e-5; // of the class: no config says it

struct Config {
    uint32_t layers, width, inner;
    SquarePatches patches;
    Heads heads;
    double theta;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, c.has("num_hidden_layers") ? layer_count(c) : Result<uint32_t>(24));
    weft_ASSIGN(o.width, c.count_or("hidden_size", 1024));
    weft_ASSIGN(o.inner, c.count_or("intermediate_size", 4096));
    weft_ASSIGN(o.heads, axial_heads(c, o.width, "num_attention_heads"));
    weft_ASSIGN(o.patches, read_square_patches(c, 16, 0, 4096));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    weft_ASSIGN(o.theta, axial_theta(c));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {""});
    PatchSpec patch;
    patch.grid = c.patches.grid;
    patch.weight = picture_weight(builder, "patch_conv.weight", c.width, patch.grid);
    Stage stage{.name = kVision,
                .rows = {.of = RowSpace::Of::patches, .input = kPixels},
                .width = c.width,
                .first = {{.read = {},
                           .branches = {{patch}},
                           .base = Base::none,
                           .after = builder.rms("ln_pre.weight", c.width, kEps)}}};
    // Of the usual frequencies every other one turns by the row, the others by the column.
    const std::vector<float> usual = rotary_frequencies(c.theta, c.heads.head_size);
    std::vector<float> frequencies;
    for (const size_t axis : {0, 1})
        for (size_t i = axis; i < usual.size(); i += 2) frequencies.push_back(usual[i]);
    const Rope rope = axial_rope(builder, std::move(frequencies));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = "transformer." + layer_name(i);
        AttentionSpec a = usual_attention(builder, at + "attention.", c.heads, c.width, false, false, rope.rotary);
        a.causal = false;
        a.rope = rope;
        const MlpSpec m = usual_mlp(builder, at + "feed_forward.", c.width, c.inner, c.activation);
        stage.layers.push_back({{{.pre = builder.rms(at + "attention_norm.weight", c.width, kEps), .branches = {{a}}},
                                 {.pre = builder.rms(at + "ffn_norm.weight", c.width, kEps), .branches = {{m}}}}});
    }
    s.stages.push_back(std::move(stage));
    s.outputs.push_back({kLastHidden, 0});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    .model_types = {"pixtral"},
    .title = "Pixtral's tower",
    .traits = "pictures of any size, rotary positions down and across",
    .schedule = schedule,
    .keys_not_read = {{"head_dim", "hidden_size and num_attention_heads say"},
                      {"vocab_size", "pictures have no vocabulary"}},
    .pictures = PictureText{
        .mark = "[IMG]", .alone = "[IMG]", .each = "[IMG]", .line_end = "[IMG_BREAK]", .after = "[IMG_END]"}};

} // namespace weft::detail::pixtral
