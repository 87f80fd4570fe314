// SPDX-License-Identifier: Apache-2.0
// L5: Phi-3 (Abdin et al. 2024): Llama's layer with fused projections; LongRoPE, perhaps on a part of each head;
// a window in every layer, or none.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::phi3 {
namespace {

struct Config : DecoderSizes {
    uint32_t window;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.eps = 1e-5}));
    weft_ASSIGN(o.window, count_or_none(c, "sliding_window", 0));
    return o;
}

// The released configs spell LongRoPE in three ways; the original context is a key of the
// class itself, 4096 where the config has none.
Result<Rope> read_rope(const JsonObject& c, Builder& builder, uint32_t head_size) {
    if (builder.from_gguf()) return rope_of(c, builder, head_size, 10000);
    weft_ASSIGN(Json parameters, rope_parameters(c, 10000, "", 1, 4096));
    weft_ASSIGN(const uint32_t original, c.count_or("original_max_position_embeddings", 4096));
    parameters["original_max_position_embeddings"] = original;
    const JsonObject p = rope_view(c, parameters);
    weft_ASSIGN(const std::string type, p.string("rope_type"));
    if (type == "su" || type == "yarn") parameters["rope_type"] = "longrope";
    else if (type != "default" && type != "longrope")
        return p.bad("rope_type", "must be 'longrope' or 'default' for this model, is '" + type + "'");
    return rope_from(p, builder, head_size);
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope rope, read_rope(config, builder, c.heads.head_size));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), attn = at + "self_attn.", mlp = at + "mlp.";
        AttentionSpec a = c.heads.attention();
        a.qkv =
            builder.linear(attn + "qkv_proj", c.heads.q_rows() + 2 * c.heads.kv_rows(), c.width, builder.from_gguf());
        a.out = builder.linear(attn + "o_proj", c.width, c.heads.q_rows());
        a.rope = rope;
        a.window = c.window;
        MlpSpec m;
        m.in = builder.linear(mlp + "gate_up_proj", 2 * c.inner, c.width);
        m.out = builder.linear(mlp + "down_proj", c.width, c.inner);
        m.inner = c.inner;
        m.activation = c.activation;
        decoder_of(s).layers.push_back(pre_norm_layer(builder, at, c.width, c.eps, a, m));
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"phi3"},
                                "Phi-3",
                                "fused projections, LongRoPE",
                                schedule,
                                {{.name = "phi3", .model_type = "phi3", .names = {{"mlp.gate_up_proj", "ffn_up"}}}}};

} // namespace weft::detail::phi3
