// SPDX-License-Identifier: Apache-2.0
// L5: RecurrentGemma (Botev et al. 2024, after Griffin, De et al. 2024): two recurrent blocks to one of attention over
// a window, in turn.
#include "base/half.hpp"
#include "layers/rg_lru.hpp"
#include "models/decoder_parts.hpp"
#include <cmath>

namespace weft::detail::recurrent_gemma {
namespace {

struct Config {
    uint32_t layers, width, inner, window, lru, taps;
    Heads heads;
    double eps, logit_cap;
    bool attention_bias;
    kernel::Activation activation;
    std::vector<bool> attends;
};

// One round of layers, over and over.
Result<std::vector<bool>> read_layers(const JsonObject& c, uint32_t layers) {
    std::vector<std::string> round{"recurrent", "recurrent", "attention"};
    if (c.has("block_types")) {
        weft_ASSIGN(round, c.strings("block_types"));
    }
    if (round.empty()) return c.bad("block_types", "must not be empty");
    std::vector<bool> attends;
    for (uint32_t i = 0; i < layers; ++i) {
        const std::string& type = round[i % round.size()];
        if (type != "recurrent" && type != "attention")
            return c.bad("block_types", "holds " + in_quotes(type) + "; blocks are 'recurrent' or 'attention'");
        attends.push_back(type == "attention");
    }
    return attends;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.inner, inner_width_or(c, "intermediate_size", 3 * 2560));
    o.inner /= 2; // of gate and of up; the config has both
    if (!o.inner) return c.bad("intermediate_size", "must be at least 2");
    weft_ASSIGN(o.lru, inner_width_or(c, "lru_width", o.width));
    if (2 * uint64_t(o.lru) > INT32_MAX) return c.bad(c.has("lru_width") ? "lru_width" : "hidden_size", "is too large");
    weft_ASSIGN(o.heads.heads, c.count_or("num_attention_heads", 10));
    weft_ASSIGN(o.heads.kv_heads, c.count_or("num_key_value_heads", o.heads.heads));
    o.heads.head_size = o.width / o.heads.heads;
    weft_TRY(check_heads(c, o.heads, "num_attention_heads", "num_key_value_heads"));
    weft_ASSIGN(o.attention_bias, c.boolean_or("attention_bias", false));
    weft_ASSIGN(o.window, c.count_or("attention_window_size", 2048));
    if (o.lru % o.heads.heads) return c.bad("num_attention_heads", "must divide the channels of recurrent blocks");
    weft_ASSIGN(o.taps, c.count_or("conv1d_width", 4));
    weft_ASSIGN(o.eps, epsilon_or(c, "rms_norm_eps", 1e-6));
    weft_ASSIGN(o.logit_cap, c.number_or("logits_soft_cap", 30));
    if (!(o.logit_cap > 0)) return c.bad("logits_soft_cap", "must be above 0");
    weft_ASSIGN(o.activation, activation_of(c, "hidden_activation", "gelu_pytorch_tanh"));
    weft_ASSIGN(o.attends, read_layers(c, o.layers));
    return o;
}

RgLruSpec recurrent(Builder& builder, const std::string& at, const Config& c) {
    const uint32_t blocks = c.heads.heads, each = c.lru / blocks;
    const std::string gates = at + "rg_lru.";
    const auto piece = [&](const char* name, const std::vector<uint64_t>& shape, uint64_t part, uint64_t rows) {
        WeightPiece p{.names = builder.names(gates + name), .file_shape = shape};
        p.to = rows_of_groups(blocks, 2 * rows, part * rows, rows); // of each block both gates' rows
        if (shape.size() > 2) p.order = kTransposed;
        return p;
    };
    RgLruSpec s{.inner = c.lru, .blocks = blocks, .activation = c.activation};
    s.in = builder.stacked_linear(at + "linear_x, linear_y", {{at + "linear_x", c.lru}, {at + "linear_y", c.lru}},
                                  c.width, true);
    s.conv = {builder.vector(at + "conv_1d.weight", {c.lru, c.taps}), builder.vector(at + "conv_1d.bias", {c.lru}),
              c.lru, c.taps, kernel::Activation::none};
    s.gates = builder.add({gates + "gates",
                           {2 * c.lru, each},
                           true,
                           {piece("input_gate_weight", {blocks, each, each}, 0, each),
                            piece("recurrent_gate_weight", {blocks, each, each}, 1, each)},
                           {},
                           {}});
    s.gates_bias = builder.add(
        {gates + "biases of gates",
         {2 * c.lru},
         false,
         {piece("input_gate_bias", {blocks, each}, 0, 1), piece("recurrent_gate_bias", {blocks, each}, 1, 1)},
         {},
         {}});
    s.rate = builder.vector(gates + "recurrent_param", {c.lru});
    s.out = builder.linear(at + "linear_out", c.width, c.lru, true);
    return s;
}

// The class knows no scaled positions.
Result<Rope> half_rope(const JsonObject& config, Builder& builder, const Config& c) {
    weft_ASSIGN(const Json parameters, rope_parameters(config, 10000, "", 0.5));
    const JsonObject view = rope_view(config, parameters);
    weft_ASSIGN(const std::string type, view.string_or("rope_type", "default"));
    if (type != "default") return view.bad("rope_type", "must be 'default' for this model, is " + in_quotes(type));
    return rope_from(view, builder, c.heads.head_size);
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, true, {.norm = "final_norm.weight"}, true));
    embedding_of(s).scale = bf16_to_float(float_to_bf16(float(std::sqrt(double(c.width))))); // as the class holds it
    head_linear(s).softcap = float(c.logit_cap);
    weft_ASSIGN(const Rope rope, half_rope(config, builder, c));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), temporal = at + "temporal_block.";
        Op mixer;
        if (c.attends[i]) {
            AttentionSpec a = usual_attention(builder, temporal, c.heads, c.width, c.attention_bias, true);
            a.rope = rope;
            a.window = c.window;
            mixer = a;
        } else mixer = recurrent(builder, temporal, c);
        const MlpSpec mlp = usual_mlp(builder, at + "mlp_block.", c.width, c.inner, c.activation, true);
        const auto norm = [&](const char* name) { return builder.rms(at + name + ".weight", c.width, c.eps, true); };
        Layer layer;
        layer.blocks.push_back({.pre = norm("temporal_pre_norm"), .branches = {{mixer}}});
        layer.blocks.push_back({.pre = norm("channel_pre_norm"), .branches = {{mlp}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"recurrent_gemma"},
    "RecurrentGemma",
    "gated linear recurrences behind short convolutions, attention over a window in every third layer",
    schedule,
    {},
    {},
    {{"w_init_variance_scale", "training"},
     {"final_w_init_variance_scale", "training"},
     {"embeddings_scale_by_sqrt_dim", "always"},
     {"head_dim", "the width's share of each head"}}};

} // namespace weft::detail::recurrent_gemma
