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

struct Stack {
    uint32_t layers, inner;
    Heads heads;
};
struct Config {
    Class kind;
    Stack encoder, decoder;
    uint32_t width, position_offset;
    bool scaled, tied;
    kernel::Activation activation;
};

Result<Stack> read_stack(const JsonObject& c, const std::string& name, uint32_t width) {
    Stack o{};
    weft_ASSIGN(o.layers, layer_count(c, name + "_layers"));
    weft_ASSIGN(o.inner, c.count(name + "_ffn_dim"));
    weft_ASSIGN(o.heads, heads_of_width(c, width, name + "_attention_heads", "d_model"));
    return o;
}

Result<Config> read(const JsonObject& c) {
    Config o{.kind = class_of(kClasses, c)};
    weft_ASSIGN(o.width, c.count("d_model"));
    weft_ASSIGN(o.encoder, read_stack(c, "encoder", o.width));
    weft_ASSIGN(o.decoder, read_stack(c, "decoder", o.width));
    weft_ASSIGN(o.scaled, c.boolean_or("scale_embedding", o.kind.scaled));
    weft_ASSIGN(o.tied, c.boolean_or("tie_word_embeddings", true));
    weft_ASSIGN(o.activation, activation_of(c, "activation_function", o.kind.activation));
    o.position_offset = kLearnedOffset;
    if (!o.kind.learned) {
        weft_ASSIGN(o.position_offset, first_position(c, 1));
    }
    return o;
}

class Layers {
public:
    Layers(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    Status embed(const JsonObject& config) {
        WeightId sinusoids = kNoWeight;
        if (!c_.kind.learned) {
            weft_ASSIGN(sinusoids,
                        sinusoidal_positions(config, builder_, s_.position_limit + c_.position_offset, c_.width));
        }
        for (Stage* stage : {stage_of(s_, kEncoder), &decoder_of(s_)}) {
            EmbedSpec& e = *stage->first[0].branches[0].op.as<EmbedSpec>();
            e.positions = c_.kind.learned ? builder_.matrix(stage->name + ".embed_positions.weight",
                                                            s_.position_limit + c_.position_offset, c_.width)
                                          : sinusoids;
            e.position_offset = c_.position_offset;
            if (c_.scaled) e.scale = float(std::sqrt(double(c_.width)));
            if (c_.kind.embed_norm) stage->first[0].after = norm(stage->name + ".layernorm_embedding");
        }
        return Ok{};
    }
    void encoder() {
        for (uint32_t i = 0; i < c_.encoder.layers; ++i) {
            const std::string at = "encoder." + layer_name(i);
            stage_of(s_, kEncoder)->layers.push_back({{attention(at, c_.encoder, false), feed(at, c_.encoder.inner)}});
        }
        if (c_.kind.pre_norm) stage_of(s_, kEncoder)->last = {final_norm(norm("encoder.layer_norm"))};
    }
    void decoder() {
        for (uint32_t i = 0; i < c_.decoder.layers; ++i) {
            const std::string at = "decoder." + layer_name(i), cross = at + "encoder_attn.";
            CrossAttentionSpec a = add_memory(s_, builder_, i, c_.decoder.heads, cross, "k_proj", "v_proj", true);
            a.q = builder_.linear(cross + "q_proj", c_.width, c_.width, true);
            a.out = builder_.linear(cross + "out_proj", c_.width, c_.width, true);
            decoder_of(s_).layers.push_back({{attention(at, c_.decoder, true), block(a, at + "encoder_attn_layer_norm"),
                                              feed(at, c_.decoder.inner)}});
        }
        if (c_.kind.pre_norm) head_norm(s_) = norm("decoder.layer_norm");
    }

private:
    Norm norm(const std::string& name) { return builder_.layer_norm(name, c_.width, 1e-5); }

    Block block(Op op, const std::string& norm_name) {
        Block b{.branches = {{std::move(op)}}};
        (c_.kind.pre_norm ? b.pre : b.after) = norm(norm_name);
        return b;
    }
    Block attention(const std::string& at, const Stack& stack, bool causal) {
        const std::string self = at + "self_attn.";
        AttentionSpec a = stack.heads.attention();
        a.causal = causal;
        a.qkv = builder_.stacked_linear(
            self + "qkv", {{self + "q_proj", c_.width}, {self + "k_proj", c_.width}, {self + "v_proj", c_.width}},
            c_.width, true);
        a.out = builder_.linear(self + "out_proj", c_.width, c_.width, true);
        return block(a, at + "self_attn_layer_norm");
    }
    Block feed(const std::string& at, uint32_t inner) {
        const MlpSpec m = plain_mlp(builder_, at + "fc1", at + "fc2", c_.width, inner, c_.activation);
        return block(m, at + "final_layer_norm");
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

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
    Layers layers(s, builder, c);
    weft_TRY(layers.embed(config));
    layers.encoder();
    layers.decoder();
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
