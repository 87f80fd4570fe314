// SPDX-License-Identifier: Apache-2.0
// L5: Qwen2-MoE (Qwen team 2024) and Qwen3-MoE (Yang et al. 2025): Qwen's attention, softmax-routed experts in every
// decoder_sparse_step-th layer; Qwen2 adds a shared expert with a gate.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::qwen_moe {
namespace {

// What the two config classes disagree on.
struct Class {
    const char* type;
    uint32_t kv_heads, inner, expert_inner, experts, chosen; // where the config has none
    const char* bias_key;
    bool biased, biased_out; // biases on q, k, v where the config has none; the output has one whenever they have
    bool head_norms;         // of q and k
    bool shared;             // a shared expert, of 5632 where the config does not say
    bool alternating;        // windows in every other one of the lower layers, or as layer_types says; else in all
};
constexpr Class kClasses[] = {{"qwen2_moe", 16, 5632, 1408, 60, 4, "qkv_bias", true, false, false, true, true},
                              {"qwen3_moe", 4, 6144, 768, 128, 8, "attention_bias", false, true, true, false, false}};

struct Config : DecoderSizes {
    uint32_t shared_inner;
    Experts experts;
    bool qkv_bias, out_bias;
    std::vector<uint32_t> windows; // of each layer
    std::vector<bool> sparse;      // of each layer: experts, else a dense block
};

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.inner = k.inner, .kv_heads = k.kv_heads}));
    weft_ASSIGN(o.qkv_bias, c.boolean_or(k.bias_key, k.biased));
    o.out_bias = k.biased_out && o.qkv_bias;

    // transformers 5 writes the former.
    const std::string count_key = c.has("num_local_experts") ? "num_local_experts" : "num_experts";
    weft_ASSIGN(o.experts.count, count_or_zero(c, count_key, k.experts));
    if (o.experts.count) { // else dense throughout
        weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", k.chosen));
        weft_ASSIGN(o.experts.inner, inner_width_or(c, "moe_intermediate_size", k.expert_inner));
        weft_ASSIGN(o.experts.renormalise, c.boolean_or("norm_topk_prob", false));
        weft_TRY(check_experts(c, o.experts, o.layers, count_key, "num_experts_per_tok"));
        weft_ASSIGN(o.shared_inner,
                    k.shared ? inner_width_or(c, "shared_expert_intermediate_size", 5632) : Result<uint32_t>(0));
    }
    weft_ASSIGN(o.sparse, sparse_layers(c, o.layers, o.experts.count));

    weft_ASSIGN(const bool sliding, c.boolean_or("use_sliding_window", false));
    weft_ASSIGN(const uint32_t window, sliding ? count_or_none(c, "sliding_window", 4096) : Result<uint32_t>(0));
    if (k.alternating) {
        weft_ASSIGN(const int64_t below, c.integer_or("max_window_layers", 28));
        std::vector<bool> slides;
        for (uint32_t i = 0; i < o.layers; ++i) slides.push_back(sliding && i % 2 == 0 && i < below);
        weft_ASSIGN(o.windows, layer_windows(c, window, slides));
    } else o.windows.assign(o.layers, window);
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config, k));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope rope, whole_head_rope(config, builder, c.heads.head_size, 10000, 32768));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), attn = at + "self_attn.", mlp = at + "mlp.";
        AttentionSpec a = usual_attention(builder, attn, c.heads, c.width, c.qkv_bias, c.out_bias);
        if (k.head_norms) {
            a.q_norm = builder.rms(attn + "q_norm.weight", c.heads.head_size, c.eps);
            a.k_norm = builder.rms(attn + "k_norm.weight", c.heads.head_size, c.eps);
        }
        a.rope = rope;
        a.window = c.windows[i];
        Op ffn;
        if (c.sparse[i]) {
            MoeSpec m = usual_experts(builder, mlp, c.width, c.experts, c.activation);
            if (k.shared) add_gated_shared_expert(builder, m, mlp, c.width, c.shared_inner, c.activation);
            ffn = std::move(m);
        } else ffn = usual_mlp(builder, mlp, c.width, c.inner, c.activation);
        decoder_of(s).layers.push_back(pre_norm_layer(builder, at, c.width, c.eps, a, std::move(ffn)));
    }
    return s;
}

// Whether the weights of the chosen are renormalised is in no key.
template <bool renormalise>
Status complete(const ModelFiles&, Json& config) {
    config["norm_topk_prob"] = renormalise;
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"qwen2_moe", "qwen3_moe"},
    "Qwen2-MoE, Qwen3-MoE",
    "many small experts, renormalised or not; a shared expert with a gate; dense layers between",
    schedule,
    {{"qwen2moe", "qwen2_moe", {}, complete<false>}, {"qwen3moe", "qwen3_moe", {}, complete<true>}}};

} // namespace weft::detail::qwen_moe
