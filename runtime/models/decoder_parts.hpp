// SPDX-License-Identifier: Apache-2.0
// L5: the parts that most decoders share: reading of sizes, grouped-query attention,
// SwiGLU and experts under Llama's weight names.
#pragma once
#include "layers/attention.hpp"
#include "layers/mlp.hpp"
#include "layers/moe.hpp"
#include "models/architecture.hpp"

namespace weft::detail {

/// What relatives in one file disagree on: the entry of `classes` for the config's model_type,
/// which the registry has matched already.
template <class T, size_t N>
const T& class_of(const T (&classes)[N], const JsonObject& config) {
    const auto type = config.string_or("model_type", "");
    for (const T& c : classes)
        if (type && *type == c.type) return c;
    return classes[0];
}

/// "layers.I."
std::string layer_name(uint32_t i);

/// The number of layers; refused above kMostLayers, since a config alone must not make weft allocate.
Result<uint32_t> layer_count(const JsonObject& config, const std::string& key = "num_hidden_layers");
/// An integer from 1; `if_absent` where the key is absent, 0 where it is null. Classes often have
/// a number as default and read null as "none".
Result<uint32_t> count_or_none(const JsonObject& config, const std::string& key, uint32_t if_absent);
/// An integer from 0: a layer's number, or a count where 0 means none.
Result<uint32_t> count_or_zero(const JsonObject& config, const std::string& key, uint32_t if_absent);
/// What norms add to a mean of squares: a float that is not negative.
Result<double> epsilon_or(const JsonObject& config, const std::string& key, double otherwise);
/// count_or_none for numbers.
Result<double> number_or_none(const JsonObject& config, const std::string& key, double if_absent);
/// An inner width of a gated feed-forward block: at most 2^30, so that gate and up fit one matrix.
Result<uint32_t> inner_width(const JsonObject& config, const std::string& key);
/// The key that a config has for a size with two names: `usual` only where it alone is there.
const char* either(const JsonObject& config, const char* own, const char* usual);
Result<uint32_t> inner_width_or(const JsonObject& config, const std::string& key, uint32_t otherwise);

struct Heads {
    uint32_t heads = 0, kv_heads = 0, head_size = 0;
    uint32_t q_rows() const { return heads * head_size; }
    uint32_t kv_rows() const { return kv_heads * head_size; }
    /// An attention with these sizes and scale head_size^-1/2.
    AttentionSpec attention() const;
};
/// num_attention_heads, num_key_value_heads (`kv_default` if absent; 0 and null: as many as heads) and head_dim
/// (`size_default` if absent; 0 and null: width / heads).
Result<Heads> read_heads(const JsonObject& config, uint32_t width, uint32_t kv_default = 0, uint32_t size_default = 0);
/// Heads that share the width evenly, as many of keys as of queries: their number under `key`.
Result<Heads> heads_of_width(const JsonObject& config, uint32_t width, const std::string& key = "num_attention_heads",
                             const std::string& width_key = "hidden_size");
/// The rules that read_heads applies, for configs with other keys: whole groups, and sizes that fit.
Status check_heads(const JsonObject& config, const Heads& h, const std::string& heads_key, const std::string& kv_key);

/// What most decoders' configs say, under the keys that most use.
struct DecoderSizes {
    uint32_t layers = 0, width = 0, inner = 0; ///< num_hidden_layers, hidden_size, intermediate_size
    Heads heads;
    double eps = 0; ///< rms_norm_eps
    bool attention_bias = false;
    kernel::Activation activation = kernel::Activation::silu; ///< hidden_act
};
/// What a config class takes where a key is absent.
struct DecoderDefaults {
    double eps = 1e-6;
    uint32_t inner = 0;                   ///< 0: intermediate_size must be there
    uint32_t kv_heads = 0, head_size = 0; ///< as for read_heads
    bool reads_bias = false;              ///< the class has attention_bias
};
Result<DecoderSizes> read_decoder(const JsonObject& config, const DecoderDefaults& defaults);

/// Causal attention with at + q_proj, k_proj, v_proj and o_proj; scale head_size^-1/2, no positions yet. In GGUF files
/// q, k and v of every model may have biases. `turned`: so many channels of each head of q and k have their two halves
/// in turn there, since the rotation there is of neighbours.
AttentionSpec usual_attention(Builder& builder, const std::string& at, const Heads& h, uint32_t width,
                              bool qkv_bias = false, bool out_bias = false, uint32_t turned = 0);
/// Feed-forward without a gate, with biases: layers `in` and `out` by their names.
MlpSpec plain_mlp(Builder& builder, const std::string& in, const std::string& out, uint32_t width, uint32_t inner,
                  kernel::Activation activation);
/// Gated feed-forward with at + gate_proj, up_proj and down_proj.
MlpSpec usual_mlp(Builder& builder, const std::string& at, uint32_t width, uint32_t inner,
                  kernel::Activation activation, bool bias = false);

struct Experts {
    uint32_t count = 0, chosen = 0, inner = 0;
    bool renormalise = false;
    uint32_t width = 0; ///< of what they read and give; 0: the model's
};
/// Refuses more chosen experts than there are, and counts that only a broken file has.
Status check_experts(const JsonObject& config, const Experts& e, uint32_t layers, const std::string& count_key,
                     const std::string& chosen_key);
/// Mixtral's: num_local_experts (or num_experts) and num_experts_per_tok, 8 and 2 where they are absent; as wide as
/// `inner`, the weights of the chosen renormalised.
Result<Experts> read_mixtral_experts(const JsonObject& config, uint32_t layers, uint32_t inner);
/// DeepSeek-V3's routing (Liu et al. 2024, section 2.1.2): scores by a sigmoid; of the experts of the best groups those
/// with the largest sums of score and bias; weights are the scores.
struct CorrectedRouting {
    double scale = 1; ///< routed_scaling_factor
    uint32_t groups = 1, kept_groups = 1;
};
/// routed_scaling_factor, n_group and topk_group.
Result<CorrectedRouting> read_corrected_routing(const JsonObject& config, const Experts& e);
/// With the biases at GATE.e_score_correction_bias.
void correct_routing(Builder& builder, MoeSpec& m, const std::string& gate, const CorrectedRouting& r);
/// Which layers have experts, if there are any: every decoder_sparse_step-th, except those in mlp_only_layers.
Result<std::vector<bool>> sparse_layers(const JsonObject& config, uint32_t layers, uint32_t experts);
/// Names of the router, and of one expert's projections in files that hold them one by one. gate "": they have none.
struct ExpertNames {
    std::string gate = "gate_proj", up = "up_proj", down = "down_proj", router = "gate";
};
/// Softmax-routed experts: at + ROUTER.weight and at + experts.E.PROJECTION.weight, or stacked
/// at + experts.gate_up_proj [E, 2I, D] (up_proj [E, I, D] without a gate) and at + experts.down_proj [E, D, I].
MoeSpec usual_experts(Builder& builder, const std::string& at, uint32_t width, const Experts& e,
                      kernel::Activation activation, const ExpertNames& names = {});
/// Adds at + shared_expert, which every token passes, times sigmoid of at + shared_expert_gate.
void add_gated_shared_expert(Builder& builder, MoeSpec& m, const std::string& at, uint32_t width, uint32_t inner,
                             kernel::Activation activation);

/// x += attention(input_layernorm(x)); x += ffn(post_attention_layernorm(x)), or whatever the second norm is called.
Layer pre_norm_layer(Builder& builder, const std::string& at, uint32_t width, double eps, Op attention, Op ffn,
                     const std::string& second_norm = "post_attention_layernorm", bool zero_centred = false);

/// The sliding window of each layer (0: none) from layer_types ("full_attention", "sliding_attention"),
/// or from `slides` where the config has no such key.
/// `window` is what the sliding ones use, 0 where the config has none: then no layer may slide.
Result<std::vector<uint32_t>> layer_windows(const JsonObject& config, uint32_t window, const std::vector<bool>& slides);

/// rope_of for models that always rotate whole heads, whatever partial_rotary_factor says; in GGUF files any model may
/// rotate parts of them.
Result<Rope> whole_head_rope(const JsonObject& config, Builder& builder, uint32_t head_size, double default_theta,
                             uint32_t default_context);

} // namespace weft::detail
