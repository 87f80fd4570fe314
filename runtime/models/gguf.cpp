// SPDX-License-Identifier: Apache-2.0
#include "models/gguf.hpp"

namespace weft {
namespace {

struct Name {
    const char *module, *gguf;
};
// Behind "layers.N." and "blk.N.". Where a module occurs twice, the file has one of the names.
constexpr Name kLayerNames[] = {
    {"input_layernorm", "attn_norm"}, {"self_attn.q_proj", "attn_q"}, {"self_attn.k_proj", "attn_k"}, {"self_attn.v_proj", "attn_v"}, {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "post_attention_norm"}, {"post_attention_layernorm", "ffn_norm"}, // behind the block, or before the next one
    {"pre_feedforward_layernorm", "ffn_norm"}, {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"}, {"mlp.up_proj", "ffn_up"}, {"mlp.down_proj", "ffn_down"}, {"mlp.gate", "ffn_gate_inp"},
    {"mlp.experts.gate_proj", "ffn_gate_exps"}, {"mlp.experts.up_proj", "ffn_up_exps"}, {"mlp.experts.down_proj", "ffn_down_exps"},
    {"mlp.experts.w1", "ffn_gate_exps"}, {"mlp.experts.w3", "ffn_up_exps"}, {"mlp.experts.w2", "ffn_down_exps"},
    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"}, {"mlp.shared_expert.up_proj", "ffn_up_shexp"}, {"mlp.shared_expert.down_proj", "ffn_down_shexp"}, {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"}};
constexpr Name kFrameNames[] = {{"embed_tokens", "token_embd"}, {"norm", "output_norm"}, {"lm_head", "output"}};

// The key with the architecture's prefix.
struct Keys {
    const GgufMetadata& metadata;
    std::string prefix;
    std::string operator()(const char* key) const { return prefix + key; }
};

// Copies integers and floats under other names; what the file does not have stays absent.
Status copy(const Keys& keys, Json& config, std::initializer_list<std::pair<const char*, const char*>> names) {
    for (const auto& [key, name] : names) {
        const GgufValue* value = keys.metadata.find(keys(key));
        if (!value) continue;
        if (value->type == GgufType::f32 || value->type == GgufType::f64) {
            weft_ASSIGN(config[name], keys.metadata.number(keys(key)));
        } else {
            weft_ASSIGN(config[name], keys.metadata.integer(keys(key)));
        }
    }
    return Ok{};
}

// Rotary scaling as transformers writes it; nothing if there is none.
Status read_scaling(const Keys& keys, const ModelFiles& files, Json& config) {
    if (const TensorView* divisors = files.find("rope_freqs.weight")) { // Llama 3.1: the numbers themselves
        weft_ASSIGN(const auto values, read_f32(*divisors));
        config["rope_scaling"] = {{"rope_type", "longrope"}, {"short_factor", values}, {"long_factor", values}, {"attention_factor", 1.0}};
        return Ok{};
    }
    weft_ASSIGN(const auto type, keys.metadata.string_or(keys("rope.scaling.type"), "none"));
    if (type == "none") return Ok{};
    Json scaling = {{"rope_type", std::string(type)}};
    weft_TRY(copy(keys, scaling, {{"rope.scaling.factor", "factor"}, {"rope.scaling.original_context_length", "original_max_position_embeddings"},
                                  {"rope.scaling.yarn_beta_fast", "beta_fast"}, {"rope.scaling.yarn_beta_slow", "beta_slow"}}));
    config["rope_scaling"] = std::move(scaling);
    return Ok{};
}

} // namespace

Result<Json> gguf_decoder(const ModelFiles& files, const char* model_type) {
    const GgufMetadata& metadata = *files.gguf();
    weft_ASSIGN(const auto architecture, metadata.string("general.architecture"));
    const Keys keys{metadata, std::string(architecture) + "."};
    Json config = {{"model_type", model_type}, {"tie_word_embeddings", files.find("output.weight") == nullptr}};
    weft_TRY(copy(keys, config, {{"block_count", "num_hidden_layers"}, {"embedding_length", "hidden_size"}, {"feed_forward_length", "intermediate_size"}, {"context_length", "max_position_embeddings"},
                                 {"vocab_size", "vocab_size"}, {"attention.head_count", "num_attention_heads"}, {"attention.head_count_kv", "num_key_value_heads"}, {"attention.key_length", "head_dim"},
                                 {"attention.layer_norm_rms_epsilon", "rms_norm_eps"}, {"attention.layer_norm_epsilon", "layer_norm_eps"}, {"attention.sliding_window", "sliding_window"},
                                 {"rope.freq_base", "rope_theta"}, {"attn_logit_softcapping", "attn_logit_softcapping"}, {"final_logit_softcapping", "final_logit_softcapping"},
                                 {"expert_count", "num_experts"}, {"expert_used_count", "num_experts_per_tok"}, {"expert_feed_forward_length", "moe_intermediate_size"},
                                 {"expert_shared_feed_forward_length", "shared_expert_intermediate_size"}}));
    if (!config.contains("num_key_value_heads") && config.contains("num_attention_heads")) config["num_key_value_heads"] = config["num_attention_heads"];
    if (!config.contains("head_dim")) config["head_dim"] = nullptr; // the width's share of each head
    // What transformers' classes take for an absent key is not what the converter leaves out.
    for (const char* key : {"sliding_window", "attn_logit_softcapping", "final_logit_softcapping"})
        if (!config.contains(key)) config[key] = nullptr;
    const TensorView* table = files.find("token_embd.weight");
    if (table && table->shape.size() == 2) config["vocab_size"] = table->shape[0]; // may be padded beyond the tokenizer's
    weft_TRY(read_scaling(keys, files, config));
    return config;
}

std::vector<std::string> gguf_names(const std::string& name) {
    const size_t ending = std::min(name.rfind('.'), name.size()); // ".weight", ".bias"
    std::string module = name.substr(0, ending), block;
    const std::string suffix = name.substr(ending);
    if (module.starts_with("layers."))
        if (const size_t dot = module.find('.', 7); dot != module.npos) {
            block = "blk." + module.substr(7, dot - 6);
            module.erase(0, dot + 1);
        }
    std::vector<std::string> names;
    for (const Name& n : block.empty() ? std::span<const Name>(kFrameNames) : std::span<const Name>(kLayerNames))
        if (module == n.module) names.push_back(block + n.gguf + suffix);
    if (names.empty()) names.push_back(name);
    return names;
}

} // namespace weft
