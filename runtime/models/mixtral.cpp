// SPDX-License-Identifier: Apache-2.0
// L5: Mixtral (Jiang et al. 2024): Mistral's layer with experts, the two best of which are
// weighted by their renormalised softmax.
#include "models/decoder_parts.hpp"

namespace weft::detail::mixtral {
namespace {

struct Config : DecoderSizes {
    uint32_t window;
    Experts experts;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.eps = 1e-5, .kv_heads = 8}));
    weft_ASSIGN(o.window, count_or_none(c, "sliding_window", 0));
    weft_ASSIGN(o.experts, read_mixtral_experts(c, o.layers, o.inner));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope rope, whole_head_rope(config, builder, c.heads.head_size, 1000000, 131072));
    for (uint32_t i = 0; i < c.layers; ++i) {
        // What transformers 5 calls the block once it is loaded.
        const std::string at = layer_name(i), renamed = at + "mlp.";
        const std::string moe =
            builder.gguf() || builder.has(renamed + "gate.weight") ? renamed : at + "block_sparse_moe.";
        AttentionSpec a =
            usual_attention(builder, at + "self_attn.", c.heads, c.width, false, builder.from_gguf(), rope.rotary);
        a.rope = rope;
        a.window = c.window;
        decoder_of(s).layers.push_back(
            pre_norm_layer(builder, at, c.width, c.eps, a,
                           usual_experts(builder, moe, c.width, c.experts, c.activation, {"w1", "w3", "w2"})));
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"mixtral"}, "Mixtral", "two of eight experts a token, renormalised", schedule,
                                {},          {},        {{"router_jitter_noise", "training"}}};

} // namespace weft::detail::mixtral
