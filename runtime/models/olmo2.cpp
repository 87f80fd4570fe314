// SPDX-License-Identifier: Apache-2.0
// L5: OLMo-2 (OLMo team 2025): norms after attention and feed-forward instead of before;
// RMS norms of q and k over all heads together.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::olmo2 {
namespace {

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const DecoderSizes c, read_decoder(config, {.eps = 1e-5, .reads_bias = true}));
    Schedule s;
    Slots slots(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, slots, s, c.eps, false));
    weft_ASSIGN(const Rope rope, whole_head_rope(config, slots, c.heads.head_size, 10000, 2048));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), attn = at + "self_attn.";
        AttentionSpec a = usual_attention(slots, attn, c.heads, c.width, c.attention_bias, c.attention_bias);
        a.q_norm = slots.rms(attn + "q_norm.weight", c.heads.q_rows(), c.eps);
        a.k_norm = slots.rms(attn + "k_norm.weight", c.heads.kv_rows(), c.eps);
        a.norm_all_heads = true;
        a.rope = rope;
        const MlpSpec m = usual_mlp(slots, at + "mlp.", c.width, c.inner, c.activation);
        Layer layer;
        layer.blocks.push_back(
            {.branches = {{a}}, .post = slots.rms(at + "post_attention_layernorm.weight", c.width, c.eps)});
        layer.blocks.push_back(
            {.branches = {{m}}, .post = slots.rms(at + "post_feedforward_layernorm.weight", c.width, c.eps)});
        s.layers.push_back(std::move(layer));
    }
    return s;
}

Result<Json> gguf_config(const ModelFiles& files) { return gguf_decoder(files, "olmo2"); }

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"olmo2"},
    "OLMo-2",
    "norms behind the blocks; norms of q and k over all heads",
    schedule,
    {{"olmo2",
      gguf_config,
      {{"post_attention_layernorm", "post_attention_norm"}, {"post_feedforward_layernorm", "post_ffw_norm"}}}}};

} // namespace weft::olmo2
