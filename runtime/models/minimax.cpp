// SPDX-License-Identifier: Apache-2.0
// L5: MiniMax-01 (MiniMax 2025): Lightning attention, which decays at a rate of each head and layer, full attention
// between, experts; what a block gives is added to its own normed input.
#include "layers/linear_attention.hpp"
#include "models/decoder_parts.hpp"
#include "models/mixer_parts.hpp"
#include <cmath>

namespace weft::detail::minimax {
namespace {

// A block's part of the sum: its normed input times alpha, its result times beta.
struct Shares {
    double alpha = 1, beta = 1;
};

struct Config : DecoderSizes {
    uint32_t window = 0;
    Experts experts;
    std::vector<bool> attends; // of each layer
    Shares linear, full, mlp;
};

Result<Shares> shares(const JsonObject& c, const std::string& of) {
    Shares s;
    weft_ASSIGN(s.alpha, c.number_or(of + "_alpha_factor", 1));
    weft_ASSIGN(s.beta, c.number_or(of + "_beta_factor", 1));
    return s;
}

Result<Config> read(const JsonObject& c) {
    Config o;
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.eps = 1e-5, .inner = 14336, .kv_heads = 8}));
    weft_ASSIGN(o.window, count_or_none(c, "sliding_window", 0));
    weft_ASSIGN(o.experts, read_mixtral_experts(c, o.layers, o.inner));
    weft_ASSIGN(const auto attends, layers_of_kind(c, "layer_types", o.layers, "full_attention", "linear_attention"));
    for (uint32_t i = 0; i < o.layers; ++i) o.attends.push_back(attends ? (*attends)[i] : i % 2 == 0);
    weft_ASSIGN(o.linear, shares(c, "linear_attn"));
    weft_ASSIGN(o.full, shares(c, "full_attn"));
    weft_ASSIGN(o.mlp, shares(c, "mlp"));
    return o;
}

// Slopes as ALiBi's, smaller in later layers: the last ones forget little.
std::vector<float> decays(uint32_t heads, uint32_t layer, uint32_t layers) {
    std::vector<float> list;
    for (uint32_t h = 0; h < heads; ++h)
        list.push_back(float(-std::pow(2.0, -8.0 * (h + 1) / heads) * (1 - layer / (layers - 1 + 1e-5) + 1e-5)));
    return list;
}

LinearAttentionSpec lightning(Builder& builder, const std::string& at, const Config& c, uint32_t layer) {
    LinearAttentionSpec a;
    a.heads = c.heads.heads;
    a.key_size = a.value_size = c.heads.head_size;
    const uint32_t each = a.key_size, all = a.heads * each;
    std::vector<Builder::Part> parts; // the file has q, k and v of each head side by side
    for (uint32_t part = 0; part < 3; ++part)
        parts.push_back(Builder::Part::of_groups(at + "qkv_proj", a.heads, 3 * each, part * each, each));
    a.qkv = builder.stacked_linear(at + "qkv", parts, c.width);
    a.activation = c.activation;
    a.decay = builder.computed(at + "decay", {a.heads}, decays(a.heads, layer, c.layers));
    a.norm = builder.rms(at + "norm.weight", all, 1e-6);
    a.gate = builder.linear(at + "output_gate", all, c.width);
    a.out = builder.linear(at + "out_proj", c.width, all);
    return a;
}

Block block(Norm norm, Op op, const Shares& s) {
    return {.pre = norm,
            .branches = {{std::move(op)}},
            .base = Base::normed,
            .base_scale = float(s.alpha),
            .residual_scale = float(s.beta)};
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope rope, whole_head_rope(config, builder, c.heads.head_size, 1000000, 131072));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), attn = at + "self_attn.", renamed = at + "mlp.";
        const std::string moe = builder.has(renamed + "gate.weight") ? renamed : at + "block_sparse_moe.";
        AttentionSpec full;
        if (c.attends[i]) {
            full = usual_attention(builder, attn, c.heads, c.width);
            full.rope = rope;
            full.window = c.window;
        }
        const Op mixer = c.attends[i] ? Op(full) : Op(lightning(builder, attn, c, i));
        const auto norm = [&](const char* name) { return builder.rms(at + name + ".weight", c.width, c.eps); };
        decoder_of(s).layers.push_back(
            {{block(norm("input_layernorm"), mixer, c.attends[i] ? c.full : c.linear),
              block(norm("post_attention_layernorm"),
                    usual_experts(builder, moe, c.width, c.experts, c.activation, {"w1", "w3", "w2"}), c.mlp)}});
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"minimax"},
    "MiniMax-01",
    "Lightning attention with a decay of each head and layer, full attention between; sums with the normed input",
    schedule,
    {},
    {},
    {{"block_size", "how the reference implementation computes"}, {"router_jitter_noise", "training"}},
    {{"*.slope_rate", "computed from the config"},
     {"*.query_decay", "computed from the config"},
     {"*.key_decay", "computed from the config"},
     {"*.diagonal_decay", "computed from the config"}}};

} // namespace weft::detail::minimax
