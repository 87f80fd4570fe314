// SPDX-License-Identifier: Apache-2.0
// L5: GPT-2 (Radford et al. 2019): LayerNorm, learned positions, plain feed-forward with tanh GELU;
// weights stored [in, out].
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::gpt2 {
namespace {

struct Config {
    uint32_t layers, width, inner;
    Heads heads;
    double eps;
    bool scaled, scaled_by_layer;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    // The class takes the usual names of its sizes too.
    const char *layers = either(c, "n_layer", "num_hidden_layers"), *width = either(c, "n_embd", "hidden_size"),
               *heads = either(c, "n_head", "num_attention_heads");
    weft_ASSIGN(o.layers, layer_count(c, layers));
    weft_ASSIGN(o.width, inner_width(c, width));
    weft_ASSIGN(o.heads, heads_of_width(c, o.width, heads, width));
    if (c.has("n_inner") || o.width < (1u << 28)) {
        weft_ASSIGN(o.inner, inner_width_or(c, "n_inner", 4 * o.width));
    } else return c.bad(width, "is too large");
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_epsilon", 1e-5));
    weft_ASSIGN(o.scaled, c.boolean_or("scale_attn_weights", true));
    weft_ASSIGN(o.scaled_by_layer, c.boolean_or("scale_attn_by_inverse_layer_idx", false));
    weft_ASSIGN(o.activation, activation_of(c, "activation_function", "gelu_new"));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    weft_ASSIGN(s.position_limit, config.count_or(either(config, "n_positions", "max_position_embeddings"), 1024));
    weft_ASSIGN(const bool tied, config.boolean_or("tie_word_embeddings", true));
    s.trained_context = s.position_limit;
    Builder builder(s, files, {"transformer.", ""});
    const auto conv1d = [&](const std::string& name, uint32_t out, uint32_t in) {
        const std::string weight = name + ".weight";
        return Linear{builder.gguf() ? builder.matrix(weight, out, in) : builder.transposed(weight, out, in),
                      builder.vector(name + ".bias", {out}), in, out};
    };
    embedding_and_head(builder, s, c.width, tied, {.embedding = "wte.weight"});
    embedding_of(s).positions = builder.vector("wpe.weight", {s.position_limit, c.width});
    head_norm(s) = builder.layer_norm("ln_f", c.width, c.eps);
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = "h." + std::to_string(i) + ".";
        AttentionSpec a = c.heads.attention();
        a.qkv = conv1d(at + "attn.c_attn", 3 * c.width, c.width);
        a.out = conv1d(at + "attn.c_proj", c.width, c.width);
        if (!c.scaled) a.scale = 1;
        if (c.scaled_by_layer) a.scale /= float(i + 1);
        MlpSpec m;
        m.gated = false;
        m.in = conv1d(at + "mlp.c_fc", c.inner, c.width);
        m.out = conv1d(at + "mlp.c_proj", c.width, c.inner);
        m.inner = c.inner;
        m.activation = c.activation;
        Layer layer;
        layer.blocks.push_back({.pre = builder.layer_norm(at + "ln_1", c.width, c.eps), .branches = {{a}}});
        layer.blocks.push_back({.pre = builder.layer_norm(at + "ln_2", c.width, c.eps), .branches = {{m}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

Status complete(const ModelFiles&, Json& config) {
    for (const auto& [from, to] : {std::pair{"num_hidden_layers", "n_layer"},
                                   {"hidden_size", "n_embd"},
                                   {"num_attention_heads", "n_head"},
                                   {"intermediate_size", "n_inner"},
                                   {"max_position_embeddings", "n_positions"}})
        gguf_rename(config, from, to);
    return Ok{};
}

const std::vector<GgufName> kGgufNames = {
    {"wte", "token_embd"},          {"wpe", "position_embd"}, {"ln_f", "output_norm"},
    {"ln_1", "attn_norm"},          {"ln_2", "ffn_norm"},     {"attn.c_attn", "attn_qkv"},
    {"attn.c_proj", "attn_output"}, {"mlp.c_fc", "ffn_up"},   {"mlp.c_proj", "ffn_down"}};

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"gpt2"},
                                "GPT-2",
                                "learned positions, LayerNorm, plain feed-forward",
                                schedule,
                                {{.name = "gpt2",
                                  .model_type = "gpt2",
                                  .complete = complete,
                                  .names = kGgufNames,
                                  .epsilon = {"attention.layer_norm_epsilon", "layer_norm_epsilon", said_epsilon}}},
                                {},
                                {},
                                {{"*h.*.attn.bias", "the causal mask"}, {"*h.*.attn.masked_bias", "the causal mask"}}};

} // namespace weft::detail::gpt2
