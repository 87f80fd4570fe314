// SPDX-License-Identifier: Apache-2.0
// L5: Jamba (Lieber et al. 2024): Mamba with norms on dt, B and C, one attention layer without positions in
// every few, experts in every other layer.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"

namespace weft::detail::jamba {
namespace {

struct Config : DecoderSizes {
    Mamba1Sizes mamba;
    Experts experts;                    // fewer than 2: none
    std::vector<bool> attends, chooses; // of each layer: attention, else Mamba; experts, else a dense block
};

constexpr Mamba1Keys kMambaKeys{"mamba_expand", "mamba_d_state",   "mamba_dt_rank",
                                "mamba_d_conv", "mamba_proj_bias", "mamba_conv_bias"};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.inner = 14336, .kv_heads = 8}));
    weft_ASSIGN(o.mamba, read_mamba1(c, o.width, kMambaKeys));
    weft_ASSIGN(const uint32_t other_name, c.count_or("num_local_experts", 16));
    weft_ASSIGN(o.experts.count, c.count_or("num_experts", other_name));
    weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", 2));
    o.experts.inner = o.inner;
    if (o.experts.count > 1) weft_TRY(check_experts(c, o.experts, o.layers, "num_experts", "num_experts_per_tok"));
    weft_ASSIGN(const uint32_t attention_period, c.count_or("attn_layer_period", 8));
    weft_ASSIGN(const uint32_t attention_offset, count_or_zero(c, "attn_layer_offset", 4));
    if (attention_offset >= attention_period) return c.bad("attn_layer_offset", "must be below attn_layer_period");
    weft_ASSIGN(const uint32_t expert_period, c.count_or("expert_layer_period", 2));
    weft_ASSIGN(const uint32_t expert_offset, count_or_zero(c, "expert_layer_offset", 1));
    if (expert_offset >= expert_period) return c.bad("expert_layer_offset", "must be below expert_layer_period");
    weft_ASSIGN(const auto attends, layers_of_kind(c, "layer_types", o.layers, "full_attention", "linear_attention"));
    weft_ASSIGN(const auto chooses, layers_of_kind(c, "mlp_layer_types", o.layers, "sparse", "dense"));
    for (uint32_t i = 0; i < o.layers; ++i) {
        o.attends.push_back(attends ? (*attends)[i] : i % attention_period == attention_offset);
        o.chooses.push_back(o.experts.count > 1 && (chooses ? (*chooses)[i] : i % expert_period == expert_offset));
    }
    return o;
}

MambaSpec mamba(Builder& builder, const std::string& at, const Config& c) {
    MambaSpec m = usual_mamba1(builder, at, c.width, c.mamba);
    m.dt_norm = builder.rms(at + "dt_layernorm.weight", m.rank, c.eps);
    m.b_norm = builder.rms(at + "b_layernorm.weight", m.state_size, c.eps);
    m.c_norm = builder.rms(at + "c_layernorm.weight", m.state_size, c.eps);
    return m;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false, {.norm = "final_layernorm.weight"}));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), ff = at + "feed_forward.";
        const Op mixer = c.attends[i] ? Op(usual_attention(builder, at + "self_attn.", c.heads, c.width))
                                      : Op(mamba(builder, at + "mamba.", c));
        const Op ffn = c.chooses[i]
                           ? Op(usual_experts(builder, ff, c.width, c.experts, c.activation, {.router = "router"}))
                           : Op(usual_mlp(builder, ff, c.width, c.inner, c.activation));
        decoder_of(s).layers.push_back(pre_norm_layer(builder, at, c.width, c.eps, mixer, ffn, "pre_ff_layernorm"));
    }
    return s;
}

Status complete(const ModelFiles& files, Json& config) {
    weft_TRY(gguf_expand(files, config, "mamba_expand"));
    config["mamba_conv_bias"] = config["mamba_proj_bias"] = true;
    if (config["num_experts"] == 0) config["num_experts"] = 1;
    Json kinds = Json::array();
    for (size_t i = 0; i < config["layer_types"].size(); ++i)
        kinds.push_back(files.find("blk." + std::to_string(i) + ".ffn_gate_inp.weight") ? "sparse" : "dense");
    config["mlp_layer_types"] = std::move(kinds);
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"jamba"},
    "Jamba",
    "Mamba with inner norms, attention without positions and experts at their own periods",
    schedule,
    {{.name = "jamba", .model_type = "jamba", .keys = mamba1_gguf(kMambaKeys), .complete = complete, .hybrid = true}}};

} // namespace weft::detail::jamba
