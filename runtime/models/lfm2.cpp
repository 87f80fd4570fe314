// SPDX-License-Identifier: Apache-2.0
// L5: LFM2 (Liquid AI 2025): short gated convolutions with a few layers of attention; dense, or with sigmoid-scored
// experts and a correction bias behind dense first layers.
#include "layers/short_conv.hpp"
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"
#include <cmath>

namespace weft::detail::lfm2 {
namespace {

struct Class {
    const char* type;
    bool experts;
    uint32_t inner; // where intermediate_size is absent
};
constexpr Class kClasses[] = {{"lfm2", false, 12288}, {"lfm2_moe", true, 7168}};

struct Config {
    uint32_t layers, width, inner, dense_layers, taps;
    Heads heads;
    double eps, routed_scale;
    bool conv_bias, expert_bias;
    Experts experts; // count 0: none
    std::vector<bool> attends;
};

// Unless the config says otherwise, intermediate_size is that of a block without a gate: two thirds of it, rounded up.
Result<uint32_t> adjusted(const JsonObject& c, uint32_t inner) {
    weft_ASSIGN(const bool adjusts, c.boolean_or("block_auto_adjust_ff_dim", true));
    weft_ASSIGN(const uint32_t multiple, c.count_or("block_multiple_of", 256));
    weft_ASSIGN(const double factor, number_or_none(c, "block_ffn_dim_multiplier", 1)); // null: it is not rounded
    if (!adjusts) return inner;
    double width = double(uint64_t(inner) * 2 / 3);
    if (factor != 0) width = std::ceil(std::floor(factor * width) / multiple) * multiple;
    if (!(width >= 1 && width <= double(1u << 30)))
        return c.bad("block_ffn_dim_multiplier", "must leave feed-forward blocks 1 to 2^30 wide");
    return uint32_t(width);
}

Status read_experts(const JsonObject& c, Config& o) {
    weft_ASSIGN(o.experts.count, c.count_or("num_experts", 32));
    weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", 4));
    weft_ASSIGN(o.experts.inner, inner_width_or(c, "moe_intermediate_size", 1792));
    weft_ASSIGN(o.experts.renormalise, c.boolean_or("norm_topk_prob", true));
    weft_TRY(check_experts(c, o.experts, o.layers, "num_experts", "num_experts_per_tok"));
    weft_ASSIGN(o.routed_scale, c.number_or("routed_scaling_factor", 1));
    weft_ASSIGN(o.expert_bias, c.boolean_or("use_expert_bias", true));
    weft_ASSIGN(o.dense_layers, count_or_zero(c, "num_dense_layers", 2));
    return Ok{};
}

Result<Config> read(const JsonObject& c) {
    const Class& k = class_of(kClasses, c);
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    if (3 * uint64_t(o.width) > INT32_MAX) return c.bad("hidden_size", "is too large");
    weft_ASSIGN(o.heads, read_heads(c, o.width, 8));
    weft_ASSIGN(o.inner,
                inner_width_or(c, !k.experts && c.has("block_ff_dim") ? "block_ff_dim" : "intermediate_size", k.inner));
    if (k.experts) weft_TRY(read_experts(c, o));
    else {
        weft_ASSIGN(o.inner, adjusted(c, o.inner));
    }
    weft_ASSIGN(o.eps, epsilon_or(c, "norm_eps", 1e-5));
    weft_ASSIGN(o.taps, c.count_or("conv_L_cache", 3));
    weft_ASSIGN(o.conv_bias, c.boolean_or("conv_bias", false));
    weft_ASSIGN(const auto kinds, layers_of_kind(c, "layer_types", o.layers, "full_attention", "conv"));
    if (k.experts && !kinds) return c.bad("layer_types", "is missing");
    weft_ASSIGN(const auto listed, layers_listed(c, "full_attn_idxs", o.layers));
    o.attends = kinds ? *kinds : listed.value_or(std::vector<bool>(o.layers, true));
    return o;
}

AttentionSpec attention(Builder& builder, const std::string& at, const Config& c, const Rope& rope) {
    const Heads& h = c.heads;
    AttentionSpec a = h.attention();
    a.qkv = builder.stacked_linear(
        at + "qkv", {{at + "q_proj", h.q_rows()}, {at + "k_proj", h.kv_rows()}, {at + "v_proj", h.kv_rows()}}, c.width);
    a.q_norm = builder.rms(at + "q_layernorm.weight", h.head_size, c.eps);
    a.k_norm = builder.rms(at + "k_layernorm.weight", h.head_size, c.eps);
    a.rope = rope;
    a.out = builder.linear(at + "out_proj", c.width, h.q_rows());
    return a;
}

ShortConvSpec short_conv(Builder& builder, const std::string& at, const Config& c) {
    ShortConvSpec s{.inner = c.width};
    s.in = builder.linear(at + "in_proj", 3 * c.width, c.width, c.conv_bias);
    s.conv = {.weight = builder.vector(at + "conv.weight", {c.width, c.taps}),
              .bias = builder.optional(at + "conv.bias", c.conv_bias) ? builder.vector(at + "conv.bias", {c.width})
                                                                      : kNoWeight,
              .channels = c.width,
              .taps = c.taps,
              .activation = kernel::Activation::none};
    s.out = builder.linear(at + "out_proj", c.width, c.width, c.conv_bias);
    return s;
}

MlpSpec dense(Builder& builder, const std::string& at, const Config& c) {
    return {.in = builder.stacked_linear(at + "w1, w3", {{at + "w1", c.inner}, {at + "w3", c.inner}}, c.width),
            .out = builder.linear(at + "w2", c.width, c.inner),
            .inner = c.inner};
}

MoeSpec experts(Builder& builder, const std::string& at, const Config& c) {
    MoeSpec m = usual_experts(builder, at, c.width, c.experts, kernel::Activation::silu,
                              {.gate = "w1", .up = "w3", .down = "w2"});
    m.score = kernel::RouterScore::sigmoid;
    if (c.experts.renormalise) m.sum_eps = 1e-6f;
    m.scale = float(c.routed_scale);
    if (builder.optional(at + "expert_bias", c.expert_bias))
        m.choice_bias = builder.vector(at + "expert_bias", {c.experts.count});
    return m;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    // An older name, which wins where both are there.
    weft_ASSIGN(const bool tied, config.boolean_or("tie_embedding", true));
    Json edited = config.json();
    if (config.has("tie_embedding")) edited["tie_word_embeddings"] = tied;
    weft_TRY(decoder_frame(config.changed(edited), builder, s, c.eps, true, {.norm = "embedding_norm.weight"}));
    weft_ASSIGN(const Rope rope, whole_head_rope(config, builder, c.heads.head_size, 1000000, 128000));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), ff = at + "feed_forward.";
        const Op mixer = c.attends[i] ? Op(attention(builder, at + "self_attn.", c, rope))
                                      : Op(short_conv(builder, at + "conv.", c));
        const Op ffn = c.experts.count && i >= c.dense_layers ? Op(experts(builder, ff, c)) : Op(dense(builder, ff, c));
        Layer layer;
        layer.blocks.push_back(
            {.pre = builder.rms(at + "operator_norm.weight", c.width, c.eps), .branches = {{mixer}}});
        layer.blocks.push_back({.pre = builder.rms(at + "ffn_norm.weight", c.width, c.eps), .branches = {{ffn}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

uint32_t taps_of(const ShortConvSpec& s) { return s.conv.taps; }

std::vector<GgufKey> gguf_keys(bool experts) {
    std::vector<GgufKey> keys{{"shortconv.l_cache", "conv_L_cache", said_of<ShortConvSpec, taps_of>}};
    if (experts)
        for (const GgufKey& key : {GgufKey{"leading_dense_block_count", "num_dense_layers", nullptr, 0},
                                   {"expert_weights_scale", "routed_scaling_factor", nullptr, 0},
                                   {"expert_weights_norm", "norm_topk_prob", nullptr, true},
                                   {"expert_gating_func", "gating", nullptr, 0}})
            keys.push_back(key);
    return keys;
}

// The converter has adjusted the width of feed-forward blocks.
Status complete(const ModelFiles& files, Json& config) {
    for (Json& type : config["layer_types"])
        if (type == "linear_attention") type = "conv";
    config["block_auto_adjust_ff_dim"] = false;
    config["conv_bias"] = true;
    if (config["model_type"] != "lfm2_moe") return Ok{};
    weft_TRY(gguf_sigmoid_scores(files, config));
    if (config["routed_scaling_factor"] == 0) config["routed_scaling_factor"] = 1;
    return Ok{};
}

const std::vector<GgufName> kGgufNames = {{"embedding_norm", "token_embd_norm"},
                                          {"operator_norm", "attn_norm"},
                                          {"ffn_norm", "ffn_norm"},
                                          {"self_attn.q_layernorm", "attn_q_norm"},
                                          {"self_attn.k_layernorm", "attn_k_norm"},
                                          {"self_attn.out_proj", "attn_output"},
                                          {"conv.conv", "shortconv.conv"},
                                          {"conv.in_proj", "shortconv.in_proj"},
                                          {"conv.out_proj", "shortconv.out_proj"},
                                          {"feed_forward.w1", "ffn_gate"},
                                          {"feed_forward.w3", "ffn_up"},
                                          {"feed_forward.w2", "ffn_down"},
                                          {"feed_forward.expert_bias", "exp_probs_b.bias"}};

GgufSide side(const Class& k, const char* name) {
    return {.name = name,
            .model_type = k.type,
            .keys = gguf_keys(k.experts),
            .complete = complete,
            .names = kGgufNames,
            .hybrid = true,
            .epsilon = {"attention.layer_norm_rms_epsilon", "norm_eps", said_epsilon}};
}

// What files of LFM2's first release say besides, and nobody reads.
std::vector<NotRead> keys_not_read() {
    std::vector<NotRead> keys;
    for (const char* key : {"block_dim", "conv_dim", "conv_dim_out"}) keys.push_back({key, "hidden_size says it"});
    for (const char* key :
         {"block_mlp_init_scale", "block_out_init_scale", "block_use_xavier_init", "conv_use_xavier_init"})
        keys.push_back({key, "training"});
    keys.push_back({"block_norm_eps", "norm_eps says it"});
    keys.push_back({"block_use_swiglu", "always"});
    keys.push_back({"num_heads", "num_attention_heads says it"});
    keys.push_back({"theta", "rope_theta says it"});
    keys.push_back({"use_pos_enc", "always"});
    return keys;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"lfm2", "lfm2_moe"},
                                "LFM2",
                                "short gated convolutions and attention, dense or with sigmoid-scored experts",
                                schedule,
                                {side(kClasses[0], "lfm2"), side(kClasses[1], "lfm2moe")},
                                {},
                                keys_not_read()};

} // namespace weft::detail::lfm2
