// SPDX-License-Identifier: Apache-2.0
// L5: DINOv2 (Oquab et al. 2023): a ViT whose blocks are scaled channel by channel; classified by the class token and
// the mean of the patches.
#include "layers/pool.hpp"
#include "models/encoder_parts.hpp"

namespace weft::detail::dinov2 {
namespace {

struct Config {
    uint32_t layers, width, inner;
    SquarePatches patches;
    Heads heads;
    double eps;
    bool qkv_bias, gated;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, c.has("num_hidden_layers") ? layer_count(c) : Result<uint32_t>(12));
    weft_ASSIGN(o.width, c.count_or("hidden_size", 768));
    weft_ASSIGN(o.heads, heads_of_width(c, o.width));
    weft_ASSIGN(const double ratio, c.number_or("mlp_ratio", 4));
    if (!(ratio > 0 && ratio <= 64)) return c.bad("mlp_ratio", "must be above 0 and at most 64");
    weft_ASSIGN(o.gated, c.boolean_or("use_swiglu_ffn", false));
    const auto inner = uint32_t(ratio * o.width); // of a gated block two thirds of it, in eights
    o.inner = o.gated ? (uint32_t(inner * 2.0 / 3) + 7) / 8 * 8 : inner;
    weft_ASSIGN(o.patches, read_square_patches(c, 14, 1, 1024));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", 1e-6));
    weft_ASSIGN(o.qkv_bias, c.boolean_or("qkv_bias", true));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    return o;
}

class Maker {
public:
    Maker(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    Stage patches() {
        PatchSpec patch;
        patch.grid = c_.patches.grid;
        const std::string at = "embeddings.", projection = at + "patch_embeddings.projection.";
        patch.weight = picture_weight(builder_, projection + "weight", c_.width, patch.grid);
        patch.rows = patch_rows(builder_, {at + "cls_token"}, projection + "bias", c_.width);
        learned_positions(builder_, patch, at + "position_embeddings", c_.patches.side, c_.width);
        return {.name = kEncoder,
                .rows = {.of = RowSpace::Of::patches, .input = kPixels},
                .width = c_.width,
                .first = {{.read = {}, .branches = {{patch}}, .base = Base::none}}};
    }
    Layer layer(uint32_t i) {
        const std::string at = "encoder.layer." + std::to_string(i) + ".", mlp = at + "mlp.";
        AttentionSpec a = picture_attention(builder_, at + "attention.attention.", at + "attention.output.dense",
                                            c_.heads, c_.width, c_.qkv_bias);
        MlpSpec m = c_.gated ? gated_mlp(mlp)
                             : plain_mlp(builder_, mlp + "fc1", mlp + "fc2", c_.width, c_.inner, c_.activation);
        scale(a.out, at + "layer_scale1.lambda1");
        scale(m.out, at + "layer_scale2.lambda1");
        return {{{.pre = norm(at + "norm1"), .branches = {{a}}}, {.pre = norm(at + "norm2"), .branches = {{m}}}}};
    }
    Norm norm(const std::string& name) { return builder_.layer_norm(name, c_.width, c_.eps); }

private:
    // The gate's rows before the others, in files of one tensor or of two.
    MlpSpec gated_mlp(const std::string& at) {
        const bool apart = builder_.has(at + "gate_proj.weight");
        MlpSpec m;
        m.inner = c_.inner;
        m.in = apart ? builder_.stacked_linear(
                           at + "gate_up", {{at + "gate_proj", c_.inner}, {at + "up_proj", c_.inner}}, c_.width, true)
                     : builder_.linear(at + "weights_in", 2 * c_.inner, c_.width, true);
        m.out = builder_.linear(apart ? at + "down_proj" : at + "weights_out", c_.width, c_.inner, true);
        return m;
    }
    // A product's results, each times its own number.
    void scale(const Linear& product, const std::string& name) {
        for (const WeightId id : {product.weight, product.bias})
            s_.weights[id].pieces[0].rescale = {.times = builder_.names(name)};
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

// In files one matrix over the class token and the mean of the patches side by side.
void add_head(Schedule& s, Builder& builder, StreamId normed, uint32_t labels, uint32_t width) {
    Stage& head = add_pooled(s, kHead, normed);
    constexpr StreamId kMean = 1, kResult = 2;
    head.streams = {{"mean", width}, {kLogits, labels}};
    head.first = {{.read = {}, .branches = {{PoolSpec{.skip = 1}}}, .write = kMean, .base = Base::none},
                  {.read = {kResidual, kMean},
                   .join = Join::columns,
                   .branches = {{LinearSpec{builder.linear("classifier", labels, 2 * width, true)}}},
                   .write = kResult,
                   .base = Base::none}};
    s.outputs.push_back({kLogits, 1, kResult});
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    s.trained_context = c.patches.side * c.patches.side + 1;
    Builder builder(s, files, {"dinov2.", ""});
    Maker maker(s, builder, c);
    s.stages.push_back(maker.patches());
    for (uint32_t i = 0; i < c.layers; ++i) s.stages[0].layers.push_back(maker.layer(i));
    const StreamId normed = add_normed(s.stages[0], maker.norm("layernorm"));
    weft_ASSIGN(const uint32_t labels, label_count(config, builder, "classifier.weight"));
    if (labels) {
        add_head(s, builder, normed, labels, c.width);
        return s;
    }
    s.outputs.push_back({kLastHidden, 0, normed});
    add_pooled(s, "pooler", normed);
    s.outputs.push_back({kPooled, 1});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"dinov2"},
                                "DINOv2",
                                "pictures of any size: blocks scaled channel by channel; classified by two poolings",
                                schedule,
                                {},
                                {},
                                {{"layerscale_value", "training"},
                                 {"drop_path_rate", "training"},
                                 {"use_mask_token", "training"},
                                 {"apply_layernorm", "backbones read it"},
                                 {"reshape_hidden_states", "backbones read it"},
                                 {"out_features", "backbones read it"},
                                 {"out_indices", "backbones read it"},
                                 {"stage_names", "backbones read it"}},
                                {{"*mask_token", "training"}}};

} // namespace weft::detail::dinov2
