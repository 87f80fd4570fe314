// SPDX-License-Identifier: Apache-2.0
// L5: Qwen3-Next and Qwen3.5 (Qwen team 2025, 2026): three layers of Gated DeltaNet (Yang et al. 2024) to one of
// attention with an output gate; experts with a gated shared one, or dense.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"
#include <algorithm>

namespace weft::detail::qwen3_next {
namespace {

struct Class {
    const char* type;
    bool next; // Qwen3-Next: one tensor has all projections of a key head; layers may be dense, weights as they are
    uint32_t experts, chosen; // where the config does not say; 0: the class has none
    DecoderDefaults defaults;
};
constexpr DecoderDefaults defaults(uint32_t inner, uint32_t kv_heads) {
    return {.inner = inner, .kv_heads = kv_heads, .head_size = 256, .reads_bias = true};
}
constexpr Class kClasses[] = {{"qwen3_next", true, 512, 10, defaults(5632, 2)},
                              {"qwen3_5_text", false, 0, 0, defaults(12288, 4)},
                              {"qwen3_5_moe_text", false, 256, 8, defaults(5632, 2)}};

constexpr uint64_t kMostColumns = 1 << 24; // in an order of their own: a config of a few bytes must not fill the memory

struct Config : DecoderSizes {
    bool next;
    uint32_t shared_inner;
    DeltaSizes delta;
    Experts experts;           // count 0: none
    std::vector<bool> attends; // of each layer: attention, else Gated DeltaNet
    std::vector<bool> sparse;  // of each layer: experts, else a dense block
};

Result<Config> read(const JsonObject& c) {
    const Class& k = class_of(kClasses, c);
    Config o{};
    o.next = k.next;
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, k.defaults));
    weft_ASSIGN(o.delta,
                read_delta(c, {.key_heads = 16, .value_heads = 32, .key_size = 128, .value_size = 128, .taps = 4}));
    if (!k.next && uint64_t(o.layers) * o.delta.values() > kMostColumns)
        return c.bad("linear_num_value_heads", "times linear_value_head_dim and the number of layers is too large");
    if (k.experts) {
        weft_ASSIGN(o.experts.count, count_or_zero(c, "num_experts", k.experts));
    }
    if (o.experts.count) {
        weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", k.chosen));
        weft_ASSIGN(o.experts.inner, inner_width_or(c, "moe_intermediate_size", 512));
        weft_ASSIGN(o.experts.renormalise, k.next ? c.boolean_or("norm_topk_prob", true) : Result<bool>(true));
        weft_ASSIGN(o.shared_inner, inner_width_or(c, "shared_expert_intermediate_size", 512));
        weft_TRY(check_experts(c, o.experts, o.layers, "num_experts", "num_experts_per_tok"));
    }
    o.sparse.assign(o.layers, o.experts.count != 0);
    if (k.next) {
        weft_ASSIGN(o.sparse, sparse_layers(c, o.layers, o.experts.count));
    }
    weft_ASSIGN(const auto given, layers_of_kind(c, "layer_types", o.layers, "full_attention", "linear_attention"));
    weft_ASSIGN(const uint32_t interval, c.count_or("full_attention_interval", 4));
    for (uint32_t i = 0; i < o.layers; ++i) o.attends.push_back(given ? (*given)[i] : (i + 1) % interval == 0);
    return o;
}

// Qwen3.5's files have the value heads of a key head side by side, and GGUF's the first ones of all key heads, then the
// second ones, and so on. That is how they are kept, since no block of a quantized matrix goes over to other columns.
RowView tiled(const DeltaSizes& d, uint64_t first, uint64_t rows) {
    const uint64_t each = d.value_heads / d.key_heads;
    return {first, {{each, rows}, {d.key_heads, each * rows}, {rows, 1}}};
}

GatedDeltaSpec tiled_delta(Builder& builder, const std::string& at, const Config& c) {
    using Part = Builder::Part;
    const DeltaSizes& d = c.delta;
    const auto of_heads = [&](uint64_t first, uint64_t rows) {
        return builder.gguf() ? RowView{first, {{d.value_heads * rows, 1}}} : tiled(d, first, rows);
    };
    const auto queries_to_values = [&](const std::string& name) { // as rows of one tensor
        return std::vector<Part>{{name, 2 * d.keys(), d.mixed(), {0, {{2 * uint64_t(d.keys()), 1}}}},
                                 {name, d.values(), d.mixed(), of_heads(2 * uint64_t(d.keys()), d.value_size)}};
    };
    GatedDeltaSpec g = usual_delta(builder, at, d, of_heads(0, 1));
    g.tiled = true;
    std::vector<Part> parts = queries_to_values(at + "in_proj_qkv");
    parts.push_back({at + "in_proj_z", d.values(), d.values(), of_heads(0, d.value_size)});
    parts.push_back({at + "in_proj_b", d.value_heads, d.value_heads, of_heads(0, 1)});
    parts.push_back({at + "in_proj_a", d.value_heads, d.value_heads, of_heads(0, 1)});
    g.in = builder.stacked_linear(at + "in", parts, c.width);
    g.conv.weight = builder.stacked(at + "conv1d", queries_to_values(at + "conv1d.weight"), d.taps, false);
    g.norm = builder.rms(at + "norm.weight", d.value_size, c.eps);
    const std::string out = at + "out_proj.weight";
    WeightPiece columns{.names = builder.names(out), .file_shape = {c.width, d.values()}};
    if (const RowView view = tiled(d, 0, d.value_size); !builder.gguf() && d.value_heads > d.key_heads)
        for (uint64_t i = 0; i < d.values(); ++i) columns.gather.push_back(view.row(i));
    g.out = {builder.add({out, {c.width, d.values()}, true, {std::move(columns)}, {}, {}}), kNoWeight, d.values(),
             c.width};
    return g;
}

GatedDeltaSpec gated_delta(Builder& builder, const std::string& at, const Config& c) {
    if (!c.next) return tiled_delta(builder, at, c);
    const DeltaSizes& d = c.delta;
    GatedDeltaSpec g = usual_delta(builder, at, d);
    const uint32_t each = d.value_heads / d.key_heads, values = each * d.value_size,
                   group = 2 * d.key_size + 2 * values;
    std::vector<Builder::Part> parts;
    // The file has the rows of one projection in a group for each key head.
    const auto share = [&](const std::string& name, uint32_t of, uint32_t first, uint32_t rows) {
        parts.push_back(Builder::Part::of_groups(at + name, d.key_heads, of, first, rows));
    };
    if (builder.gguf()) parts = {{at + "qkv", d.mixed()}, {at + "z", d.values()}};
    else {
        share("in_proj_qkvz", group, 0, d.key_size);                   // q
        share("in_proj_qkvz", group, d.key_size, d.key_size);          // k
        share("in_proj_qkvz", group, 2 * d.key_size, values);          // v
        share("in_proj_qkvz", group, 2 * d.key_size + values, values); // z
    }
    share("in_proj_ba", 2 * each, 0, each);    // b
    share("in_proj_ba", 2 * each, each, each); // a
    g.in = builder.stacked_linear(at + "in", parts, c.width);
    g.conv.weight = builder.vector(at + "conv1d.weight", {d.mixed(), d.taps});
    g.norm = builder.rms(at + "norm.weight", d.value_size, c.eps); // the one norm that is not zero-centred
    g.out = builder.linear(at + "out_proj", c.width, d.values());
    return g;
}

AttentionSpec gated_attention(Builder& builder, const std::string& at, const Config& c, const Rope& rope) {
    const Heads& h = c.heads;
    AttentionSpec a = h.attention();
    const uint32_t size = h.head_size; // the file has of each head q, then its gate
    const std::vector<Builder::Part> parts = {Builder::Part::of_groups(at + "q_proj", h.heads, 2 * size, 0, size),
                                              {at + "k_proj", h.kv_rows()},
                                              {at + "v_proj", h.kv_rows()},
                                              Builder::Part::of_groups(at + "q_proj", h.heads, 2 * size, size, size)};
    a.qkv = builder.stacked_linear(at + "q, k, v, gate", parts, c.width, c.attention_bias || builder.from_gguf());
    a.gate = true;
    a.q_norm = builder.rms(at + "q_norm.weight", h.head_size, c.eps, true);
    a.k_norm = builder.rms(at + "k_norm.weight", h.head_size, c.eps, true);
    a.rope = rope;
    a.out = builder.linear(at + "o_proj", c.width, h.q_rows(), c.attention_bias);
    return a;
}

MoeSpec experts(Builder& builder, const std::string& at, const Config& c) {
    MoeSpec m = usual_experts(builder, at, c.width, c.experts, c.activation);
    add_gated_shared_expert(builder, m, at, c.width, c.shared_inner, c.activation);
    return m;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false, {}, true));
    weft_ASSIGN(const Json positions, rope_parameters(config, 10000, "", 0.25, 32768));
    weft_ASSIGN(const Rope rope, rope_from(rope_view(config, positions), builder, c.heads.head_size));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        const Op mixer = c.attends[i] ? Op(gated_attention(builder, at + "self_attn.", c, rope))
                                      : Op(gated_delta(builder, at + "linear_attn.", c));
        const Op ffn = c.sparse[i] ? Op(experts(builder, at + "mlp.", c))
                                   : Op(usual_mlp(builder, at + "mlp.", c.width, c.inner, c.activation));
        decoder_of(s).layers.push_back(
            pre_norm_layer(builder, at, c.width, c.eps, mixer, ffn, "post_attention_layernorm", true));
    }
    return s;
}

constexpr const char* kRecurrentLayers = "attention.recurrent_layers";

std::vector<bool> recurrent_layers(const Schedule& s) {
    std::vector<bool> recurrent;
    for (const Layer& layer : decoder_of(s).layers) recurrent.push_back(op_of<GatedDeltaSpec>(layer));
    return recurrent;
}
GgufSaid said_recurrent(const Schedule& s) { return recurrent_layers(s); }
GgufSaid said_interval(const Schedule& s) {
    const std::vector<bool> recurrent = recurrent_layers(s);
    return uint32_t(std::ranges::find(recurrent, false) - recurrent.begin()) + 1;
}

std::vector<GgufKey> gguf_keys() {
    std::vector<GgufKey> keys = delta_gguf("linear_values");
    keys.push_back({"full_attention_interval", "full_attention_interval", said_interval, 4});
    keys.push_back({kRecurrentLayers, nullptr, said_recurrent});
    return keys;
}

Status complete(const ModelFiles& files, Json& config) {
    weft_ASSIGN(const uint32_t values, gguf_count(files, config, "linear_values"));
    weft_ASSIGN(const uint32_t heads, gguf_count(files, config, "linear_num_value_heads"));
    config["linear_value_head_dim"] = values / heads;
    weft_ASSIGN(const auto recurrent, gguf_truths(files, config, kRecurrentLayers));
    if (recurrent) {
        config["layer_types"] = Json::array();
        for (const bool r : *recurrent) config["layer_types"].push_back(r ? "linear_attention" : "full_attention");
    }
    return Ok{};
}

const std::vector<GgufName> kGgufNames = {{"post_attention_layernorm", "post_attention_norm"},
                                          {"linear_attn.qkv", "attn_qkv"},
                                          {"linear_attn.z", "attn_gate"},
                                          {"linear_attn.in_proj_ba", "ssm_ba"},
                                          {"linear_attn.in_proj_qkv", "attn_qkv"},
                                          {"linear_attn.in_proj_z", "attn_gate"},
                                          {"linear_attn.in_proj_b", "ssm_beta"},
                                          {"linear_attn.in_proj_a", "ssm_alpha"},
                                          {"linear_attn.conv1d", "ssm_conv1d"},
                                          {"linear_attn.dt_bias", "ssm_dt.bias"},
                                          {"linear_attn.A_log", "ssm_a"},
                                          {"linear_attn.norm", "ssm_norm"},
                                          {"linear_attn.out_proj", "ssm_out"}};

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"},
    "Qwen3-Next, Qwen3.5",
    "Gated DeltaNet and gated attention in turn, experts with a gated shared one, or dense",
    schedule,
    {{"qwen3next", "qwen3_next", gguf_keys(), complete, kGgufNames},
     {"qwen35", "qwen3_5_text", gguf_keys(), complete, kGgufNames},
     {"qwen35moe", "qwen3_5_moe_text", gguf_keys(), complete, kGgufNames}},
    {{"qwen3_5",
      "qwen3_5_text",
      false,
      {{"vocab_size", 248320},
       {"hidden_size", 4096},
       {"intermediate_size", 12288},
       {"num_hidden_layers", 32},
       {"num_attention_heads", 16}}},
     {"qwen3_5_moe",
      "qwen3_5_moe_text",
      false,
      {{"vocab_size", 248320}, {"hidden_size", 2048}, {"num_hidden_layers", 40}, {"num_attention_heads", 16}}}},
    {{"*mrope_section", "the positions of a text alone are the same along every axis"},
     {"*mrope_interleaved", "the positions of a text alone are the same along every axis"},
     {"*rope.dimension_sections", "the positions of a text alone are the same along every axis"},
     {"mtp_*", "layers that draft further tokens are not run"},
     {"mlp_only_layers", "the class has none"}},
    {{"mtp.*", "layers that draft further tokens are not run"}, {"*visual.*", "a part of the model that is not read"}}};

} // namespace weft::detail::qwen3_next
