// SPDX-License-Identifier: Apache-2.0
// L5: Audio Spectrogram Transformer (Gong et al. 2021): patches of a spectrogram, which overlap, with two tokens before
// them through an encoder; the mean of the two is classified. Of Hugging Face's files and of the original release.
#include "layers/patch.hpp"
#include "layers/pool.hpp"
#include "models/encoder_parts.hpp"

namespace weft::detail::ast {
namespace {

constexpr uint32_t kTokensBefore = 2;

// What the two kinds of files disagree on.
struct Class {
    const char *type, *input;
    const char *width, *layers, *heads, *mels, *frames, *frequency_stride, *time_stride; // keys
    double eps, head_eps;                                                                // 0: layer_norm_eps says
    // Names.
    std::vector<std::string> extra;
    const char *projection, *positions, *layer, *norms[2], *attention_out, *up, *down, *norm, *head_norm, *head;
};
const Class kClasses[] = {{"audio-spectrogram-transformer",
                           "input_values",
                           "hidden_size",
                           "num_hidden_layers",
                           "num_attention_heads",
                           "num_mel_bins",
                           "max_length",
                           "frequency_stride",
                           "time_stride",
                           0,
                           0,
                           {"embeddings.cls_token", "embeddings.distillation_token"},
                           "embeddings.patch_embeddings.projection",
                           "embeddings.position_embeddings",
                           "encoder.layer.",
                           {"layernorm_before", "layernorm_after"},
                           "attention.output.dense",
                           "intermediate.dense",
                           "output.dense",
                           "layernorm",
                           "classifier.layernorm",
                           "classifier.dense"},
                          {"ast",
                           "fbank",
                           "embed_dim",
                           "depth",
                           "num_heads",
                           "input_fdim",
                           "input_tdim",
                           "fstride",
                           "tstride",
                           1e-6,
                           1e-5,
                           {"v.cls_token", "v.dist_token"},
                           "v.patch_embed.proj",
                           "v.pos_embed",
                           "v.blocks.",
                           {"norm1", "norm2"},
                           "attn.proj",
                           "mlp.fc1",
                           "mlp.fc2",
                           "v.norm",
                           "mlp_head.0",
                           "mlp_head.1"}};

struct Config {
    const Class& kind;
    bool original;
    uint32_t layers, width, inner;
    Heads heads;
    PatchGrid grid;
    double eps, head_eps;
    bool qkv_bias;
    kernel::Activation activation;
};

Result<PatchGrid> read_grid(const JsonObject& c, const Class& k, uint32_t patch) {
    PatchGrid grid;
    grid.channels = 1;
    grid.extra = kTokensBefore;
    grid.layout = PatchGrid::Layout::columns; // frames of a spectrogram, whose mels go down
    grid.patch_y = grid.patch_x = patch;
    weft_ASSIGN(grid.stride_y, c.count_or(k.frequency_stride, 10));
    weft_ASSIGN(grid.stride_x, c.count_or(k.time_stride, 10));
    weft_ASSIGN(const uint32_t mels, c.count_or(k.mels, 128));
    weft_ASSIGN(const uint32_t frames, c.count_or(k.frames, 1024));
    if (!grid.sane() || mels > (1u << 16) || frames > (1u << 16))
        return c.bad(k.frames, "and " + std::string(k.mels) +
                                   ", strides and patches must be at most 2^16, and a patch "
                                   "have at most 2^24 numbers");
    if (!grid.takes(mels, frames)) return c.bad(k.frames, "and " + std::string(k.mels) + " must have room for a patch");
    grid.only_down = grid.down(mels);
    grid.only_across = grid.across(frames);
    return grid;
}

Result<Config> read(const JsonObject& c) {
    const Class& k = class_of(kClasses, c);
    Config o{.kind = k, .original = &k != &kClasses[0]};
    weft_ASSIGN(o.width, c.count_or(k.width, 768));
    weft_ASSIGN(o.layers, c.count_or(k.layers, 12));
    if (o.layers > kMostLayers) return c.bad(k.layers, "must be at most " + std::to_string(kMostLayers));
    weft_ASSIGN(const uint32_t heads, c.count_or(k.heads, 12));
    if (o.width % heads) return c.bad(k.heads, "must divide " + std::string(k.width));
    o.heads = {heads, heads, o.width / heads};
    weft_TRY(check_heads(c, o.heads, k.heads, k.heads));
    uint32_t patch = 16;
    o.inner = 4 * o.width;
    o.eps = k.eps;
    o.head_eps = k.head_eps;
    o.qkv_bias = true;
    o.activation = kernel::Activation::gelu;
    if (!o.original) {
        weft_ASSIGN(patch, c.count_or("patch_size", 16));
        weft_ASSIGN(o.inner, c.count_or("intermediate_size", 3072));
        weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", 1e-12));
        o.head_eps = o.eps;
        weft_ASSIGN(o.qkv_bias, c.boolean_or("qkv_bias", true));
        weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    }
    weft_ASSIGN(o.grid, read_grid(c, k, patch));
    return o;
}

Layer make_layer(Builder& builder, const Config& c, uint32_t i) {
    const Class& k = c.kind;
    const std::string at = k.layer + std::to_string(i) + ".", self = at + "attention.attention.";
    const auto norm = [&](const std::string& name) { return builder.layer_norm(at + name, c.width, c.eps); };
    AttentionSpec a = c.heads.attention();
    a.causal = false;
    if (c.original) a.qkv = builder.linear(at + "attn.qkv", 3 * c.width, c.width, true);
    else
        a.qkv = builder.stacked_linear(self + "qkv",
                                       {{self + "query", c.width}, {self + "key", c.width}, {self + "value", c.width}},
                                       c.width, c.qkv_bias);
    a.out = builder.linear(at + k.attention_out, c.width, c.width, true);
    const MlpSpec m = plain_mlp(builder, at + k.up, at + k.down, c.width, c.inner, c.activation);
    return {{{.pre = norm(k.norms[0]), .branches = {{a}}}, {.pre = norm(k.norms[1]), .branches = {{m}}}}};
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    const Class& k = c.kind;
    Schedule s;
    s.position_limit = s.trained_context = c.grid.only_down * c.grid.only_across + kTokensBefore;
    Builder builder(s, files, {"audio_spectrogram_transformer.", "module.", ""});
    const std::string projection = k.projection;
    PatchSpec patch;
    patch.input = k.input;
    patch.grid = c.grid;
    patch.weight = picture_weight(builder, projection + ".weight", c.width, patch.grid);
    patch.rows = patch_rows(builder, k.extra, projection + ".bias", c.width);
    patch.positions = builder.vector(k.positions, {s.position_limit, c.width});
    s.stages.push_back({.name = kEncoder,
                        .rows = {.of = RowSpace::Of::patches, .input = k.input},
                        .width = c.width,
                        .first = {{.read = {}, .branches = {{patch}}, .base = Base::none}}});
    for (uint32_t i = 0; i < c.layers; ++i) s.stages[0].layers.push_back(make_layer(builder, c, i));
    const StreamId normed = add_normed(s.stages[0], builder.layer_norm(k.norm, c.width, c.eps));
    const std::string head = k.head;
    uint32_t labels = 0;
    if (c.original) {
        weft_ASSIGN(labels, config.count_or("label_dim", 527));
    } else {
        weft_ASSIGN(labels, label_count(config, builder, head + ".weight"));
    }
    if (!labels) {
        s.outputs.push_back({kLastHidden, 0, normed});
        return s;
    }
    Stage& pooled = add_pooled(s, kHead, normed);
    pooled.streams = {{kLogits, labels}};
    pooled.first = {{.read = {}, .branches = {{PoolSpec{.most = kTokensBefore}}}, .base = Base::none},
                    {.pre = builder.layer_norm(k.head_norm, c.width, c.head_eps),
                     .branches = {{LinearSpec{builder.linear(head, labels, c.width, true)}}},
                     .write = 1,
                     .base = Base::none}};
    s.outputs.push_back({kLogits, 1, 1});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"audio-spectrogram-transformer", "ast"},
                                "AST",
                                "sound: overlapping patches of a spectrogram with two tokens, whose mean is classified",
                                schedule,
                                {},
                                {},
                                {{"imagenet_pretrain", "training"},
                                 {"audioset_pretrain", "training"},
                                 {"model_size", "embed_dim, depth and num_heads say"}},
                                {{"v.head*", "of the model that it was made from"}}};

} // namespace weft::detail::ast
