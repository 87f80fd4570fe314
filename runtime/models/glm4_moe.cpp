// SPDX-License-Identifier: Apache-2.0
// L5: GLM-4.5 (GLM team 2025): experts chosen by sigmoid scores with a correction bias behind dense first layers; half
// of each head rotated.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::glm4_moe {
namespace {

struct Config : DecoderSizes {
    uint32_t dense_layers, shared_inner;
    bool head_norms;
    Experts experts;
    CorrectedRouting routing;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o),
                read_decoder(c, {.eps = 1e-5, .inner = 10944, .kv_heads = 8, .reads_bias = true}));
    weft_ASSIGN(o.head_norms, c.boolean_or("use_qk_norm", false));
    weft_ASSIGN(o.dense_layers, count_or_zero(c, "first_k_dense_replace", 1));
    const std::string count_key = c.has("num_local_experts") ? "num_local_experts" : "n_routed_experts";
    weft_ASSIGN(o.experts.count, c.count_or(count_key, 128));
    weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", 8));
    weft_ASSIGN(o.experts.inner, inner_width_or(c, "moe_intermediate_size", 1408));
    weft_ASSIGN(o.experts.renormalise, c.boolean_or("norm_topk_prob", true));
    weft_TRY(check_experts(c, o.experts, o.layers, count_key, "num_experts_per_tok"));
    weft_ASSIGN(const uint32_t shared, c.count_or("n_shared_experts", 1));
    if (uint64_t(shared) * o.experts.inner > 1u << 30)
        return c.bad("n_shared_experts", "times moe_intermediate_size must be at most 2^30");
    o.shared_inner = shared * o.experts.inner;
    weft_ASSIGN(o.routing, read_corrected_routing(c, o.experts));
    return o;
}

AttentionSpec attention(Builder& builder, const std::string& at, const Config& c, const Rope& rope) {
    AttentionSpec a = usual_attention(builder, at, c.heads, c.width, c.attention_bias);
    const auto norm = [&](const std::string& name) {
        return builder.optional(name, c.head_norms) ? builder.rms(name, c.heads.head_size, c.eps) : Norm();
    };
    a.q_norm = norm(at + "q_norm.weight");
    a.k_norm = norm(at + "k_norm.weight");
    a.rope = rope;
    return a;
}

MoeSpec experts(Builder& builder, const std::string& at, const Config& c) {
    MoeSpec m = usual_experts(builder, at, c.width, c.experts, c.activation);
    correct_routing(builder, m, at + "gate", c.routing);
    m.shared = usual_mlp(builder, at + "shared_experts.", c.width, c.shared_inner, c.activation);
    return m;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope rope, rope_of(config, builder, c.heads.head_size, 10000, "", 0.5, RopeKind::half, 131072));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), mlp = at + "mlp.";
        const Op ffn = i < c.dense_layers ? Op(usual_mlp(builder, mlp, c.width, c.inner, c.activation))
                                          : Op(experts(builder, mlp, c));
        decoder_of(s).layers.push_back(
            pre_norm_layer(builder, at, c.width, c.eps, attention(builder, at + "self_attn.", c, rope), ffn));
    }
    return s;
}

const std::vector<GgufKey> kKeys = {{"leading_dense_block_count", "first_k_dense_replace", nullptr, 0},
                                    {"expert_count", "num_local_experts"},
                                    {"expert_feed_forward_length", "moe_intermediate_size"},
                                    {"expert_shared_count", "n_shared_experts"},
                                    {"expert_weights_scale", "routed_scaling_factor", nullptr, 0},
                                    {"expert_weights_norm", "norm_topk_prob", nullptr, false},
                                    {"expert_gating_func", "gating", nullptr, 0},
                                    {"expert_group_count", "n_group", nullptr, 1},
                                    {"expert_group_used_count", "topk_group", nullptr, 1}};

Status complete(const ModelFiles& files, Json& config) {
    weft_TRY(gguf_sigmoid_scores(files, config));
    if (config["routed_scaling_factor"] == 0) config["routed_scaling_factor"] = 1;
    config["use_qk_norm"] = config["attention_bias"] = true;
    return Ok{};
}

const std::vector<GgufName> kGgufNames = {{"post_attention_layernorm", "post_attention_norm"},
                                          {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
                                          {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
                                          {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
                                          {"mlp.shared_experts.down_proj", "ffn_down_shexp"}};

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"glm4_moe"},
    "GLM-4.5",
    "sigmoid-scored experts in groups with a correction bias, dense first layers, half of each head rotated",
    schedule,
    {{.name = "glm4moe",
      .model_type = "glm4_moe",
      .keys = kKeys,
      .complete = complete,
      .names = kGgufNames,
      .drafts = true}}};

} // namespace weft::detail::glm4_moe
