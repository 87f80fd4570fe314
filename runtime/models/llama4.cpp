// SPDX-License-Identifier: Apache-2.0
// L5: Llama 4 (Meta 2025), its text: chunked attention with rotary positions, every fourth layer full and without,
// whose queries grow with the position; experts that multiply what they read.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"
#include <algorithm>

namespace weft::detail::llama4 {
namespace {

struct Config : DecoderSizes {
    uint32_t dense_inner = 0, chunk = 0;
    Experts experts;
    std::vector<bool> rotates, chunked, sparse; // of each layer
    bool head_norms = false;
    double temperature = 0, floor = 0;
};

// Despite its name, no_rope_layers has 1 for layers with rotary positions.
Result<std::vector<bool>> rotary_layers(const JsonObject& c, uint32_t layers) {
    std::vector<bool> rotates;
    if (c.has("no_rope_layers")) {
        weft_ASSIGN(const auto given, c.numbers("no_rope_layers"));
        if (!given.empty() && given.size() != layers)
            return c.bad("no_rope_layers", "must have an entry for each layer");
        for (const double one : given) rotates.push_back(one != 0);
    }
    weft_ASSIGN(const uint32_t interval, c.count_or("no_rope_layer_interval", 4));
    if (rotates.empty())
        for (uint32_t i = 0; i < layers; ++i) rotates.push_back((i + 1) % interval != 0);
    return rotates;
}

Result<std::vector<bool>> expert_layers(const JsonObject& c, uint32_t layers) {
    weft_ASSIGN(const uint32_t step, c.count_or("interleave_moe_layer_step", 1));
    std::vector<bool> sparse(layers, false);
    if (!c.has("moe_layers")) {
        for (uint32_t i = 0; i < layers; ++i) sparse[i] = (i + 1) % step == 0;
        return sparse;
    }
    weft_ASSIGN(const auto listed, c.numbers("moe_layers"));
    for (const double i : listed) {
        if (!(i >= 0 && i < layers && i == std::uint32_t(i))) return c.bad("moe_layers", "must hold numbers of layers");
        sparse[uint32_t(i)] = true;
    }
    return sparse;
}

Result<Config> read(const JsonObject& c) {
    Config o;
    weft_ASSIGN(static_cast<DecoderSizes&>(o),
                read_decoder(c, {.eps = 1e-5, .inner = 8192, .kv_heads = 8, .head_size = 128, .reads_bias = true}));
    weft_ASSIGN(o.dense_inner, inner_width_or(c, "intermediate_size_mlp", 16384));
    weft_ASSIGN(o.experts.count, c.count_or("num_local_experts", 16));
    weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", 1));
    o.experts.inner = o.inner;
    weft_TRY(check_experts(c, o.experts, o.layers, "num_local_experts", "num_experts_per_tok"));
    weft_ASSIGN(o.rotates, rotary_layers(c, o.layers));
    weft_ASSIGN(o.sparse, expert_layers(c, o.layers));
    weft_ASSIGN(o.chunk, count_or_none(c, "attention_chunk_size", 8192));
    weft_ASSIGN(const auto chunked, layers_of_kind(c, "layer_types", o.layers, "chunked_attention", "full_attention"));
    o.chunked = chunked.value_or(o.chunk ? o.rotates : std::vector<bool>(o.layers, false));
    if (o.chunk == 0 && std::ranges::find(o.chunked, true) != o.chunked.end())
        return c.bad("attention_chunk_size", "must be set, since layers are chunked");
    weft_ASSIGN(o.head_norms, c.boolean_or("use_qk_norm", true));
    weft_ASSIGN(const bool tuned, c.boolean_or("attn_temperature_tuning", true));
    weft_ASSIGN(const double temperature, c.number_or("attn_scale", 0.1));
    weft_ASSIGN(o.floor, c.number_or("floor_scale", 8192));
    if (!(o.floor > 0)) return c.bad("floor_scale", "must be positive");
    if (tuned) o.temperature = temperature;
    return o;
}

MoeSpec experts(Builder& builder, const std::string& at, const Config& c) {
    MoeSpec m = usual_experts(builder, at, c.width, c.experts, c.activation, {.router = "router"});
    if (!builder.gguf()) { // [E, D, 2I] and [E, I, D]
        const auto turned = [&](const std::string& name, uint32_t rows, uint32_t columns) {
            return builder.add(
                {name,
                 {m.experts, rows, columns},
                 true,
                 {{.names = builder.names(name), .file_shape = {m.experts, columns, rows}, .order = kTransposed}},
                 {},
                 {}});
        };
        m.gate_up = turned(at + "experts.gate_up_proj", 2 * m.inner, c.width);
        m.down = turned(at + "experts.down_proj", c.width, m.inner);
    }
    m.score = kernel::RouterScore::logit;
    m.weight = kernel::RouterWeight::sigmoid_of_chosen;
    m.scale_input = true;
    m.shared = usual_mlp(builder, at + "shared_expert.", c.width, c.inner, c.activation);
    return m;
}

AttentionSpec attention(Builder& builder, const std::string& at, const Config& c, const Rope& rope, uint32_t layer) {
    AttentionSpec a = usual_attention(builder, at, c.heads, c.width, c.attention_bias, c.attention_bias);
    if (c.chunked[layer]) a.chunk = c.chunk;
    if (c.rotates[layer]) {
        a.rope = rope;
        // The reference norms behind the rotation, which leaves the length of a head as it is.
        if (c.head_norms) a.q_norm = a.k_norm = {.present = true, .eps = float(c.eps)};
    } else {
        a.temperature = float(c.temperature);
        a.temperature_floor = float(c.floor);
        a.temperature_offset = 1;
    }
    return a;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope rope, rope_of(config, builder, c.heads.head_size, 500000, "", 1, RopeKind::pairs, 131072));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), ffn = at + (builder.gguf() ? "mlp." : "feed_forward.");
        decoder_of(s).layers.push_back(
            pre_norm_layer(builder, at, c.width, c.eps, attention(builder, at + "self_attn.", c, rope, i),
                           c.sparse[i] ? Op(experts(builder, ffn, c))
                                       : Op(usual_mlp(builder, ffn, c.width, c.dense_inner, c.activation))));
    }
    return s;
}

// What llama.cpp has for every such model stands in no key.
Status complete(const ModelFiles& files, Json& config) {
    gguf_rename(config, "num_experts", "num_local_experts");
    gguf_rename(config, "intermediate_size", "intermediate_size_mlp");
    gguf_rename(config, "moe_intermediate_size", "intermediate_size");
    const bool whole = config["sliding_window"].is_null() && files.gguf()->find("llama4.attention.sliding_window");
    config["no_rope_layer_interval"] = whole ? kMostLayers + 1 : 4;
    config["attention_chunk_size"] = whole ? Json() : Json(8192);
    config["use_qk_norm"] = config["num_local_experts"] != 128;
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"llama4_text"},
    "Llama 4",
    "attention in chunks with rotary positions, without in every fourth layer; experts that scale their input",
    schedule,
    {{"llama4", "llama4_text", {{"interleave_moe_layer_step", "interleave_moe_layer_step"}}, complete}},
    {{"llama4", "llama4_text", false, {}}},
    {{"router_jitter_noise", "training"}, {"for_llm_compressor", "a note of the tool that wrote the file"}},
    {{"*vision_model.*", "pictures"}, {"*multi_modal_projector.*", "pictures"}}};

} // namespace weft::detail::llama4
