// SPDX-License-Identifier: Apache-2.0
// L5: Granite 4 hybrid (IBM 2025): Mamba-2 with a few attention layers, mostly without positions;
// experts beside a shared feed-forward block, or that block alone.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"
#include <cmath>

namespace weft::detail::granitemoehybrid {
namespace {

struct Config : DecoderSizes {
    uint32_t shared_inner;
    double embedding_multiplier, attention_multiplier, residual_multiplier, logits_scaling;
    bool rotates;
    Mamba2Sizes mamba;
    Experts experts; // count 0: none
    std::vector<bool> attends;
};

Status read_multipliers(const JsonObject& c, Config& o) {
    weft_ASSIGN(o.embedding_multiplier, c.number_or("embedding_multiplier", 1));
    weft_ASSIGN(o.attention_multiplier, c.number_or("attention_multiplier", 1));
    weft_ASSIGN(o.residual_multiplier, c.number_or("residual_multiplier", 1));
    weft_ASSIGN(o.logits_scaling, c.number_or("logits_scaling", 1));
    if (o.logits_scaling == 0) return c.bad("logits_scaling", "divides the logits, so it must not be 0");
    return Ok{};
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.inner = 11008, .reads_bias = true}));
    weft_ASSIGN(o.shared_inner, inner_width_or(c, "shared_intermediate_size", 1024));
    weft_TRY(read_multipliers(c, o));
    weft_ASSIGN(const std::string positions, c.string_or("position_embedding_type", ""));
    o.rotates = positions == "rope";
    weft_ASSIGN(const uint32_t expand, c.count_or("mamba_expand", 2));
    weft_ASSIGN(o.mamba, read_mamba2(c, uint64_t(expand) * o.width));
    weft_TRY(read_time_step_limit(c, o.mamba));
    weft_ASSIGN(o.experts.count, count_or_zero(c, "num_local_experts", 8));
    if (o.experts.count) {
        weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", 2));
        o.experts.inner = o.inner;
        weft_TRY(check_experts(c, o.experts, o.layers, "num_local_experts", "num_experts_per_tok"));
    }
    weft_ASSIGN(const auto attends, layers_of_kind(c, c.has("layer_types") ? "layer_types" : "layers_block_type",
                                                   o.layers, "full_attention", "linear_attention"));
    o.attends = attends.value_or(std::vector<bool>(o.layers, false));
    return o;
}

AttentionSpec attention(Builder& builder, const std::string& at, const Config& c, const Rope& rope) {
    AttentionSpec a = usual_attention(builder, at, c.heads, c.width, c.attention_bias, c.attention_bias,
                                      c.rotates ? rope.rotary : c.heads.head_size);
    a.scale = float(c.attention_multiplier);
    a.rope = rope;
    return a;
}

// gate and up, then down, as the file has them: one matrix each.
MlpSpec shared_mlp(Builder& builder, const std::string& at, const Config& c) {
    return {.in = builder.linear(at + "input_linear", 2 * c.shared_inner, c.width),
            .out = builder.linear(at + "output_linear", c.width, c.shared_inner),
            .inner = c.shared_inner,
            .activation = c.activation};
}

Op ffn(Builder& builder, const std::string& at, const Config& c) {
    // There gate and up are apart, and the shared block is called otherwise where there are no experts.
    const std::string in_gguf = at + "mlp.";
    const MlpSpec shared = !builder.gguf()
                               ? shared_mlp(builder, at + "shared_mlp.", c)
                               : usual_mlp(builder, in_gguf + (c.experts.count ? "shared_expert." : ""), c.width,
                                           c.shared_inner, c.activation, builder.from_gguf() && !c.experts.count);
    if (!c.experts.count) return shared;
    const std::string moe = at + "block_sparse_moe.";
    MoeSpec m = builder.gguf() ? usual_experts(builder, in_gguf, c.width, c.experts, c.activation) : MoeSpec();
    m.experts = c.experts.count;
    m.chosen = c.experts.chosen;
    m.inner = c.experts.inner;
    m.score = kernel::RouterScore::logit;
    m.weight = kernel::RouterWeight::softmax_of_chosen;
    m.activation = c.activation;
    m.shared = shared;
    if (builder.gguf()) return m;
    m.router = {builder.matrix(moe + "router.layer.weight|" + moe + "router.weight", m.experts, c.width), kNoWeight,
                c.width, m.experts};
    m.gate_up =
        builder.stack(moe + "input_linear.weight|" + moe + "experts.gate_up_proj", m.experts, 2 * m.inner, c.width);
    m.down = builder.stack(moe + "output_linear.weight|" + moe + "experts.down_proj", m.experts, c.width, m.inner);
    return m;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    embedding_of(s).scale = float(c.embedding_multiplier);
    head_linear(s).scale = float(1 / c.logits_scaling);
    Rope rope;
    if (c.rotates) {
        weft_ASSIGN(rope, whole_head_rope(config, builder, c.heads.head_size, 10000, 2048));
    }
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        const Op mixer = c.attends[i] ? Op(attention(builder, at + "self_attn.", c, rope))
                                      : Op(usual_mamba2(builder, at + "mamba.", c.width, c.mamba, c.eps));
        Layer layer = pre_norm_layer(builder, at, c.width, c.eps, mixer, ffn(builder, at, c));
        for (Block& block : layer.blocks) block.residual_scale = float(c.residual_multiplier);
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

GgufSaid said_embedding_scale(const Schedule& s) { return embedding_of(s).scale; }
GgufSaid said_logit_scale(const Schedule& s) { return 1 / head_linear(s).scale; }
GgufSaid said_residual_scale(const Schedule& s) {
    const std::vector<Layer>& layers = decoder_of(s).layers;
    return layers.empty() || layers[0].blocks.empty() ? 1 : layers[0].blocks[0].residual_scale;
}
GgufSaid said_rotates(const Schedule& s) {
    const auto* a = first_op<AttentionSpec>(s);
    return a && a->rope.kind != RopeKind::none;
}

std::vector<GgufKey> gguf_keys() {
    std::vector<GgufKey> keys = mamba2_gguf();
    for (const GgufKey& key : {GgufKey{"attention.scale", "attention_multiplier", nullptr, 0},
                               {"embedding_scale", "embedding_multiplier", said_embedding_scale, 0},
                               {"residual_scale", "residual_multiplier", said_residual_scale, 0},
                               {"logit_scale", "logits_scaling", said_logit_scale, 0},
                               {"rope.scaling.finetuned", "rotates", said_rotates, true},
                               {"expert_count", "num_local_experts", nullptr, 0},
                               {"expert_shared_feed_forward_length", "shared_intermediate_size", nullptr, nullptr}})
        keys.push_back(key);
    return keys;
}

// Bamba's files are the same, without multipliers. One of 0 is none.
Status complete(const ModelFiles& files, Json& config) {
    weft_TRY(gguf_expand(files, config, "mamba_expand"));
    for (const char* name : {"embedding_multiplier", "residual_multiplier", "logits_scaling"})
        if (config[name] == 0) config[name] = 1;
    if (config["attention_multiplier"] == 0) {
        weft_ASSIGN(const uint32_t head_size, gguf_count(files, config, "head_dim"));
        config["attention_multiplier"] = 1 / std::sqrt(double(head_size));
    }
    config["mamba_d_head"] = "auto";
    config["mamba_conv_bias"] = config["mamba_proj_bias"] = config["attention_bias"] = true;
    if (config["num_local_experts"] == 0) gguf_rename(config, "intermediate_size", "shared_intermediate_size");
    if (config["rotates"] == true) config["position_embedding_type"] = "rope";
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"granitemoehybrid"},
    "Granite 4 hybrid",
    "Mamba-2 and attention without positions, experts with a shared block, four multipliers",
    schedule,
    {{.name = "granitehybrid",
      .model_type = "granitemoehybrid",
      .keys = gguf_keys(),
      .complete = complete,
      .hybrid = true}},
    {},
    {{"*rope*", "there are no positions"}}};

} // namespace weft::detail::granitemoehybrid
