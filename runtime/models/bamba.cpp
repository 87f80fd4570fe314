// SPDX-License-Identifier: Apache-2.0
// L5: Bamba (IBM, Princeton, UIUC 2024): Mamba-2 with a few attention layers that rotate half of each head.
#include "models/decoder_parts.hpp"
#include "models/mixer_parts.hpp"

namespace weft::detail::bamba {
namespace {

struct Config : DecoderSizes {
    bool mlp_bias;
    Mamba2Sizes mamba;
    std::vector<bool> attends;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o),
                read_decoder(c, {.eps = 1e-5, .inner = 14336, .kv_heads = 8, .reads_bias = true}));
    weft_ASSIGN(o.mlp_bias, c.boolean_or("mlp_bias", false));
    weft_ASSIGN(const uint32_t expand, c.count_or("mamba_expand", 2));
    weft_ASSIGN(o.mamba, read_mamba2(c, uint64_t(expand) * o.width));
    weft_TRY(read_time_step_limit(c, o.mamba));
    weft_ASSIGN(const auto attends, layers_listed(c, "attn_layer_indices", o.layers));
    o.attends = attends.value_or(std::vector<bool>(o.layers, false));
    return o;
}

// Half of each head is rotated, whatever partial_rotary_factor says outside of rope_parameters.
Result<Rope> half_rope(const JsonObject& config, Builder& builder, uint32_t head_size) {
    Json without = config.json();
    without.erase("partial_rotary_factor");
    weft_ASSIGN(const Json parameters, rope_parameters(config.changed(without), 10000, "", 0.5, 262144));
    return rope_from(rope_view(config, parameters), builder, head_size);
}

AttentionSpec attention(Builder& builder, const std::string& at, const Config& c, const Rope& rope) {
    AttentionSpec a = usual_attention(builder, at, c.heads, c.width, c.attention_bias, c.attention_bias, rope.rotary);
    a.rope = rope;
    return a;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false, {.norm = "final_layernorm.weight"}));
    weft_ASSIGN(const Rope rope, half_rope(config, builder, c.heads.head_size));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        const Op mixer = c.attends[i] ? Op(attention(builder, at + "self_attn.", c, rope))
                                      : Op(usual_mamba2(builder, at + "mamba.", c.width, c.mamba, c.eps));
        const MlpSpec mlp = usual_mlp(builder, at + "feed_forward.", c.width, c.inner, c.activation, c.mlp_bias);
        decoder_of(s).layers.push_back(pre_norm_layer(builder, at, c.width, c.eps, mixer, mlp, "pre_ff_layernorm"));
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"bamba"}, "Bamba", "Mamba-2 and attention with half of each head rotated", schedule};

} // namespace weft::detail::bamba
