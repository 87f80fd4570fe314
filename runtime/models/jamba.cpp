// SPDX-License-Identifier: Apache-2.0
// L5: Jamba (Lieber et al. 2024): Mamba with norms on dt, B and C, one attention layer without positions in every few, experts in every other layer.
#include "models/decoder_parts.hpp"
#include "models/mixer_parts.hpp"

namespace weft {
namespace {

struct Config : DecoderSizes {
    Mamba1Sizes mamba;
    Experts experts; // fewer than 2: none
    uint32_t attention_period, attention_offset, expert_period, expert_offset; // layer i % period == offset
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.inner = 14336, .kv_heads = 8}));
    weft_ASSIGN(o.mamba, read_mamba1(c, o.width, {"mamba_expand", "mamba_d_state", "mamba_dt_rank", "mamba_d_conv", "mamba_proj_bias", "mamba_conv_bias"}));
    weft_ASSIGN(const uint32_t other_name, c.count_or("num_local_experts", 16));
    weft_ASSIGN(o.experts.count, c.count_or("num_experts", other_name));
    weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", 2));
    o.experts.inner = o.inner;
    if (o.experts.count > 1) weft_TRY(check_experts(c, o.experts, o.layers, "num_experts", "num_experts_per_tok"));
    weft_ASSIGN(o.attention_period, c.count_or("attn_layer_period", 8));
    weft_ASSIGN(o.attention_offset, count_or_zero(c, "attn_layer_offset", 4));
    if (o.attention_offset >= o.attention_period) return c.bad("attn_layer_offset", "must be below attn_layer_period");
    weft_ASSIGN(o.expert_period, c.count_or("expert_layer_period", 2));
    weft_ASSIGN(o.expert_offset, count_or_zero(c, "expert_layer_offset", 1));
    if (o.expert_offset >= o.expert_period) return c.bad("expert_layer_offset", "must be below expert_layer_period");
    return o;
}

Mamba1Spec mamba(Slots& slots, const std::string& at, const Config& c) {
    Mamba1Spec m = usual_mamba1(slots, at, c.width, c.mamba);
    m.dt_norm = slots.rms(at + "dt_layernorm.weight", m.rank, c.eps);
    m.b_norm = slots.rms(at + "b_layernorm.weight", m.state_size, c.eps);
    m.c_norm = slots.rms(at + "c_layernorm.weight", m.state_size, c.eps);
    return m;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Slots slots(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, slots, s, c.eps, false, {.norm = "final_layernorm.weight"}));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), ff = at + "feed_forward.";
        const bool attends = i % c.attention_period == c.attention_offset, chooses = c.experts.count > 1 && i % c.expert_period == c.expert_offset;
        const Op mixer = attends ? Op(usual_attention(slots, at + "self_attn.", c.heads, c.width)) : Op(mamba(slots, at + "mamba.", c));
        const Op ffn = chooses ? Op(usual_experts(slots, ff, c.width, c.experts, c.activation, {.router = "router"})) : Op(usual_mlp(slots, ff, c.width, c.inner, c.activation));
        s.layers.push_back(pre_norm_layer(slots, at, c.width, c.eps, mixer, ffn, "pre_ff_layernorm"));
    }
    return s;
}

} // namespace

extern const Architecture jamba_architecture;
const Architecture jamba_architecture{{"jamba"}, "Jamba", "Mamba with inner norms, attention without positions and experts at their own periods", schedule};

} // namespace weft
