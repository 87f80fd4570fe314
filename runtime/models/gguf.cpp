// SPDX-License-Identifier: Apache-2.0
#include "layers/attention.hpp"
#include "layers/moe.hpp"
#include "models/gguf_keys.hpp"
#include <algorithm>
#include <functional>
#include <set>

namespace weft::detail {
namespace {

Result<uint32_t> block_count(const GgufPrefixed& keys) {
    weft_ASSIGN(const uint32_t layers, keys.metadata.count(keys("block_count")));
    if (layers > kMostLayers) return keys.bad("block_count", "must be at most " + std::to_string(kMostLayers));
    return layers;
}

// An array's entries, one a layer.
Result<std::vector<Json>> entries(const GgufPrefixed& keys, const char* key, const GgufValue& value) {
    weft_ASSIGN(const uint32_t layers, block_count(keys));
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

// The same, or as often what is no array.
Result<std::vector<Json>> each_layer(const GgufPrefixed& keys, const char* key) {
    const GgufValue* value = keys.metadata.find(keys(key));
    if (value && value->array) return entries(keys, key, *value);
    weft_ASSIGN(const uint32_t layers, block_count(keys));
    weft_ASSIGN(const int64_t all, keys.metadata.integer(keys(key)));
    return std::vector<Json>(layers, all);
}

} // namespace

Result<GgufPrefixed> gguf_prefixed(const ModelFiles& files) {
    weft_ASSIGN(const auto architecture, files.gguf()->string("general.architecture"));
    return GgufPrefixed{*files.gguf(), std::string(architecture) + "."};
}

Result<uint32_t> gguf_count(const GgufPrefixed& keys, const Json& config, const char* name) {
    auto n = JsonObject(config, keys.metadata.origin()).count(name);
    return n ? std::move(n) : in_gguf_words(n.error(), config);
}

Result<Json> gguf_value(const GgufPrefixed& keys, const char* key) {
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

Status gguf_copy(const GgufPrefixed& keys, Json& config, const std::vector<GgufKey>& list) {
    for (const GgufKey& row : list) {
        if (!row.name) continue;
        config[kGgufKeys][row.name] = keys(row.key);
        weft_ASSIGN(Json value, gguf_value(keys, row.key));
        if (value.is_null() && !row.otherwise) return keys.bad(row.key, "is missing");
        config[row.name] = value.is_null() ? *row.otherwise : std::move(value);
    }
    return Ok{};
}

namespace {

constexpr uint32_t kAnyContext = 1u << 20; // llama.cpp's converter writes it for recurrent models

GgufSaid if_not_zero(float x) { return x != 0 ? GgufSaid(x) : GgufSaid(); }

// Layers are those of all stages, in their order.
std::vector<const Layer*> layers_of(const Schedule& s) {
    std::vector<const Layer*> layers;
    for (const Stage& stage : s.stages)
        for (const Layer& layer : stage.layers) layers.push_back(&layer);
    return layers;
}

GgufSaid said_layers(const Schedule& s) { return uint32_t(layers_of(s).size()); }
GgufSaid said_context(const Schedule& s) { return s.trained_context ? s.trained_context : kAnyContext; }
GgufSaid said_width(const Schedule& s) { return decoder_of(s).width; }
GgufSaid said_vocabulary(const Schedule& s) { return s.vocabulary; }
GgufSaid said_logit_cap(const Schedule& s) { return if_not_zero(head_linear(s).softcap); }

GgufSaid said_inner(const Schedule& s) {
    if (const auto* mlp = first_op<MlpSpec>(s)) return mlp->inner;
    const auto* moe = first_op<MoeSpec>(s);
    return moe ? moe->inner : 0u;
}

GgufSaid said_heads(const Schedule& s) {
    const auto* a = first_op<AttentionSpec>(s);
    return a ? a->heads : 0u;
}

// Layers without attention have 0 in a hybrid.
GgufSaid said_kv_heads(const Schedule& s, bool hybrid) {
    if (!hybrid) return said<&AttentionSpec::kv_heads>(s);
    std::vector<int32_t> counts;
    for (const Layer* layer : layers_of(s)) {
        const auto* a = op_of<AttentionSpec>(*layer);
        counts.push_back(a ? int32_t(a->kv_heads) : 0);
    }
    return counts;
}

GgufSaid said_window(const Schedule& s) {
    uint32_t window = 0;
    for (const Layer* layer : layers_of(s))
        if (const auto* a = op_of<AttentionSpec>(*layer)) window = std::max(window, a->window);
    return window ? GgufSaid(window) : GgufSaid();
}

GgufSaid score_cap(const AttentionSpec& a) { return if_not_zero(a.softcap); }
GgufSaid rotated(const AttentionSpec& a) {
    return a.rope.kind != RopeKind::none ? GgufSaid(a.rope.rotary) : GgufSaid();
}

// As llama.cpp counts the ways to score.
uint32_t gating(const MoeSpec& m) {
    if (m.weight == kernel::RouterWeight::softmax_of_chosen) return 3;
    return m.score == kernel::RouterScore::sigmoid ? 2 : 1;
}
GgufSaid groups(const MoeSpec& m) { return m.groups > 1 ? GgufSaid(m.groups) : GgufSaid(); }
GgufSaid kept_groups(const MoeSpec& m) { return m.groups > 1 ? GgufSaid(m.kept_groups) : GgufSaid(); }
GgufSaid shared_inner(const MoeSpec& m) { return m.shared ? GgufSaid(m.shared->inner) : GgufSaid(); }
GgufSaid shared_count(const MoeSpec& m) {
    return m.shared ? GgufSaid(std::max(1u, m.shared->inner / m.inner)) : GgufSaid();
}

// The layers before the first one with experts.
GgufSaid said_dense_layers(const Schedule& s) {
    const std::vector<const Layer*> layers = layers_of(s);
    const auto first = std::ranges::find_if(layers, [](const Layer* layer) { return op_of<MoeSpec>(*layer); });
    return first == layers.end() ? GgufSaid() : GgufSaid(uint32_t(first - layers.begin()));
}

GgufSaid said_expert_step(const Schedule& s) {
    const GgufSaid dense = said_dense_layers(s);
    const auto* layers = std::get_if<uint32_t>(&dense);
    return layers ? GgufSaid(*layers + 1) : GgufSaid();
}

// What a config of any decoder has, the layers first, and what is written for those who ask: some architectures, and
// the functions below, which read what is more than a number.
const std::vector<GgufKey> kLayerKeys = {{"block_count", "num_hidden_layers", said_layers},
                                         {"nextn_predict_layers", "num_nextn_predict_layers", nullptr, 0}};
const std::vector<GgufKey> kDecoderKeys = {
    {"embedding_length", "hidden_size", said_width},
    {"context_length", "max_position_embeddings", said_context, nullptr},
    {"feed_forward_length", "intermediate_size", said_inner, nullptr},
    {"attention.head_count", "num_attention_heads", said_heads, nullptr},
    {"attention.key_length", "head_dim", said<&AttentionSpec::head_size>, nullptr}, // the width's share of each head
    {"attention.sliding_window", "sliding_window", said_window, nullptr},
    {"attn_logit_softcapping", "attn_logit_softcapping", said_of<AttentionSpec, score_cap>, nullptr},
    {"final_logit_softcapping", "final_logit_softcapping", said_logit_cap, nullptr},
    {"rope.freq_base", "rope_theta", nullptr, 10000},
    {"expert_count", "num_experts", said<&MoeSpec::experts>, 0},
    {"expert_used_count", "num_experts_per_tok", said<&MoeSpec::chosen>, 0}, // refused where there are experts
    {"expert_feed_forward_length", "moe_intermediate_size", said<&MoeSpec::inner>, nullptr},
    {"expert_shared_feed_forward_length", "shared_expert_intermediate_size", said_of<MoeSpec, shared_inner>, nullptr},
    {"expert_shared_count", nullptr, said_of<MoeSpec, shared_count>},
    {"expert_weights_norm", nullptr, said<&MoeSpec::renormalise>},
    {"expert_weights_scale", nullptr, said<&MoeSpec::scale>},
    {"expert_gating_func", nullptr, said_of<MoeSpec, gating>},
    {"expert_group_count", nullptr, said_of<MoeSpec, groups>},
    {"expert_group_used_count", nullptr, said_of<MoeSpec, kept_groups>},
    {"leading_dense_block_count", nullptr, said_dense_layers},
    {"interleave_moe_layer_step", nullptr, said_expert_step},
    {"attention.value_length", nullptr, said<&AttentionSpec::value_size>},
    {"attention.scale", nullptr, said<&AttentionSpec::scale>},
    {"rope.dimension_count", nullptr, said_of<AttentionSpec, rotated>}};
// A file that is yet to be written has no table of embeddings to count.
const std::vector<GgufKey> kVocabularyKeys = {{"vocab_size", "vocab_size", said_vocabulary, nullptr}};
constexpr const char* kKvHeads = "attention.head_count_kv";

// But for those that the side reads in its own way.
std::vector<GgufKey> shared_with(const GgufSide& side) {
    std::vector<GgufKey> keys;
    std::ranges::copy_if(kDecoderKeys, std::back_inserter(keys), [&](const GgufKey& shared) {
        return std::ranges::none_of(
            side.keys, [&](const GgufKey& own) { return !own.name && std::string_view(own.key) == shared.key; });
    });
    return keys;
}

// Layers that draft further tokens stand behind the others.
Status read_layers(const GgufPrefixed& keys, Json& config, bool drafts) {
    weft_TRY(gguf_copy(keys, config, kLayerKeys));
    weft_ASSIGN(const uint32_t all, block_count(keys));
    if (config["num_nextn_predict_layers"] == 0) return Ok{};
    // Versions of llama.cpp disagree on whether such a file has a layer less.
    if (!drafts) return keys.unsupported("nextn_predict_layers", "must be 0 for this architecture");
    weft_ASSIGN(const uint32_t predicting, gguf_count(keys, config, "num_nextn_predict_layers"));
    if (predicting >= all) return keys.bad("nextn_predict_layers", "must be below the number of layers");
    config["num_hidden_layers"] = all - predicting;
    return Ok{};
}

// num_key_value_heads: as many as heads where there is no such key. Layers with 0 are recurrent.
Status read_kv_heads(const GgufPrefixed& keys, Json& config, bool hybrid) {
    config[kGgufKeys]["num_key_value_heads"] = keys(kKvHeads);
    weft_ASSIGN(const uint32_t layers, block_count(keys));
    std::vector<Json> counts(layers, config["num_attention_heads"]);
    if (keys.metadata.find(keys(kKvHeads))) {
        weft_ASSIGN(counts, each_layer(keys, kKvHeads));
    }
    weft_ASSIGN(const uint32_t kept, gguf_count(keys, config, "num_hidden_layers"));
    counts.resize(kept);
    Json types = Json::array(), heads;
    for (const Json& own : counts) {
        const bool attends = !hybrid || own != 0;
        types.push_back(attends ? "full_attention" : "linear_attention");
        if (!attends) continue;
        if (!heads.is_null() && heads != own)
            return keys.unsupported(kKvHeads, "differs between layers, which is not supported");
        heads = own;
    }
    config["num_key_value_heads"] = heads;
    if (hybrid) config["layer_types"] = std::move(types);
    return Ok{};
}

// Of each head, this much is rotated, and in layers that slide as much as in others.
Status read_head_sizes(const GgufPrefixed& keys, Json& config) {
    if (config["num_attention_heads"].is_null() || config["num_attention_heads"] == 0) return Ok{};
    weft_ASSIGN(const uint32_t heads, gguf_count(keys, config, "num_attention_heads"));
    weft_ASSIGN(const uint32_t width, gguf_count(keys, config, "hidden_size"));
    if (config["head_dim"].is_null()) config["head_dim"] = std::max(1u, width / heads);
    weft_ASSIGN(const uint32_t head, gguf_count(keys, config, "head_dim"));
    weft_TRY(gguf_copy(keys, config, {{"rope.dimension_count", "rotated", nullptr, head}}));
    weft_ASSIGN(const uint32_t rotated, gguf_count(keys, config, "rotated"));
    if (rotated > head)
        return keys.bad("rope.dimension_count", "must be at most the " + std::to_string(head) +
                                                    " channels of a head, is " + std::to_string(rotated));
    // Half a channel more, so that rounding takes none away.
    config["partial_rotary_factor"] = rotated == head ? 1 : (double(rotated) + 0.5) / double(head);
    for (const auto& [key, same] : {std::pair{"attention.value_length", head},
                                    {"attention.key_length_swa", head},
                                    {"attention.value_length_swa", head},
                                    {"rope.dimension_count_swa", rotated}}) {
        weft_ASSIGN(const Json given, gguf_value(keys, key));
        if (!given.is_null() && given != same)
            return keys.unsupported(key, "is not " + std::to_string(same) + ", which is not supported");
    }
    return Ok{};
}

void write(GgufWriter& w, const std::string& key, const GgufSaid& said) {
    if (const auto* truth = std::get_if<bool>(&said)) w.boolean(key, *truth);
    if (const auto* count = std::get_if<uint32_t>(&said)) w.u32(key, *count);
    if (const auto* number = std::get_if<float>(&said)) w.f32(key, *number);
    if (const auto* truths = std::get_if<std::vector<bool>>(&said)) w.booleans(key, *truths);
    if (const auto* counts = std::get_if<std::vector<int32_t>>(&said)) w.i32s(key, *counts);
}

} // namespace

GgufSaid said_epsilon(const Schedule& schedule) { return head_norm(schedule).eps; }

Result<Json> gguf_config(const GgufSide& side, const ModelFiles& files) {
    weft_ASSIGN(const GgufPrefixed keys, gguf_prefixed(files));
    Json config = {{"model_type", side.model_type}, {"tie_word_embeddings", files.find("output.weight") == nullptr}};
    weft_TRY(read_layers(keys, config, side.drafts));
    const Json layers = config[kGgufKeys];
    weft_TRY(gguf_copy(keys, config, shared_with(side)));
    weft_TRY(gguf_copy(keys, config, {side.epsilon}));
    for (const auto& [name, key] : config[kGgufKeys].items())
        if (!layers.contains(name)) config[kGgufShared].push_back(key);
    weft_ASSIGN(const bool causal, keys.metadata.boolean_or(keys("attention.causal"), true));
    if (causal == side.both_ways)
        return keys.unsupported("attention.causal",
                                causal ? "is not false: tokens would not see those behind them, which is not supported"
                                       : "is false: tokens would see those behind them, which is not supported");
    if (config["num_experts"] == 0) config["num_experts_per_tok"] = nullptr;
    weft_TRY(read_kv_heads(keys, config, side.hybrid));
    weft_TRY(read_head_sizes(keys, config));
    weft_TRY(read_gguf_rope(keys, files, config));
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
    else weft_TRY(gguf_copy(keys, config, kVocabularyKeys));
    weft_TRY(gguf_copy(keys, config, side.keys));
    if (side.complete) weft_TRY(side.complete(files, config));
    return config;
}

void write_gguf_keys(const Schedule& schedule, const GgufSide& side, GgufWriter& writer) {
    std::set<std::string_view> written;
    const auto add = [&](const char* key, const GgufSaid& said) {
        if (!std::holds_alternative<std::monostate>(said) && written.insert(key).second)
            write(writer, side.name + ("." + std::string(key)), said);
    };
    for (const std::vector<GgufKey>& list : {side.keys, kLayerKeys, kDecoderKeys, {side.epsilon}, kVocabularyKeys})
        for (const GgufKey& row : list)
            if (row.says) add(row.key, row.says(schedule));
    add(kKvHeads, said_kv_heads(schedule, side.hybrid));
}

void gguf_rename(Json& config, const char* from, const char* to) {
    config[to] = config[from];
    config[kGgufKeys][to] = config[kGgufKeys][from];
}

Result<std::optional<std::vector<bool>>> gguf_truths(const ModelFiles& files, const Json& config, const char* key) {
    weft_ASSIGN(const GgufPrefixed keys, gguf_prefixed(files));
    weft_ASSIGN(const uint32_t layers, gguf_count(keys, config, "num_hidden_layers"));
    const GgufValue* value = keys.metadata.find(keys(key));
    if (!value) return std::optional<std::vector<bool>>();
    if (!value->array) return keys.bad(key, "must be a list, one a layer");
    weft_ASSIGN(const auto all, entries(keys, key, *value));
    std::vector<bool> truths;
    for (uint32_t i = 0; i < layers; ++i) truths.push_back(all[i] != false && all[i] != 0);
    return std::optional(std::move(truths));
}

Result<std::vector<int64_t>> gguf_each_layer(const ModelFiles& files, const Json& config, const char* key) {
    weft_ASSIGN(const GgufPrefixed keys, gguf_prefixed(files));
    weft_ASSIGN(const uint32_t layers, gguf_count(keys, config, "num_hidden_layers"));
    weft_ASSIGN(const auto all, each_layer(keys, key));
    std::vector<int64_t> numbers;
    for (uint32_t i = 0; i < layers; ++i) {
        if (!all[i].is_number_integer()) return keys.bad(key, "must hold whole numbers");
        numbers.push_back(all[i].get<int64_t>());
    }
    return numbers;
}

Status gguf_windows(const ModelFiles& files, Json& config, uint32_t period) {
    weft_ASSIGN(const GgufPrefixed keys, gguf_prefixed(files));
    constexpr const char* key = "attention.sliding_window_pattern";
    weft_ASSIGN(const uint32_t layers, gguf_count(keys, config, "num_hidden_layers"));
    std::vector<bool> slides(layers, false);
    if (!config["sliding_window"].is_null()) {
        const GgufValue* value = keys.metadata.find(keys(key));
        if (value && value->array) {
            weft_ASSIGN(auto listed, gguf_truths(files, config, key));
            slides = std::move(*listed);
        } else {
            weft_ASSIGN(const int64_t every, keys.metadata.integer_or(keys(key), period));
            if (every < 0) return keys.bad(key, "must not be negative");
            for (uint32_t i = 0; i < layers; ++i) slides[i] = every == 0 || i % every != every - 1;
        }
    }
    config["layer_types"] = Json::array();
    for (const bool slide : slides) config["layer_types"].push_back(slide ? "sliding_attention" : "full_attention");
    return Ok{};
}

Status gguf_sigmoid_scores(const ModelFiles& files, const Json& config) {
    if (config["gating"] == 0 || config["gating"] == 2) return Ok{};
    return in_gguf_words(JsonObject(config, files.gguf()->origin())
                             .bad("gating", "must be 2, scores by a sigmoid; others are not supported"),
                         config);
}

Result<uint32_t> gguf_count(const ModelFiles& files, const Json& config, const char* name) {
    weft_ASSIGN(const GgufPrefixed keys, gguf_prefixed(files));
    return gguf_count(keys, config, name);
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

Status gguf_expand(const ModelFiles& files, Json& config, const char* name) {
    weft_ASSIGN(const GgufPrefixed keys, gguf_prefixed(files));
    weft_ASSIGN(const uint32_t inner, keys.metadata.count(keys("ssm.inner_size")));
    weft_ASSIGN(const uint32_t width, keys.metadata.count(keys("embedding_length")));
    if (inner % width)
        return Error{ErrorCode::unsupported,
                     keys.metadata.bad(keys("ssm.inner_size"), "must be a multiple of embedding_length").message,
                     {}};
    config[name] = inner / width;
    return Ok{};
}

} // namespace weft::detail
