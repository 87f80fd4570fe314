// SPDX-License-Identifier: Apache-2.0
// L5: wav2vec 2.0 (Baevski et al. 2020): samples through a chain of convolutions, of which the first or all are normed,
// and an encoder whose positions are a convolution; letters for every frame (CTC).
#include "layers/convolve.hpp"
#include "layers/downsample.hpp"
#include "layers/identity.hpp"
#include "layers/patch.hpp"
#include "layers/sequence_norm.hpp"
#include "models/encoder_parts.hpp"
#include "models/sound_parts.hpp"
#include <cmath>

namespace weft::detail::wav2vec2 {
namespace {

constexpr const char* kSamples = "input_values";
constexpr StreamId kFeatures = 1; // of the encoder: what the last convolution leaves
constexpr double kFeatureEps = 1e-5;
constexpr size_t kMostConvolutions = 64;

struct Feature {
    uint32_t width, taps, stride;
};
struct Config {
    std::vector<Feature> features;
    uint32_t layers, width, inner, position_taps, position_groups;
    Heads heads;
    double eps;
    bool conv_bias, pre_norm;
    bool norm_all; // every convolution, over its channels; else the first alone, over time
    kernel::Activation activation, feature_activation;
};

Result<std::vector<Feature>> read_features(const JsonObject& c) {
    const char* keys[] = {"conv_dim", "conv_kernel", "conv_stride"};
    const std::vector<double> otherwise[] = {
        std::vector<double>(7, 512), {10, 3, 3, 3, 3, 2, 2}, {5, 2, 2, 2, 2, 2, 2}};
    std::vector<Feature> all;
    for (size_t k = 0; k < 3; ++k) {
        std::vector<double> numbers = otherwise[k];
        if (c.has(keys[k])) {
            weft_ASSIGN(numbers, c.numbers(keys[k]));
        }
        if (k == 0) all.resize(numbers.size());
        if (numbers.size() != all.size() || all.empty() || all.size() > kMostConvolutions)
            return c.bad(keys[k],
                         "must have as many entries as conv_dim, from 1 to " + std::to_string(kMostConvolutions));
        for (size_t i = 0; i < all.size(); ++i) {
            if (!(numbers[i] >= 1 && numbers[i] <= 4096 && numbers[i] == std::floor(numbers[i])))
                return c.bad(keys[k], "must hold counts from 1 to 4096");
            (k == 0 ? all[i].width : k == 1 ? all[i].taps : all[i].stride) = uint32_t(numbers[i]);
        }
    }
    weft_ASSIGN(const uint32_t count, c.count_or("num_feat_extract_layers", uint32_t(all.size())));
    if (count != all.size()) return c.bad("num_feat_extract_layers", "must be the number of entries of conv_dim");
    return all;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.features, read_features(c));
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.heads, heads_of_width(c, o.width));
    weft_ASSIGN(o.inner, c.count("intermediate_size"));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", 1e-5));
    weft_ASSIGN(o.position_taps, c.count_or("num_conv_pos_embeddings", 128));
    weft_ASSIGN(o.position_groups, c.count_or("num_conv_pos_embedding_groups", 16));
    if (o.position_taps > 4096) return c.bad("num_conv_pos_embeddings", "must be at most 4096");
    if (o.width % o.position_groups) return c.bad("num_conv_pos_embedding_groups", "must divide hidden_size");
    weft_ASSIGN(o.conv_bias, c.boolean_or("conv_bias", false));
    weft_ASSIGN(o.pre_norm, c.boolean_or("do_stable_layer_norm", false));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    weft_ASSIGN(o.feature_activation, activation_of(c, "feat_extract_activation", "gelu"));
    weft_ASSIGN(const std::string norm, c.string_or("feat_extract_norm", "group"));
    if (norm != "group" && norm != "layer") return c.bad("feat_extract_norm", "must be group or layer, is " + norm);
    o.norm_all = norm == "layer";
    weft_ASSIGN(const bool adapter, c.boolean_or("add_adapter", false));
    if (adapter) return c.bad("add_adapter", "is true; weft reads wav2vec 2.0 without adapters");
    if (c.has("adapter_attn_dim") && !c.json()["adapter_attn_dim"].is_null())
        return c.bad("adapter_attn_dim", "is given; weft reads wav2vec 2.0 without adapters");
    return o;
}

class Maker {
public:
    Maker(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    void run() {
        for (uint32_t i = 0; i < c_.features.size(); ++i) features(i);
        Stage& encoder = s_.stages.back();
        encoder.first.push_back({.read = {kFeatures},
                                 .pre = norm("feature_projection.layer_norm", c_.features.back().width, c_.eps),
                                 .branches = {{LinearSpec{builder_.linear("feature_projection.projection", c_.width,
                                                                          c_.features.back().width, true)}}},
                                 .base = Base::none});
        encoder.first.push_back({.branches = {{positions()}}});
        if (!c_.pre_norm) encoder.first.back().after = norm("encoder.layer_norm", c_.width, c_.eps);
        for (uint32_t i = 0; i < c_.layers; ++i) encoder.layers.push_back(layer("encoder." + layer_name(i)));
    }
    /// Of the encoder's rows, behind the layers.
    Norm last_norm() { return c_.pre_norm ? norm("encoder.layer_norm", c_.width, c_.eps) : Norm{}; }

private:
    Norm norm(const std::string& name, uint32_t width, double eps) { return builder_.layer_norm(name, width, eps); }

    // A convolution, what it is normed by, and its activation. The last one's rows are the encoder's.
    void features(uint32_t i) {
        const Feature& f = c_.features[i];
        const bool last = i + 1 == c_.features.size();
        const std::string at = "feature_extractor.conv_layers." + std::to_string(i) + ".", bias = at + "conv.bias";
        const TimeConv conv{f.taps, f.stride};
        Stage stage{.name = last ? kEncoder : "features " + std::to_string(i), .width = last ? c_.width : f.width};
        const StreamId write = last ? kFeatures : kResidual;
        if (last) stage.streams = {{"features", f.width}};
        const bool over_time = !c_.norm_all && i == 0, normed = c_.norm_all || over_time;
        const auto activation = normed ? kernel::Activation::none : c_.feature_activation;
        Block block{.read = {}, .write = write, .base = Base::none};
        if (i == 0) {
            PatchSpec patch;
            patch.input = kSamples;
            patch.grid = sound_grid(1, conv);
            patch.weight = picture_weight(builder_, at + "conv.weight", f.width, patch.grid);
            if (c_.conv_bias) patch.rows = patch_rows(builder_, {}, bias, f.width);
            patch.activation = activation;
            stage.rows = {.of = RowSpace::Of::patches, .input = kSamples};
            block.branches = {{patch}};
        } else {
            DownsampleSpec down;
            down.weight = convolution(builder_, {at + "conv.weight", {f.width, c_.features[i - 1].width, f.taps}});
            if (c_.conv_bias) down.bias = builder_.vector(bias, {f.width});
            down.activation = activation;
            stage.rows = merged_frames(i - 1, conv);
            block.branches = {{down}};
        }
        stage.first = {block};
        Block activated{.read = {write}, .write = write, .base = Base::none};
        if (c_.norm_all) {
            activated.pre = norm(at + "layer_norm", f.width, kFeatureEps);
            activated.branches = {{IdentitySpec{c_.feature_activation}}};
        } else if (over_time)
            activated.branches = {{SequenceNormSpec{builder_.vector(at + "layer_norm.weight", {f.width}),
                                                    builder_.vector(at + "layer_norm.bias", {f.width}),
                                                    float(kFeatureEps), c_.feature_activation}}};
        if (normed) stage.first.push_back(activated);
        s_.stages.push_back(std::move(stage));
    }

    ConvolveSpec positions() {
        const std::string at = "encoder.pos_conv_embed.conv";
        ConvolveSpec o;
        o.line = true;
        o.taps_across = c_.position_taps;
        o.pad_across = c_.position_taps / 2;
        o.groups = c_.position_groups;
        o.in = o.out = c_.width;
        o.activation = c_.feature_activation;
        o.bias = builder_.vector(at + ".bias", {c_.width});
        Builder::Rows rows{at, {c_.width, c_.width / o.groups, o.taps_across}, kTransposed};
        o.weight = builder_.weight_normed(rows, 2);
        return o;
    }

    Layer layer(const std::string& at) {
        const std::string self = at + "attention.", feed = at + "feed_forward.";
        const uint32_t w = c_.width;
        AttentionSpec a = c_.heads.attention();
        a.causal = false;
        a.qkv = builder_.stacked_linear(self + "qkv",
                                        {{self + "q_proj", w}, {self + "k_proj", w}, {self + "v_proj", w}}, w, true);
        a.out = builder_.linear(self + "out_proj", w, w, true);
        const MlpSpec m =
            plain_mlp(builder_, feed + "intermediate_dense", feed + "output_dense", w, c_.inner, c_.activation);
        Layer layer{{{.branches = {{a}}}, {.branches = {{m}}}}};
        const char* norms[] = {"layer_norm", "final_layer_norm"};
        for (size_t i = 0; i < 2; ++i)
            (c_.pre_norm ? layer.blocks[i].pre : layer.blocks[i].after) = norm(at + norms[i], w, c_.eps);
        return layer;
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"wav2vec2.", ""});
    Maker maker(s, builder, c);
    maker.run();
    Stage& encoder = s.stages.back();
    const StageId id = StageId(s.stages.size()) - 1;
    weft_ASSIGN(const auto classes, classes_of(config));
    const bool letters =
        files.tensors().empty()
            ? std::ranges::any_of(classes, [](const std::string& name) { return name.ends_with("ForCTC"); })
            : builder.has("lm_head.weight");
    if (!letters) {
        s.outputs.push_back({kLastHidden, id, c.pre_norm ? add_normed(encoder, maker.last_norm()) : kResidual});
        return s;
    }
    weft_ASSIGN(const uint32_t vocabulary, config.count_or("vocab_size", 32));
    encoder.streams.push_back({kLogits, vocabulary});
    const StreamId logits = StreamId(encoder.streams.size());
    encoder.last.push_back({.pre = maker.last_norm(),
                            .branches = {{LinearSpec{builder.linear("lm_head", vocabulary, c.width, true)}}},
                            .write = logits,
                            .base = Base::none});
    s.outputs.push_back({kLogits, id, logits});
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"wav2vec2"},
    "wav2vec 2.0",
    "sound: samples through convolutions, a norm over time, grouped convolutions as positions, letters for frames "
    "(CTC)",
    schedule,
    {},
    {},
    {{"layerdrop", "training"},
     {"apply_spec_augment", "training"},
     {"mask_*", "training"},
     {"ctc_*", "training"},
     {"*_dropout", "training"},
     {"codevector_dim", "training"},
     {"num_codevector*", "training"},
     {"num_negatives", "training"},
     {"proj_codevector_dim", "training"},
     {"contrastive_logits_temperature", "training"},
     {"diversity_loss_weight", "training"},
     {"adapter_kernel_size", "of adapters"},
     {"adapter_stride", "of adapters"},
     {"num_adapter_layers", "of adapters"},
     {"output_hidden_size", "of adapters"},
     {"classifier_proj_size", "of classifiers"},
     {"use_weighted_layer_sum", "of classifiers"},
     {"tdnn_*", "of speakers"},
     {"xvector_output_dim", "of speakers"}},
    {{"*masked_spec_embed", "training"}, {"quantizer.*", "training"}, {"project_*", "training"}}};

} // namespace weft::detail::wav2vec2
