// SPDX-License-Identifier: Apache-2.0
// L5: ViT (Dosovitskiy et al. 2020): patches of a picture and a class token through a pre-norm encoder; the class token
// is classified. DeiT (Touvron et al. 2020): beside it a second token, which learned from a teacher, and has a
// classifier of its own.
#include "layers/identity.hpp"
#include "layers/pool.hpp"
#include "models/encoder_parts.hpp"
#include <algorithm>

namespace weft::detail::vit {
namespace {

// What the two config classes disagree on.
struct Class {
    const char *type, *prefix;
    std::vector<std::string> extra; // rows before the patches
};
const Class kClasses[] = {{"vit", "vit.", {"cls_token"}}, {"deit", "deit.", {"cls_token", "distillation_token"}}};

struct Config {
    uint32_t layers, width, inner;
    SquarePatches patches;
    Heads heads;
    double eps;
    bool qkv_bias;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.heads, heads_of_width(c, o.width));
    weft_ASSIGN(o.inner, c.count("intermediate_size"));
    weft_ASSIGN(o.patches, read_square_patches(c, 16, uint32_t(k.extra.size()), 1024));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", 1e-12));
    weft_ASSIGN(o.qkv_bias, c.boolean_or("qkv_bias", true));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    return o;
}

Stage patches(Builder& builder, const Config& c, const Class& k) {
    PatchSpec patch;
    patch.grid = c.patches.grid;
    const std::string at = "embeddings.", projection = at + "patch_embeddings.projection.";
    patch.weight = picture_weight(builder, projection + "weight", c.width, patch.grid);
    std::vector<std::string> extra;
    for (const std::string& name : k.extra) extra.push_back(at + name);
    patch.rows = patch_rows(builder, extra, projection + "bias", c.width);
    learned_positions(builder, patch, at + "position_embeddings", c.patches.side, c.width);
    return {.name = kEncoder,
            .rows = {.of = RowSpace::Of::patches, .input = kPixels},
            .width = c.width,
            .first = {{.read = {}, .branches = {{patch}}, .base = Base::none}}};
}

// The mean of what two classifiers say, one of the class token, the other of the token behind it.
void add_two_heads(Schedule& s, StreamId normed, const Linear& of_class, const Linear& of_teacher) {
    Stage& head = add_pooled(s, kHead, normed);
    constexpr StreamId kSecond = 1, kOfClass = 2, kOfTeacher = 3, kMean = 4;
    head.streams = {{"distilled", head.width},
                    {"cls_logits", of_class.out},
                    {"distillation_logits", of_class.out},
                    {kLogits, of_class.out}};
    head.first = {{.read = {}, .branches = {{PoolSpec{.skip = 1, .most = 1}}}, .write = kSecond, .base = Base::none},
                  {.branches = {{LinearSpec{of_class}}}, .write = kOfClass, .base = Base::none},
                  {.read = {kSecond}, .branches = {{LinearSpec{of_teacher}}}, .write = kOfTeacher, .base = Base::none},
                  {.read = {kOfClass, kOfTeacher},
                   .branches = {{IdentitySpec{}}},
                   .write = kMean,
                   .base = Base::none,
                   .residual_scale = 0.5f}};
    const StageId id = StageId(s.stages.size()) - 1;
    for (const StreamId stream : {kMean, kOfClass, kOfTeacher})
        s.outputs.push_back({head.streams[stream - 1].name, id, stream});
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config, k));
    Schedule s;
    s.trained_context = c.patches.side * c.patches.side + uint32_t(k.extra.size());
    Builder builder(s, files, {k.prefix, ""});
    const auto norm = [&](const std::string& name) { return builder.layer_norm(name, c.width, c.eps); };
    s.stages.push_back(patches(builder, c, k));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string layer = "encoder.layer." + std::to_string(i) + ".";
        const AttentionSpec a = picture_attention(builder, layer + "attention.attention.",
                                                  layer + "attention.output.dense", c.heads, c.width, c.qkv_bias);
        const MlpSpec m =
            plain_mlp(builder, layer + "intermediate.dense", layer + "output.dense", c.width, c.inner, c.activation);
        s.stages[0].layers.push_back({{{.pre = norm(layer + "layernorm_before"), .branches = {{a}}},
                                       {.pre = norm(layer + "layernorm_after"), .branches = {{m}}}}});
    }
    weft_ASSIGN(const auto classes, classes_of(config));
    const bool two = files.tensors().empty()
                         ? std::ranges::any_of(classes, [](const auto& name) { return name.ends_with("WithTeacher"); })
                         : k.extra.size() > 1 && builder.has("cls_classifier.weight");
    weft_ASSIGN(const uint32_t labels,
                label_count(config, builder, two ? "cls_classifier.weight" : "classifier.weight"));
    if (labels && !two) {
        add_classifier(s, RowSpace::Of::first, norm("layernorm"), builder.linear("classifier", labels, c.width, true));
        return s;
    }
    const StreamId normed = add_normed(s.stages[0], norm("layernorm"));
    if (two) {
        const Linear of_class = builder.linear("cls_classifier", labels, c.width, true);
        add_two_heads(s, normed, of_class, builder.linear("distillation_classifier", labels, c.width, true));
        return s;
    }
    s.outputs.push_back({kLastHidden, 0, normed});
    if (builder.has("pooler.dense.weight")) {
        weft_ASSIGN(uint32_t pooled, count_or_none(config, "pooler_output_size", 0));
        if (!pooled) pooled = c.width;
        weft_ASSIGN(const kernel::Activation activation, activation_of(config, "pooler_act", "tanh"));
        const Linear pooler = builder.linear("pooler.dense", pooled, c.width, true);
        Stage& stage = add_pooled(s, "pooler", normed);
        stage.streams = {{"pooled", pooled}};
        stage.first = {{.branches = {{LinearSpec{pooler, activation}}}, .write = 1, .base = Base::none}};
        s.outputs.push_back({kPooled, 1, 1});
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"vit", "deit"},
    "ViT, DeiT",
    "pictures of any size: patches and class tokens through an encoder, classified",
    schedule,
    {},
    {},
    {{"encoder_stride", "training"},
     {"pooler_output_size", "of a pooler, which is not there or not read"},
     {"pooler_act", "of a pooler, which is not there or not read"}},
    {{"*pooler.dense.*", "classifiers read the class token itself"}, {"*mask_token", "training"}}};

} // namespace weft::detail::vit
