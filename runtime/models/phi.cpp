// SPDX-License-Identifier: Apache-2.0
// L5: Phi-1, Phi-1.5 and Phi-2 (Gunasekar et al. 2023, Li et al. 2023): attention and feed-forward side by side behind
// one LayerNorm, rotary positions on a part of each head, biases everywhere, the head's too.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::phi {
namespace {

struct Config {
    uint32_t layers, width, inner;
    Heads heads;
    double eps;
    bool head_norms;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.inner, inner_width(c, "intermediate_size"));
    weft_ASSIGN(o.heads, read_heads(c, o.width));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", 1e-5));
    weft_ASSIGN(o.head_norms, c.boolean_or("qk_layernorm", false));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu_new"));
    return o;
}

AttentionSpec attention(Builder& builder, const std::string& at, const Config& c, const Rope& rope) {
    const Heads& h = c.heads;
    AttentionSpec a = h.attention();
    a.qkv = builder.stacked_linear(
        at + "qkv", {{at + "q_proj", h.q_rows()}, {at + "k_proj", h.kv_rows()}, {at + "v_proj", h.kv_rows()}}, c.width,
        true);
    a.out = builder.linear(at + "dense", c.width, h.q_rows(), true);
    if (c.head_norms) {
        a.q_norm = builder.layer_norm(at + "q_layernorm", h.head_size, c.eps);
        a.k_norm = builder.layer_norm(at + "k_layernorm", h.head_size, c.eps);
    }
    a.rope = rope;
    return a;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    weft_ASSIGN(s.trained_context, config.count_or("max_position_embeddings", 2048));
    weft_ASSIGN(const bool tied, config.boolean_or("tie_word_embeddings", false));
    Builder builder(s, files, {"model.", ""});
    embedding_and_head(builder, s, c.width, tied);
    head_norm(s) = builder.layer_norm("final_layernorm", c.width, c.eps);
    head_linear(s).linear.bias = builder.vector("lm_head.bias", {s.vocabulary});
    weft_ASSIGN(const Rope rope, rope_of(config, builder, c.heads.head_size, 10000, "", 0.5));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        const AttentionSpec a = attention(builder, at + "self_attn.", c, rope);
        const MlpSpec m = plain_mlp(builder, at + "mlp.fc1", at + "mlp.fc2", c.width, c.inner, c.activation);
        Layer layer;
        layer.blocks.push_back(
            {.pre = builder.layer_norm(at + "input_layernorm", c.width, c.eps), .branches = {{a}, {m}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"phi"},
    "Phi-1, Phi-1.5, Phi-2",
    "attention and feed-forward side by side behind one LayerNorm; a part of each head rotated; a head with biases",
    schedule,
    {{.name = "phi2",
      .model_type = "phi",
      .names = {{"self_attn.dense", "attn_output"}, {"mlp.fc1", "ffn_up"}, {"mlp.fc2", "ffn_down"}},
      .epsilon = {"attention.layer_norm_epsilon", "layer_norm_eps", said_epsilon}}}};

} // namespace weft::detail::phi
