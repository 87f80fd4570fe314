// SPDX-License-Identifier: Apache-2.0
// L5: BART (Lewis et al. 2019) and its kin: an encoder and a decoder with absolute positions. mBART (Liu et al. 2020)
// and M2M-100 (Fan et al. 2020; NLLB, 2022) have their norms before the blocks, the latter computed positions.
#include "models/seq2seq_parts.hpp"
#include <cmath>

namespace weft::detail::bart {
namespace {

// What the config classes disagree on.
struct Class {
    const char* type;
    bool pre_norm;    // norms before the blocks, and one behind all
    bool learned;     // positions: learned, in rows from 2; else sinusoids, from the one behind pad_token_id
    bool embed_norm;  // a norm of the embeddings
    bool logits_bias; // a bias of the logits
    // Where the config has none:
    bool scaled;
    const char* activation;
    int64_t begin;
};
constexpr Class kClasses[] = {{"bart", false, true, true, true, false, "gelu", 2},
                              {"mbart", true, true, true, true, false, "gelu", -1},
                              {"m2m_100", true, false, false, false, true, "relu", 2}};

constexpr uint32_t kLearnedOffset = 2;

struct Config {
    Class kind;
    BartLayers layers;
    uint32_t width, position_offset;
    bool scaled, tied;
};

Result<Config> read(const JsonObject& c) {
    Config o{.kind = class_of(kClasses, c)};
    weft_ASSIGN(o.width, c.count("d_model"));
    o.layers.width = o.width;
    o.layers.pre_norm = o.kind.pre_norm;
    weft_ASSIGN(o.layers.encoder, read_bart_stack(c, "encoder", o.width));
    weft_ASSIGN(o.layers.decoder, read_bart_stack(c, "decoder", o.width));
    weft_ASSIGN(o.scaled, c.boolean_or("scale_embedding", o.kind.scaled));
    weft_ASSIGN(o.tied, c.boolean_or("tie_word_embeddings", true));
    weft_ASSIGN(o.layers.activation, activation_of(c, "activation_function", o.kind.activation));
    o.position_offset = kLearnedOffset;
    if (!o.kind.learned) {
        weft_ASSIGN(o.position_offset, first_position(c, 1));
    }
    return o;
}

Status embed(Schedule& s, Builder& builder, const Config& c, const JsonObject& config) {
    WeightId sinusoids = kNoWeight;
    if (!c.kind.learned) {
        weft_ASSIGN(sinusoids, sinusoidal_positions(config, builder, s.position_limit + c.position_offset, c.width));
    }
    for (Stage* stage : {stage_of(s, kEncoder), &decoder_of(s)}) {
        EmbedSpec& e = *stage->first[0].branches[0].op.as<EmbedSpec>();
        e.positions = c.kind.learned ? builder.vector(stage->name + ".embed_positions.weight",
                                                      {s.position_limit + c.position_offset, c.width})
                                     : sinusoids;
        e.position_offset = c.position_offset;
        if (c.scaled) e.scale = float(std::sqrt(double(c.width)));
        if (c.kind.embed_norm)
            stage->first[0].after = builder.layer_norm(stage->name + ".layernorm_embedding", c.width, 1e-5);
    }
    return Ok{};
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    weft_ASSIGN(s.position_limit, config.count("max_position_embeddings"));
    s.trained_context = s.position_limit;
    weft_TRY(read_seq2seq(config, s, c.kind.begin));
    Builder builder(s, files, {"model.", ""});
    const std::string shared = "shared.weight|encoder.embed_tokens.weight|decoder.embed_tokens.weight";
    const WeightId table = builder.matrix(shared, s.vocabulary, c.width),
                   bias = c.kind.logits_bias
                              ? builder.vector("final_logits_bias", {s.vocabulary}, WeightTransform::or_zeros)
                              : kNoWeight;
    const Linear logits{head_matrix(builder, s, table, shared, "lm_head.weight", c.width, c.tied), bias, c.width,
                        s.vocabulary};
    add_seq2seq(s, c.width, table, logits);
    weft_TRY(embed(s, builder, c, config));
    add_bart_layers(s, builder, c.layers);
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"bart", "mbart", "m2m_100"},
                                "BART, mBART, M2M-100",
                                "encoder and decoder: learned positions or sinusoids, norms behind the sums or before "
                                "the blocks, cross attention",
                                schedule,
                                {},
                                {},
                                {{"*layerdrop", "training"},
                                 {"normalize_before", "no class reads it"},
                                 {"normalize_embedding", "no class reads it"},
                                 {"add_final_layer_norm", "no class reads it"},
                                 {"add_bias_logits", "no class reads it"},
                                 {"static_position_embeddings", "no class reads it"}},
                                {{"*.embed_positions.weights", "computed from the config"}}};

} // namespace weft::detail::bart
