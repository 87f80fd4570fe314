// SPDX-License-Identifier: Apache-2.0
// L5: Whisper (Radford et al. 2022): frames of a spectrogram through two convolutions and an encoder, and a decoder
// that writes what it hears.
#include "layers/downsample.hpp"
#include "layers/patch.hpp"
#include "layers/positions.hpp"
#include "models/seq2seq_parts.hpp"
#include "models/sound_parts.hpp"

namespace weft::detail::whisper {
namespace {

constexpr const char *kFrames = "frames", *kFeatures = "input_features";
constexpr uint32_t kTaps = 3, kStride = 2; // of both convolutions, of the second
constexpr uint32_t kMostPositions = 1u << 16;

struct Config {
    uint32_t width, mels, sources, targets;
    BartLayers layers;
    bool tied;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.width, c.count("d_model"));
    weft_ASSIGN(o.mels, c.count_or("num_mel_bins", 80));
    weft_ASSIGN(o.sources, c.count_or("max_source_positions", 1500));
    weft_ASSIGN(o.targets, c.count_or("max_target_positions", 448));
    if (o.mels > kMostPositions) return c.bad("num_mel_bins", "must be at most 2^16");
    if (o.sources > kMostPositions) return c.bad("max_source_positions", "must be at most 2^16");
    o.layers = {.width = o.width, .pre_norm = true, .k_bias = false};
    weft_ASSIGN(o.layers.encoder, read_bart_stack(c, "encoder", o.width));
    weft_ASSIGN(o.layers.decoder, read_bart_stack(c, "decoder", o.width));
    weft_ASSIGN(o.layers.activation, activation_of(c, "activation_function", "gelu"));
    weft_ASSIGN(o.tied, c.boolean_or("tie_word_embeddings", true));
    return o;
}

// Whatever the layers' activation is, the convolutions' is GELU.
void add_encoder(Schedule& s, Builder& builder, const Config& c) {
    PatchSpec patch;
    patch.input = kFeatures;
    patch.grid = sound_grid(c.mels, {.taps = kTaps, .pad = kTaps / 2});
    patch.weight = picture_weight(builder, "encoder.conv1.weight", c.width, patch.grid);
    patch.rows = patch_rows(builder, {}, "encoder.conv1.bias", c.width);
    patch.activation = kernel::Activation::gelu;
    s.stages.push_back({.name = kFrames,
                        .rows = {.of = RowSpace::Of::patches, .input = kFeatures},
                        .when = When::once,
                        .width = c.width,
                        .first = {{.read = {}, .branches = {{patch}}, .base = Base::none}}});
    DownsampleSpec second;
    second.weight = convolution(builder, {"encoder.conv2.weight", {c.width, c.width, kTaps}});
    second.bias = builder.vector("encoder.conv2.bias", {c.width});
    second.activation = kernel::Activation::gelu;
    PositionsSpec positions{c.sources, builder.vector("encoder.embed_positions.weight", {c.sources, c.width})};
    s.stages.push_back(
        {.name = kEncoder,
         .rows = merged_frames(0, {.taps = kTaps, .stride = kStride, .pad = kTaps / 2}),
         .when = When::once,
         .width = c.width,
         .first = {{.read = {}, .branches = {{second}}, .base = Base::none}, {.read = {}, .branches = {{positions}}}}});
    s.stages.back().rows.most = c.sources;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    s.position_limit = s.trained_context = c.targets;
    weft_TRY(read_seq2seq(config, s, 50257));
    Builder builder(s, files, {"model.", ""});
    add_encoder(s, builder, c);
    const std::string shared = "decoder.embed_tokens.weight";
    const WeightId table = builder.matrix(shared, s.vocabulary, c.width);
    const Linear logits{head_matrix(builder, s, table, shared, "proj_out.weight", c.width, c.tied), kNoWeight, c.width,
                        s.vocabulary};
    add_answering_decoder(s, c.width, table, logits);
    embedding_of(s).positions = builder.vector("decoder.embed_positions.weight", {c.targets, c.width});
    add_bart_layers(s, builder, c.layers);
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"whisper"},
    "Whisper",
    "sound: frames of a spectrogram through convolutions and an encoder, cross attention, text",
    schedule,
    {},
    {},
    {{"*layerdrop", "training"},
     {"apply_spec_augment", "training"},
     {"mask_*", "training"},
     {"scale_embedding", "no class reads it"},
     {"median_filter_width", "times of words alone are made with it"},
     {"classifier_proj_size", "of classifiers"},
     {"use_weighted_layer_sum", "of classifiers"}}};

} // namespace weft::detail::whisper
