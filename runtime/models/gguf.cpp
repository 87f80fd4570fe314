// SPDX-License-Identifier: Apache-2.0
#include "models/gguf.hpp"

namespace weft {
namespace {

constexpr GgufName kLayerNames[] = {{"input_layernorm", "attn_norm"},
                                    {"norm", "attn_norm"},
                                    {"post_attention_layernorm", "ffn_norm"},
                                    {"pre_ff_layernorm", "ffn_norm"},
                                    {"self_attn.q_proj", "attn_q"},
                                    {"self_attn.k_proj", "attn_k"},
                                    {"self_attn.v_proj", "attn_v"},
                                    {"self_attn.o_proj", "attn_output"},
                                    {"self_attn.qkv_proj", "attn_qkv"},
                                    {"self_attn.q_norm", "attn_q_norm"},
                                    {"self_attn.k_norm", "attn_k_norm"},
                                    {"mlp.gate_proj", "ffn_gate"},
                                    {"mlp.up_proj", "ffn_up"},
                                    {"mlp.down_proj", "ffn_down"},
                                    {"mlp.gate", "ffn_gate_inp"},
                                    {"mlp.router", "ffn_gate_inp"},
                                    {"mlp.experts.gate_proj", "ffn_gate_exps"},
                                    {"mlp.experts.up_proj", "ffn_up_exps"},
                                    {"mlp.experts.down_proj", "ffn_down_exps"},
                                    {"mlp.experts.w1", "ffn_gate_exps"},
                                    {"mlp.experts.w3", "ffn_up_exps"},
                                    {"mlp.experts.w2", "ffn_down_exps"},
                                    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"},
                                    {"mlp.shared_expert.up_proj", "ffn_up_shexp"},
                                    {"mlp.shared_expert.down_proj", "ffn_down_shexp"},
                                    {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"},
                                    {"mixer.in_proj", "ssm_in"},
                                    {"mixer.conv1d", "ssm_conv1d"},
                                    {"mixer.x_proj", "ssm_x"},
                                    {"mixer.dt_proj", "ssm_dt"},
                                    {"mixer.dt_bias", "ssm_dt.bias"},
                                    {"mixer.A_log", "ssm_a"},
                                    {"mixer.D", "ssm_d"},
                                    {"mixer.norm", "ssm_norm"},
                                    {"mixer.out_proj", "ssm_out"},
                                    {"mixer.dt_layernorm", "ssm_dt_norm"},
                                    {"mixer.b_layernorm", "ssm_b_norm"},
                                    {"mixer.c_layernorm", "ssm_c_norm"}};
constexpr GgufName kFrameNames[] = {{"embed_tokens", "token_embd"}, {"embeddings", "token_embd"},
                                    {"embedding", "token_embd"},    {"norm", "output_norm"},
                                    {"norm_f", "output_norm"},      {"final_layernorm", "output_norm"},
                                    {"lm_head", "output"}};
// What hybrids call the blocks that others call otherwise.
constexpr GgufName kSynonyms[] = {{"mamba.", "mixer."}, {"feed_forward.", "mlp."}};

// The key with the architecture's prefix.
struct Keys {
    const GgufMetadata& metadata;
    std::string prefix;
    std::string operator()(const char* key) const { return prefix + key; }
};

Status copy(const Keys& keys, Json& config, std::initializer_list<std::pair<const char*, const char*>> names) {
    for (const auto& [key, name] : names) {
        config[kGgufKeys][name] = keys(key);
        const GgufValue* value = keys.metadata.find(keys(key));
        if (!value) continue;
        if (value->array) continue; // a number for each layer: the architecture's own matter
        if (value->type == GgufType::boolean) {
            weft_ASSIGN(config[name], keys.metadata.boolean_or(keys(key), false));
        } else if (value->type == GgufType::f32 || value->type == GgufType::f64) {
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
        config["rope_scaling"] = {
            {"rope_type", "longrope"}, {"short_factor", values}, {"long_factor", values}, {"attention_factor", 1.0}};
        return Ok{};
    }
    weft_ASSIGN(const auto type, keys.metadata.string_or(keys("rope.scaling.type"), "none"));
    if (type == "none") return Ok{};
    Json scaling = {{"rope_type", std::string(type)}};
    weft_TRY(copy(keys, scaling,
                  {{"rope.scaling.factor", "factor"},
                   {"rope.scaling.original_context_length", "original_max_position_embeddings"},
                   {"rope.scaling.yarn_beta_fast", "beta_fast"},
                   {"rope.scaling.yarn_beta_slow", "beta_slow"},
                   {"rope.scaling.yarn_truncate", "truncate"}}));
    config["rope_scaling"] = std::move(scaling);
    return Ok{};
}

Result<Keys> keys_of(const ModelFiles& files) {
    weft_ASSIGN(const auto architecture, files.gguf()->string("general.architecture"));
    return Keys{*files.gguf(), std::string(architecture) + "."};
}

// A list's entry for a module or a whole name.
const char* entry(std::span<const GgufName> names, const std::string& name) {
    for (const GgufName& n : names)
        if (name == n.module) return n.gguf;
    return nullptr;
}

} // namespace

Result<Json> gguf_decoder(const ModelFiles& files, const char* model_type) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    Json config = {{"model_type", model_type}, {"tie_word_embeddings", files.find("output.weight") == nullptr}};
    weft_TRY(copy(keys, config,
                  {{"block_count", "num_hidden_layers"},
                   {"embedding_length", "hidden_size"},
                   {"feed_forward_length", "intermediate_size"},
                   {"context_length", "max_position_embeddings"},
                   {"vocab_size", "vocab_size"},
                   {"attention.head_count", "num_attention_heads"},
                   {"attention.head_count_kv", "num_key_value_heads"},
                   {"attention.key_length", "head_dim"},
                   {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
                   {"attention.layer_norm_epsilon", "layer_norm_eps"},
                   {"attention.sliding_window", "sliding_window"},
                   {"rope.freq_base", "rope_theta"},
                   {"attn_logit_softcapping", "attn_logit_softcapping"},
                   {"final_logit_softcapping", "final_logit_softcapping"},
                   {"expert_count", "num_experts"},
                   {"expert_used_count", "num_experts_per_tok"},
                   {"expert_feed_forward_length", "moe_intermediate_size"},
                   {"expert_shared_feed_forward_length", "shared_expert_intermediate_size"}}));
    if (!config.contains("num_key_value_heads") && config.contains("num_attention_heads"))
        config["num_key_value_heads"] = config["num_attention_heads"];
    if (!config.contains("head_dim")) config["head_dim"] = nullptr; // the width's share of each head
    if (config.contains("sliding_window") && config["sliding_window"] == 0) config["sliding_window"] = nullptr;
    // Widths that older files leave to the tensors.
    const auto from_tensor = [&](const char* key, const char* tensor, size_t axis) {
        for (const TensorView* t : files.tensors())
            if (!config.contains(key) && t->name.ends_with(tensor) && t->shape.size() > axis)
                config[key] = t->shape[axis];
    };
    from_tensor("moe_intermediate_size", ".ffn_gate_exps.weight", 1);
    from_tensor("shared_expert_intermediate_size", ".ffn_gate_shexp.weight", 0);
    // What transformers' classes take for an absent key is not what the converter leaves out.
    for (const char* key : {"sliding_window", "attn_logit_softcapping", "final_logit_softcapping"})
        if (!config.contains(key)) config[key] = nullptr;
    // Of each head, this much is rotated.
    if (const GgufValue* rotated = keys.metadata.find(keys("rope.dimension_count"));
        rotated && !rotated->array && config.contains("num_attention_heads") && config["num_attention_heads"] > 0 &&
        config.contains("hidden_size")) {
        weft_ASSIGN(const double dims, keys.metadata.number(keys("rope.dimension_count")));
        const double head =
            config["head_dim"].is_number()
                ? config["head_dim"].get<double>()
                : double(config["hidden_size"].get<int64_t>() / config["num_attention_heads"].get<int64_t>());
        if (dims > 0 && dims < head) config["partial_rotary_factor"] = dims / head;
    }
    const TensorView* table = files.find("token_embd.weight");
    if (table && table->shape.size() == 2)
        config["vocab_size"] = table->shape[0]; // may be padded beyond the tokenizer's
    weft_TRY(read_scaling(keys, files, config));
    return config;
}

Status gguf_copy(const ModelFiles& files, Json& config,
                 std::initializer_list<std::pair<const char*, const char*>> keys_and_names) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    return copy(keys, config, keys_and_names);
}

Status gguf_layer_types(const ModelFiles& files, Json& config) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    weft_ASSIGN(const auto counts, keys.metadata.integers(keys("attention.head_count_kv")));
    Json types = Json::array();
    int64_t most = 0;
    for (const int64_t n : counts) {
        types.push_back(n ? "full_attention" : "linear_attention");
        if (n && most && n != most)
            return Error{
                ErrorCode::unsupported,
                keys.metadata
                    .bad(keys("attention.head_count_kv"), "has different numbers of heads, which is not supported")
                    .message,
                {}};
        most = std::max(most, n);
    }
    config["layer_types"] = std::move(types);
    if (most) config["num_key_value_heads"] = most;
    return Ok{};
}

Status gguf_expand(const ModelFiles& files, Json& config, const char* name) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    weft_ASSIGN(const uint32_t inner, keys.metadata.count(keys("ssm.inner_size")));
    weft_ASSIGN(const uint32_t width, keys.metadata.count(keys("embedding_length")));
    if (inner % width)
        return Error{ErrorCode::unsupported,
                     keys.metadata.bad(keys("ssm.inner_size"), "must be a multiple of embedding_length").message,
                     {}};
    config[name] = inner / width;
    return Ok{};
}

bool gguf_has(const ModelFiles& files, const std::string& name) {
    if (files.find("blk.0." + name)) return true;
    for (const TensorView* t : files.tensors())
        if (t->name.starts_with("blk.") && t->name.size() > name.size() && t->name.ends_with(name) &&
            t->name.find('.', 4) + 1 == t->name.size() - name.size())
            return true;
    return false;
}

std::string gguf_name(const std::string& name, std::span<const GgufName> own) {
    std::string block, rest = name;
    for (const char* layers : {"layers.", "h."})
        if (const size_t from = std::string_view(layers).size(); name.starts_with(layers))
            if (const size_t dot = name.find('.', from); dot != name.npos) {
                block = "blk." + name.substr(from, dot + 1 - from);
                rest = name.substr(dot + 1);
                break;
            }
    const auto found = [&](const std::string& in) -> std::optional<std::string> {
        for (const std::span<const GgufName> list :
             {own, block.empty() ? std::span<const GgufName>(kFrameNames) : std::span<const GgufName>(kLayerNames)}) {
            if (const char* whole = entry(list, in)) return block + whole;
            const size_t ending = std::min(in.rfind('.'), in.size()); // ".weight", ".bias"
            if (const char* module = entry(list, in.substr(0, ending))) return block + module + in.substr(ending);
        }
        return std::nullopt;
    };
    if (const auto known = found(rest)) return *known;
    for (const GgufName& s : kSynonyms)
        if (rest.starts_with(s.module))
            if (const auto known = found(s.gguf + rest.substr(std::string_view(s.module).size()))) return *known;
    return name;
}

} // namespace weft
