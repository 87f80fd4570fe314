// SPDX-License-Identifier: Apache-2.0
// L5: Llama (Touvron et al. 2023) and Mistral (Jiang et al. 2023): RMSNorm, grouped-query attention with rotary positions, SwiGLU; Mistral with a sliding window.
#include "models/architecture.hpp"
#include <cmath>

namespace weft {
namespace {

struct Config {
    uint32_t layers, width, heads, kv_heads, head_size, inner, window;
    double eps;
    bool attention_bias, mlp_bias;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, c.count("num_hidden_layers"));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.heads, c.count("num_attention_heads"));
    weft_ASSIGN(o.kv_heads, c.count_or("num_key_value_heads", o.heads));
    weft_ASSIGN(o.head_size, c.count_or("head_dim", o.width / o.heads));
    weft_ASSIGN(o.inner, c.count("intermediate_size"));
    weft_ASSIGN(o.window, c.count_or("sliding_window", 0));
    weft_ASSIGN(o.eps, c.number_or("rms_norm_eps", 1e-6));
    weft_ASSIGN(o.attention_bias, c.boolean_or("attention_bias", false));
    weft_ASSIGN(o.mlp_bias, c.boolean_or("mlp_bias", false));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "silu"));
    if (o.heads % o.kv_heads) return c.bad("num_key_value_heads", "must divide num_attention_heads");
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Slots slots(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, slots, s, c.eps, false));
    weft_ASSIGN(const Rope rope, rope_of(config, slots, c.head_size, 10000));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = "layers." + std::to_string(i) + ".", attn = at + "self_attn.", mlp = at + "mlp.";
        AttentionSpec a;
        a.heads = c.heads;
        a.kv_heads = c.kv_heads;
        a.head_size = a.value_size = c.head_size;
        a.qkv = slots.stacked_linear(attn + "qkv", {{attn + "q_proj", c.heads * c.head_size}, {attn + "k_proj", c.kv_heads * c.head_size}, {attn + "v_proj", c.kv_heads * c.head_size}}, c.width, c.attention_bias);
        a.rope = rope;
        a.scale = float(1 / std::sqrt(double(c.head_size)));
        a.window = c.window;
        a.out = slots.linear(attn + "o_proj", c.width, c.heads * c.head_size, c.attention_bias);
        MlpSpec m;
        m.in = slots.stacked_linear(mlp + "gate_up", {{mlp + "gate_proj", c.inner}, {mlp + "up_proj", c.inner}}, c.width, c.mlp_bias);
        m.out = slots.linear(mlp + "down_proj", c.width, c.inner, c.mlp_bias);
        m.inner = c.inner;
        m.activation = c.activation;
        Layer layer;
        layer.blocks.push_back({.pre = slots.rms(at + "input_layernorm.weight", c.width, c.eps), .branches = {{a}}});
        layer.blocks.push_back({.pre = slots.rms(at + "post_attention_layernorm.weight", c.width, c.eps), .branches = {{m}}});
        s.layers.push_back(std::move(layer));
    }
    return s;
}

} // namespace

extern const Architecture llama_architecture;
const Architecture llama_architecture{{"llama", "mistral"}, "Llama, Mistral", "grouped-query attention, rotary positions of every type, SwiGLU; sliding window", schedule};

} // namespace weft
