// SPDX-License-Identifier: Apache-2.0
// L5: ViT (Dosovitskiy et al. 2020): patches of a picture and a class token through a pre-norm encoder; the class token
// is classified.
#include "layers/identity.hpp"
#include "layers/patch.hpp"
#include "models/encoder_parts.hpp"

namespace weft::detail::vit {
namespace {

struct Config {
    uint32_t layers, width, inner;
    SquarePatches patches;
    Heads heads;
    double eps;
    bool qkv_bias;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.heads, heads_of_width(c, o.width));
    weft_ASSIGN(o.inner, c.count("intermediate_size"));
    weft_ASSIGN(o.patches, read_square_patches(c, 16, 1, 1024));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", 1e-12));
    weft_ASSIGN(o.qkv_bias, c.boolean_or("qkv_bias", true));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    s.position_limit = s.trained_context = c.patches.side * c.patches.side + 1;
    Builder builder(s, files, {"vit.", ""});
    const auto norm = [&](const std::string& name) { return builder.layer_norm(name, c.width, c.eps); };
    PatchSpec patch;
    patch.grid = c.patches.grid;
    const std::string at = "embeddings.", projection = at + "patch_embeddings.projection.";
    patch.weight = picture_weight(builder, projection + "weight", c.width, patch.grid);
    patch.rows = patch_rows(builder, {at + "cls_token"}, projection + "bias", c.width);
    patch.positions = builder.matrix(at + "position_embeddings", s.position_limit, c.width);
    s.stages.push_back({.name = kEncoder,
                        .rows = {.of = RowSpace::Of::patches, .input = kPixels},
                        .width = c.width,
                        .first = {{.read = {}, .branches = {{patch}}, .base = Base::none}}});
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string layer = "encoder.layer." + std::to_string(i) + ".", self = layer + "attention.attention.";
        AttentionSpec a = c.heads.attention();
        a.causal = false;
        a.qkv = builder.stacked_linear(self + "qkv",
                                       {{self + "query", c.width}, {self + "key", c.width}, {self + "value", c.width}},
                                       c.width, c.qkv_bias);
        a.out = builder.linear(layer + "attention.output.dense", c.width, c.width, true);
        const MlpSpec m =
            plain_mlp(builder, layer + "intermediate.dense", layer + "output.dense", c.width, c.inner, c.activation);
        s.stages[0].layers.push_back({{{.pre = norm(layer + "layernorm_before"), .branches = {{a}}},
                                       {.pre = norm(layer + "layernorm_after"), .branches = {{m}}}}});
    }
    weft_ASSIGN(const uint32_t labels, label_count(config, builder, "classifier.weight"));
    if (!labels) {
        s.stages[0].last = {{.pre = norm("layernorm"), .branches = {{IdentitySpec{}}}, .base = Base::none}};
        s.outputs.push_back({kLastHidden, 0});
    } else
        add_classifier(s, RowSpace::Of::first, norm("layernorm"), builder.linear("classifier", labels, c.width, true));
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"vit"},
                                "ViT",
                                "pictures: patches and a class token through an encoder, classified",
                                schedule,
                                {},
                                {},
                                {{"encoder_stride", "training"},
                                 {"pooler_act", "no class for pictures reads it"},
                                 {"pooler_output_size", "no class for pictures reads it"}},
                                {{"*pooler.dense.*", "no class for pictures reads it"}}};

} // namespace weft::detail::vit
