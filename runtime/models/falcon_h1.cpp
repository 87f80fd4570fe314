// SPDX-License-Identifier: Apache-2.0
// L5: Falcon-H1 (Zuo et al. 2025): attention and Mamba-2 side by side in every layer, with the
// multipliers of maximal update parametrisation.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"
#include <algorithm>

namespace weft::detail::falcon_h1 {
namespace {

struct Config : DecoderSizes {
    bool mlp_bias;
    Mamba2Sizes mamba;
    bool mamba_norm, norm_before_gate;
    double embedding, head, key, attention_in, attention_out, ssm_in, ssm_out; // multipliers
    std::vector<double> mlp;                                                   // of the gate, of the result
    std::vector<double> ssm;                                                   // of z, x, B, C and dt
};

Result<std::vector<double>> multipliers(const JsonObject& c, const std::string& key, size_t count) {
    if (!c.has(key)) return std::vector<double>(count, 1.0);
    weft_ASSIGN(auto list, c.numbers(key));
    if (list.size() != count) return c.bad(key, "must hold " + std::to_string(count) + " numbers");
    return list;
}

Status read_multipliers(const JsonObject& c, Config& o) {
    weft_ASSIGN(o.embedding, c.number_or("embedding_multiplier", 1));
    weft_ASSIGN(o.head, c.number_or("lm_head_multiplier", 1));
    weft_ASSIGN(o.key, c.number_or("key_multiplier", 1));
    weft_ASSIGN(o.attention_in, c.number_or("attention_in_multiplier", 1));
    weft_ASSIGN(o.attention_out, c.number_or("attention_out_multiplier", 1));
    weft_ASSIGN(o.ssm_in, c.number_or("ssm_in_multiplier", 1));
    weft_ASSIGN(o.ssm_out, c.number_or("ssm_out_multiplier", 1));
    weft_ASSIGN(o.mlp, multipliers(c, "mlp_multipliers", 2));
    weft_ASSIGN(o.ssm, multipliers(c, "ssm_multipliers", 5));
    return Ok{};
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o),
                read_decoder(c, {.eps = 1e-5, .inner = 14336, .kv_heads = 8, .reads_bias = true}));
    weft_ASSIGN(o.mlp_bias, c.boolean_or("mlp_bias", false));
    // A null mamba_d_ssm means expand * width; an absent one its default.
    weft_ASSIGN(const uint32_t expand, c.count_or("mamba_expand", 2));
    weft_ASSIGN(const uint32_t ssm_width, count_or_none(c, "mamba_d_ssm", 1024));
    weft_ASSIGN(o.mamba, read_mamba2(c, ssm_width ? ssm_width : uint64_t(expand) * o.width));
    weft_TRY(read_time_step_limit(c, o.mamba));
    weft_ASSIGN(o.mamba.out_bias, c.boolean_or("projectors_bias", false));
    weft_ASSIGN(o.mamba_norm, c.boolean_or("mamba_rms_norm", false));
    weft_ASSIGN(o.norm_before_gate, c.boolean_or("mamba_norm_before_gate", true));
    weft_TRY(read_multipliers(c, o));
    return o;
}

Mamba2Spec mamba(Builder& builder, const std::string& at, const Config& c, WeightId in_multipliers) {
    const bool norm = builder.optional(at + "norm.weight", c.mamba_norm);
    Mamba2Spec m = usual_mamba2(builder, at, c.width, c.mamba, norm ? std::optional(c.eps) : std::nullopt);
    m.in_multipliers = in_multipliers;
    m.gate_first = !norm || !c.norm_before_gate; // without a norm there is no order
    return m;
}

// One multiplier a row of the input projection, the same in every layer.
WeightId in_multipliers(Builder& builder, const Config& c) {
    if (std::all_of(c.ssm.begin(), c.ssm.end(), [](double m) { return m == 1; })) return kNoWeight;
    const Mamba2Sizes& s = c.mamba;
    const uint32_t parts[] = {s.inner(), s.inner(), s.group_rows(), s.group_rows(), s.heads};
    std::vector<float> values;
    for (size_t i = 0; i < std::size(parts); ++i) values.insert(values.end(), parts[i], float(c.ssm[i]));
    return builder.computed("ssm multipliers", {s.rows()}, std::move(values));
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false, {.norm = "final_layernorm.weight"}));
    embedding_of(s).scale = float(c.embedding);
    head_linear(s).scale = float(c.head);
    weft_ASSIGN(const Rope rope, whole_head_rope(config, builder, c.heads.head_size, 10000, 8192));
    const WeightId ssm = in_multipliers(builder, c);
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        AttentionSpec attention =
            usual_attention(builder, at + "self_attn.", c.heads, c.width, c.attention_bias, c.attention_bias);
        attention.rope = rope;
        attention.key_scale = float(c.key);
        MlpSpec mlp = usual_mlp(builder, at + "feed_forward.", c.width, c.inner, c.activation, c.mlp_bias);
        mlp.gate_scale = float(c.mlp[0]);
        Layer layer;
        layer.blocks.push_back({.pre = builder.rms(at + "input_layernorm.weight", c.width, c.eps),
                                .branches = {{mamba(builder, at + "mamba.", c, ssm), float(c.ssm_in), float(c.ssm_out)},
                                             {attention, float(c.attention_in), float(c.attention_out)}}});
        layer.blocks.push_back({.pre = builder.rms(at + "pre_ff_layernorm.weight", c.width, c.eps),
                                .branches = {{mlp, 1, float(c.mlp[1])}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

Status complete(const ModelFiles&, Json& config) {
    config["mamba_d_head"] = "auto";
    config["mamba_norm_before_gate"] = false;
    for (const char* optional :
         {"mamba_conv_bias", "mamba_proj_bias", "projectors_bias", "mamba_rms_norm", "attention_bias", "mlp_bias"})
        config[optional] = true;
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"falcon_h1"},
                                "Falcon-H1",
                                "attention and Mamba-2 in parallel in every layer, multipliers everywhere",
                                schedule,
                                {{.name = "falcon-h1",
                                  .model_type = "falcon_h1",
                                  .keys = mamba2_gguf({}, "mamba_d_ssm"),
                                  .complete = complete,
                                  .names = {{"pre_ff_layernorm.weight", "ffn_norm"}},
                                  .folds = true}}};

} // namespace weft::detail::falcon_h1
