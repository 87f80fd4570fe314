// SPDX-License-Identifier: Apache-2.0
#include "models/gguf.hpp"
#include <algorithm>
#include <array>
#include <functional>

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

// The metadata under the architecture's prefix.
struct Keys {
    const GgufMetadata& metadata;
    std::string prefix;
    std::string operator()(const char* key) const { return prefix + key; }

    Error bad(const char* key, const std::string& rule) const { return metadata.bad((*this)(key), rule); }
    Error unsupported(const char* key, const std::string& rule) const {
        return {ErrorCode::unsupported, bad(key, rule).message, {}};
    }
};

Result<Keys> keys_of(const ModelFiles& files) {
    weft_ASSIGN(const auto architecture, files.gguf()->string("general.architecture"));
    return Keys{*files.gguf(), std::string(architecture) + "."};
}

Result<uint32_t> layers_of(const Keys& keys) {
    weft_ASSIGN(const uint32_t layers, keys.metadata.count(keys("block_count")));
    if (layers > kMostLayers) return keys.bad("block_count", "must be at most " + std::to_string(kMostLayers));
    return layers;
}

// An array's entries, one a layer.
Result<std::vector<Json>> entries(const Keys& keys, const char* key, const GgufValue& value) {
    weft_ASSIGN(const uint32_t layers, layers_of(keys));
    std::vector<Json> all;
    if (value.type == GgufType::f32 || value.type == GgufType::f64) {
        weft_ASSIGN(const auto numbers, keys.metadata.numbers(keys(key)));
        all.assign(numbers.begin(), numbers.end());
    } else {
        weft_ASSIGN(const auto numbers, keys.metadata.integers(keys(key)));
        for (const int64_t n : numbers) all.push_back(value.type == GgufType::boolean ? Json(n != 0) : Json(n));
    }
    if (all.size() != layers)
        return keys.bad(key,
                        "has " + std::to_string(all.size()) + " entries for " + std::to_string(layers) + " layers");
    return all;
}

Result<uint32_t> count(const Keys& keys, const Json& config, const char* name) {
    auto n = JsonObject(config, keys.metadata.origin()).count(name);
    return n ? std::move(n) : in_gguf_words(n.error(), config);
}

// A boolean or a number, which may also be an array of as many equal ones as there are layers; null if the key is
// absent.
Result<Json> value_of(const Keys& keys, const char* key) {
    const GgufValue* value = keys.metadata.find(keys(key));
    if (!value) return Json();
    if (value->array) {
        weft_ASSIGN(const auto all, entries(keys, key, *value));
        if (std::ranges::adjacent_find(all, std::not_equal_to()) != all.end())
            return keys.unsupported(key, "differs between layers, which is not supported");
        return all[0];
    }
    if (value->type == GgufType::boolean) {
        weft_ASSIGN(const bool truth, keys.metadata.boolean_or(keys(key), false));
        return Json(truth);
    }
    if (value->type == GgufType::f32 || value->type == GgufType::f64) {
        weft_ASSIGN(const double number, keys.metadata.number(keys(key)));
        return Json(number);
    }
    if (value->type == GgufType::string) return keys.bad(key, "must be a number, is a string");
    weft_ASSIGN(const int64_t number, keys.metadata.integer(keys(key)));
    return Json(number);
}

Status copy(const Keys& keys, Json& config, std::initializer_list<GgufKey> list) {
    for (const GgufKey& row : list) {
        config[kGgufKeys][row.name] = keys(row.key);
        weft_ASSIGN(Json value, value_of(keys, row.key));
        if (value.is_null() && !row.otherwise) return keys.bad(row.key, "is missing");
        config[row.name] = value.is_null() ? *row.otherwise : std::move(value);
    }
    return Ok{};
}

// Layers that draft further tokens stand behind the others.
Status read_layers(const Keys& keys, Json& config, bool drafts) {
    weft_TRY(copy(keys, config,
                  {{"block_count", "num_hidden_layers"}, {"nextn_predict_layers", "num_nextn_predict_layers", 0}}));
    weft_ASSIGN(const uint32_t all, layers_of(keys));
    if (config["num_nextn_predict_layers"] == 0) return Ok{};
    // Versions of llama.cpp disagree on whether such a file has a layer less.
    if (!drafts) return keys.unsupported("nextn_predict_layers", "must be 0 for this architecture");
    weft_ASSIGN(const uint32_t predicting, count(keys, config, "num_nextn_predict_layers"));
    if (predicting >= all) return keys.bad("nextn_predict_layers", "must be below the number of layers");
    config["num_hidden_layers"] = all - predicting;
    return Ok{};
}

// num_key_value_heads: as many as heads where there is no such key. Layers with 0 are recurrent.
Status read_kv_heads(const Keys& keys, Json& config, bool hybrid) {
    constexpr const char* key = "attention.head_count_kv";
    config[kGgufKeys]["num_key_value_heads"] = keys(key);
    weft_ASSIGN(const uint32_t layers, layers_of(keys));
    std::vector<Json> counts(layers, config["num_attention_heads"]);
    if (const GgufValue* value = keys.metadata.find(keys(key)); value && value->array) {
        weft_ASSIGN(counts, entries(keys, key, *value));
    } else if (value) {
        weft_ASSIGN(const int64_t all, keys.metadata.integer(keys(key)));
        counts.assign(layers, all);
    }
    weft_ASSIGN(const uint32_t kept, count(keys, config, "num_hidden_layers"));
    counts.resize(kept);
    Json types = Json::array(), heads;
    for (const Json& own : counts) {
        const bool attends = !hybrid || own != 0;
        types.push_back(attends ? "full_attention" : "linear_attention");
        if (!attends) continue;
        if (!heads.is_null() && heads != own)
            return keys.unsupported(key, "differs between layers, which is not supported");
        heads = own;
    }
    config["num_key_value_heads"] = heads;
    if (hybrid) config["layer_types"] = std::move(types);
    return Ok{};
}

// Of each head, this much is rotated, and in layers that slide as much as in others.
Status read_head_sizes(const Keys& keys, Json& config) {
    if (config["num_attention_heads"].is_null() || config["num_attention_heads"] == 0) return Ok{};
    weft_ASSIGN(const uint32_t heads, count(keys, config, "num_attention_heads"));
    weft_ASSIGN(const uint32_t width, count(keys, config, "hidden_size"));
    if (config["head_dim"].is_null()) config["head_dim"] = std::max(1u, width / heads);
    weft_ASSIGN(const uint32_t head, count(keys, config, "head_dim"));
    weft_TRY(copy(keys, config, {{"rope.dimension_count", "rotated", head}}));
    weft_ASSIGN(const uint32_t rotated, count(keys, config, "rotated"));
    if (rotated > head)
        return keys.bad("rope.dimension_count", "must be at most the " + std::to_string(head) +
                                                    " channels of a head, is " + std::to_string(rotated));
    // Half a channel more, so that rounding takes none away.
    config["partial_rotary_factor"] = rotated == head ? 1 : (double(rotated) + 0.5) / double(head);
    for (const auto& [key, same] : {std::pair{"attention.value_length", head},
                                    {"attention.key_length_swa", head},
                                    {"attention.value_length_swa", head},
                                    {"rope.dimension_count_swa", rotated}}) {
        weft_ASSIGN(const Json given, value_of(keys, key));
        if (!given.is_null() && given != same)
            return keys.unsupported(key, "is not " + std::to_string(same) + ", which is not supported");
    }
    return Ok{};
}

// What a file divides rotary frequencies by, for short and for long texts: LongRoPE's two lists, or Llama 3.1's one for
// both. Nothing if it has none; a list that it lacks beside another divides by 1.
Result<std::optional<std::array<std::vector<double>, 2>>> read_divisors(const ModelFiles& files) {
    using Lists = std::array<std::vector<double>, 2>;
    constexpr const char* kNames[][2] = {{"rope_factors_short.weight", "rope_factors_long.weight"},
                                         {"rope_freqs.weight", "rope_freqs.weight"}};
    for (const auto& names : kNames) {
        Lists lists;
        for (size_t i = 0; i < 2; ++i)
            if (const TensorView* view = files.find(names[i])) {
                weft_ASSIGN(const auto values, read_f32(*view));
                lists[i].assign(values.begin(), values.end());
            }
        for (size_t i = 0; i < 2; ++i)
            if (lists[i].empty()) lists[i].assign(lists[1 - i].size(), 1);
        if (!lists[0].empty()) return std::optional(std::move(lists));
    }
    return std::optional<Lists>();
}

// By which all rotary frequencies are divided, in YaRN the low ones.
Result<double> read_factor(const Keys& keys, Json& scaling, bool yarn) {
    weft_TRY(copy(keys, scaling, {{"rope.scale_linear", "factor", 0}}));
    weft_TRY(copy(keys, scaling, {{"rope.scaling.factor", "factor", scaling["factor"]}}));
    const auto factor = JsonObject(scaling, keys.metadata.origin()).number("factor");
    const double least = yarn ? 1 : 0;
    if (!factor || !(*factor == 0 || *factor >= least))
        return keys.bad("rope.scaling.factor", "must be " + std::string(yarn ? "at least 1" : "positive"));
    return *factor == 0 ? 1 : *factor;
}

// Rotary scaling in the words of transformers: LongRoPE is its type that takes divisors.
Status read_scaling(const Keys& keys, const ModelFiles& files, Json& config) {
    weft_ASSIGN(const auto type, keys.metadata.string_or(keys("rope.scaling.type"), "linear"));
    if (type != "none" && type != "linear" && type != "yarn" && type != "longrope")
        return Error{ErrorCode::unsupported,
                     keys.bad("rope.scaling.type", "is " + in_quotes(type) + ", which is not supported").message,
                     {"weft knows: none, linear, yarn, longrope"}};
    Json scaling = Json::object();
    weft_TRY(copy(keys, scaling,
                  {{"rope.scaling.attn_factor", kRopeMagnitude, 1},
                   {"rope.scaling.original_context_length", "original_max_position_embeddings",
                    config["max_position_embeddings"]},
                   {"rope.scaling.yarn_beta_fast", "beta_fast", 32},
                   {"rope.scaling.yarn_beta_slow", "beta_slow", 1},
                   {"rope.scaling.yarn_truncate", "truncate", true}}));
    weft_ASSIGN(double factor, read_factor(keys, scaling, type == "yarn"));
    if (type == "none") factor = 1;
    scaling["factor"] = factor;
    scaling["rope_type"] = type == "yarn" ? "yarn" : "linear";
    weft_ASSIGN(auto divisors, read_divisors(files));
    if (divisors && type == "yarn")
        return keys.unsupported("rope.scaling.type", "is 'yarn' beside tensors of divisors, which is not supported");
    if ((divisors || type == "yarn") && scaling["original_max_position_embeddings"].is_null())
        return keys.bad("context_length", "is missing");
    if (divisors) {
        for (auto& list : *divisors)
            for (double& d : list) d *= factor;
        scaling.update({{"rope_type", "longrope"},
                        {"short_factor", (*divisors)[0]},
                        {"long_factor", (*divisors)[1]},
                        {"attention_factor", 1}});
    }
    for (const auto& [name, key] : scaling[kGgufKeys].items()) config[kGgufShared].push_back(key);
    config[kGgufKeys].update(scaling[kGgufKeys]);
    scaling.erase(kGgufKeys);
    config["rope_scaling"] = std::move(scaling);
    return Ok{};
}

// A list's entry for a module or a whole name.
const char* entry(std::span<const GgufName> names, const std::string& name) {
    for (const GgufName& n : names)
        if (name == n.module) return n.gguf;
    return nullptr;
}

// The first part between dots that is a number: where it begins, and its length; 0: there is none.
std::pair<size_t, size_t> number_in(const std::string& name) {
    for (size_t at = 0, end; at < name.size(); at = end + 1) {
        end = std::min(name.find('.', at), name.size());
        if (end > at && name.find_first_not_of("0123456789", at) >= end) return {at, end - at};
    }
    return {0, 0};
}

} // namespace

Result<Json> gguf_decoder(const ModelFiles& files, const char* model_type, const GgufDecoder& decoder) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    Json config = {{"model_type", model_type}, {"tie_word_embeddings", files.find("output.weight") == nullptr}};
    weft_TRY(read_layers(keys, config, decoder.drafts));
    const Json layers = config[kGgufKeys];
    weft_TRY(copy(keys, config,
                  {{"embedding_length", "hidden_size"},
                   {"context_length", "max_position_embeddings", nullptr},
                   {"feed_forward_length", "intermediate_size", nullptr},
                   {"attention.head_count", "num_attention_heads", nullptr},
                   {"attention.key_length", "head_dim", nullptr}, // the width's share of each head
                   {"attention.sliding_window", "sliding_window", nullptr},
                   {"attn_logit_softcapping", "attn_logit_softcapping", nullptr},
                   {"final_logit_softcapping", "final_logit_softcapping", nullptr},
                   {"rope.freq_base", "rope_theta", 10000},
                   {"expert_count", "num_experts", 0},
                   {"expert_used_count", "num_experts_per_tok", 0}, // refused where there are experts
                   {"expert_feed_forward_length", "moe_intermediate_size", nullptr},
                   {"expert_shared_feed_forward_length", "shared_expert_intermediate_size", nullptr},
                   decoder.epsilon}));
    for (const auto& [name, key] : config[kGgufKeys].items())
        if (!layers.contains(name)) config[kGgufShared].push_back(key);
    weft_ASSIGN(const bool causal, keys.metadata.boolean_or(keys("attention.causal"), true));
    if (causal == decoder.both_ways)
        return keys.unsupported("attention.causal",
                                causal ? "is not false: tokens would not see those behind them, which is not supported"
                                       : "is false: tokens would see those behind them, which is not supported");
    if (config["num_experts"] == 0) config["num_experts_per_tok"] = nullptr;
    weft_TRY(read_kv_heads(keys, config, decoder.hybrid));
    weft_TRY(read_head_sizes(keys, config));
    weft_TRY(read_scaling(keys, files, config));
    if (config["sliding_window"] == 0) config["sliding_window"] = nullptr;
    // Widths that older files leave to the tensors.
    const auto from_tensor = [&](const char* key, const char* tensor, size_t axis) {
        for (const TensorView* t : files.tensors())
            if (config[key].is_null() && t->name.ends_with(tensor) && t->shape.size() > axis)
                config[key] = t->shape[axis];
    };
    from_tensor("moe_intermediate_size", ".ffn_gate_exps.weight", 1);
    from_tensor("shared_expert_intermediate_size", ".ffn_gate_shexp.weight", 0);
    const TensorView* table = files.find("token_embd.weight");
    if (table && table->shape.size() == 2) config["vocab_size"] = table->shape[0];
    else weft_TRY(copy(keys, config, {{"vocab_size", "vocab_size", nullptr}})); // a file that is yet to be written
    return config;
}

void gguf_rename(Json& config, const char* from, const char* to) {
    config[to] = config[from];
    config[kGgufKeys][to] = config[kGgufKeys][from];
}

Status gguf_copy(const ModelFiles& files, Json& config, std::initializer_list<GgufKey> list) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    return copy(keys, config, list);
}

Result<std::optional<std::vector<bool>>> gguf_truths(const ModelFiles& files, const Json& config, const char* key) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    weft_ASSIGN(const uint32_t layers, count(keys, config, "num_hidden_layers"));
    const GgufValue* value = keys.metadata.find(keys(key));
    if (!value || !value->array) return std::optional<std::vector<bool>>();
    weft_ASSIGN(const auto all, entries(keys, key, *value));
    std::vector<bool> truths;
    for (uint32_t i = 0; i < layers; ++i) truths.push_back(all[i] != false && all[i] != 0);
    return std::optional(std::move(truths));
}

Status gguf_windows(const ModelFiles& files, Json& config, uint32_t period) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    constexpr const char* key = "attention.sliding_window_pattern";
    weft_ASSIGN(const uint32_t layers, count(keys, config, "num_hidden_layers"));
    std::vector<bool> slides(layers, false);
    if (!config["sliding_window"].is_null()) {
        weft_ASSIGN(auto listed, gguf_truths(files, config, key));
        if (listed) slides = std::move(*listed);
        else {
            weft_ASSIGN(const int64_t every, keys.metadata.integer_or(keys(key), period));
            if (every < 0) return keys.bad(key, "must not be negative");
            for (uint32_t i = 0; i < layers; ++i) slides[i] = every == 0 || i % every != every - 1;
        }
    }
    config["layer_types"] = Json::array();
    for (const bool slide : slides) config["layer_types"].push_back(slide ? "sliding_attention" : "full_attention");
    return Ok{};
}

Result<uint32_t> gguf_count(const ModelFiles& files, const Json& config, const char* name) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    return count(keys, config, name);
}

Error in_gguf_words(Error error, const Json& config) {
    if (!config.contains(kGgufKeys)) return error;
    for (const auto& [name, key] : config[kGgufKeys].items()) {
        const std::string ours = "key '" + name + "'";
        if (const size_t at = error.message.find(ours); at != error.message.npos)
            error.message.replace(at, ours.size(), "key '" + key.get<std::string>() + "'");
    }
    return error;
}

Status gguf_one_rope(const ModelFiles& files, const Json& config) {
    weft_ASSIGN(const Keys keys, keys_of(files));
    weft_ASSIGN(const Json base, value_of(keys, "rope.freq_base_swa"));
    if (!base.is_null() && base != config["rope_theta"])
        return keys.unsupported("rope.freq_base_swa",
                                "is not " + config["rope_theta"].dump() + ", which is not supported");
    weft_ASSIGN(const auto type, keys.metadata.string_or(keys("rope.scaling.type"), "linear"));
    weft_ASSIGN(const Json factor, value_of(keys, "rope.scaling.factor"));
    if (type == "none" && !factor.is_null() && factor != 1)
        return keys.unsupported(
            "rope.scaling.type",
            "is 'none' beside a factor, by which layers that slide are scaled; this is not supported");
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

std::string gguf_name(const std::string& name, std::span<const GgufName> own) {
    const auto found = [](std::span<const GgufName> list, const std::string& in) -> std::optional<std::string> {
        if (const char* whole = entry(list, in)) return whole;
        const size_t ending = std::min(in.rfind('.'), in.size()); // ".weight", ".bias"
        if (const char* module = entry(list, in.substr(0, ending))) return module + in.substr(ending);
        return std::nullopt;
    };
    if (const auto [at, length] = number_in(name); length > 0) {
        std::string starred = name;
        if (auto known = found(own, starred.replace(at, length, "*")))
            return known->replace(known->find('*'), 1, name, at, length);
    }
    std::string block, rest = name;
    for (const char* layers : {"layers.", "h."})
        if (const size_t from = std::string_view(layers).size(); name.starts_with(layers))
            if (const size_t dot = name.find('.', from); dot != name.npos) {
                block = "blk." + name.substr(from, dot + 1 - from);
                rest = name.substr(dot + 1);
                break;
            }
    const std::span<const GgufName> usual =
        block.empty() ? std::span<const GgufName>(kFrameNames) : std::span<const GgufName>(kLayerNames);
    for (const std::span<const GgufName> list : {own, usual})
        if (const auto known = found(list, rest)) return block + *known;
    for (const GgufName& s : kSynonyms)
        if (rest.starts_with(s.module))
            for (const std::span<const GgufName> list : {own, usual})
                if (const auto known = found(list, s.gguf + rest.substr(std::string_view(s.module).size())))
                    return block + *known;
    return name;
}

} // namespace weft
