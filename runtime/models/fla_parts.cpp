// SPDX-License-Identifier: Apache-2.0
#include "models/fla_parts.hpp"
#include <cmath>

namespace weft::detail {
namespace {

// So many channels of `width` that the heads share evenly.
Result<uint32_t> expanded(const JsonObject& c, const std::string& key, uint32_t width, double otherwise,
                          uint32_t heads) {
    weft_ASSIGN(const double ratio, c.number_or(key, otherwise));
    const double channels = std::floor(width * ratio);
    if (!(channels >= heads && channels <= 0x1p28) || uint64_t(channels) % heads != 0)
        return c.has(key) ? c.bad(key, "times hidden_size must be channels that num_heads shares evenly, at most 2^28")
                          : c.bad(c.has("num_heads") ? "num_heads" : "hidden_size",
                                  "must leave each head a whole number of channels");
    return uint32_t(channels) / heads;
}

} // namespace

Result<FlaSizes> read_fla(const JsonObject& c, double ratio) {
    FlaSizes o;
    const std::pair<const char*, const char*> refused[] = {{"attn", "layers of attention between"},
                                                           {"attnres_block_size", "attention over layers"}};
    for (const auto& [key, what] : refused)
        if (c.has(key))
            return Error{ErrorCode::unsupported,
                         c.origin() + ": key '" + key + "' asks for " + what +
                             ", which is not supported for this model",
                         {}};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    if (c.has("intermediate_size")) {
        weft_ASSIGN(o.inner, inner_width(c, "intermediate_size"));
    } else {
        weft_ASSIGN(const double given, number_or_none(c, "hidden_ratio", ratio));
        const double inner = std::ceil(std::floor(o.width * (given > 0 ? given : ratio) * 2 / 3) / 256) * 256;
        if (!(inner >= 1 && inner <= 0x1p30))
            return c.bad("hidden_ratio", "must make the feed-forward network between 1 and 2^30 wide");
        o.inner = uint32_t(inner);
    }
    weft_ASSIGN(o.eps, epsilon_or(c, "norm_eps", 1e-6));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "swish"));
    return o;
}

std::vector<NotRead> fla_keys_not_read(std::vector<NotRead> own) {
    std::vector<NotRead> all = {{"attn_mode", "how the reference implementation computes"},
                                {"fuse_*", "how the reference implementation computes"},
                                {"use_l2warp", "training"},
                                {"chunk_size_feed_forward", "how the reference implementation computes"},
                                {"hidden_ratio", "intermediate_size says the same"}};
    for (NotRead& key : own) all.push_back(std::move(key));
    return all;
}

Result<FlaHeads> read_fla_heads(const JsonObject& c, uint32_t width, uint32_t heads, double expand_k, double expand_v) {
    FlaHeads h;
    weft_ASSIGN(h.heads, c.count_or("num_heads", heads));
    weft_ASSIGN(h.kv_heads, count_or_none(c, "num_kv_heads", 0));
    if (h.kv_heads == 0) h.kv_heads = h.heads;
    if (h.heads % h.kv_heads) return c.bad("num_kv_heads", "must divide num_heads");
    weft_ASSIGN(h.key_size, expanded(c, "expand_k", width, expand_k, h.heads));
    weft_ASSIGN(h.value_size, expanded(c, "expand_v", width, expand_v, h.heads));
    return h;
}

Result<uint32_t> read_fla_taps(const JsonObject& c, bool there) {
    weft_ASSIGN(const bool convolved, c.boolean_or("use_short_conv", there));
    weft_ASSIGN(const uint32_t taps, c.count_or("conv_size", 4));
    return convolved ? taps : 0;
}

std::vector<Builder::Part> fla_shared(const FlaHeads& h, const std::string& name, uint32_t size, uint32_t first) {
    const uint32_t copies = h.heads / h.kv_heads, rows = h.kv_heads * size;
    std::vector<Builder::Part> parts;
    for (uint32_t i = 0; i < copies; ++i) {
        RowView to = rows_of_groups(h.kv_heads, copies * size, i * size, size);
        to.first += first;
        parts.push_back({.name = name, .rows = rows, .to = std::move(to)});
    }
    return parts;
}

namespace {

// q, k and v one below the other, under names with `suffix`.
std::vector<Builder::Part> shared_parts(const FlaHeads& h, const std::string& at, const std::string& suffix) {
    std::vector<Builder::Part> parts{{.name = at + "q" + suffix, .rows = h.keys(), .to = {0, {{h.keys(), 1}}}}};
    for (Builder::Part& p : fla_shared(h, at + "k" + suffix, h.key_size, h.keys())) parts.push_back(std::move(p));
    for (Builder::Part& p : fla_shared(h, at + "v" + suffix, h.value_size, 2 * h.keys())) parts.push_back(std::move(p));
    return parts;
}

} // namespace

LinearAttentionSpec fla_attention(Builder& builder, const std::string& at, const FlaHeads& h, uint32_t width) {
    LinearAttentionSpec a;
    a.heads = h.heads;
    a.key_size = h.key_size;
    a.value_size = h.value_size;
    a.scale = float(1 / std::sqrt(double(h.key_size)));
    a.qkv = builder.stacked_linear(at + "qkv", shared_parts(h, at, "_proj"), width);
    a.out = builder.linear(at + "o_proj", width, h.values());
    return a;
}

Conv fla_conv(Builder& builder, const std::string& at, const FlaHeads& h, uint32_t taps) {
    return {builder.stacked(at + "conv1d", shared_parts(h, at, "_conv1d.weight"), taps, false), kNoWeight,
            2 * h.keys() + h.values(), taps};
}

Result<Norm> fla_norm(const JsonObject& c, Builder& builder, const std::string& name, uint32_t width, double eps) {
    weft_ASSIGN(const bool weighted, c.boolean_or("elementwise_affine", true));
    if (weighted) return builder.rms(name, width, eps);
    return Norm{.present = true, .eps = float(eps)};
}

Status add_fla_gate(const JsonObject& c, Builder& builder, const std::string& at, const FlaSizes& sizes,
                    LinearAttentionSpec& a) {
    weft_ASSIGN(const bool gated, c.boolean_or("use_output_gate", true));
    // Under another name where the class does not run both at once.
    weft_ASSIGN(a.norm,
                fla_norm(c, builder, at + "g_norm_swish_gate.weight|" + at + "g_norm.weight", a.value_size, sizes.eps));
    a.norm_heads = true;
    if (!gated) return Ok{};
    a.gate = builder.linear(at + "g_proj", a.heads * a.value_size, sizes.width);
    a.gate_activation = sizes.activation;
    return Ok{};
}

Result<Schedule> fla_decoder(const JsonObject& config, const ModelFiles& files, const FlaSizes& sizes,
                             const FlaMixer& mixer) {
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, sizes.eps, false, {.embedding = "embeddings.weight"}));
    for (uint32_t i = 0; i < sizes.layers; ++i) {
        const std::string at = layer_name(i);
        Op op;
        weft_TRY(mixer(builder, at + "attn.", i, op));
        Layer layer;
        layer.blocks.push_back(
            {.pre = builder.rms(at + "attn_norm.weight", sizes.width, sizes.eps), .branches = {{std::move(op)}}});
        layer.blocks.push_back(
            {.pre = builder.rms(at + "mlp_norm.weight", sizes.width, sizes.eps),
             .branches = {{usual_mlp(builder, at + "mlp.", sizes.width, sizes.inner, sizes.activation)}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

} // namespace weft::detail
