// SPDX-License-Identifier: Apache-2.0
// L5: OLMo-2 (OLMo team 2025) and OLMo-3: norms after attention and feed-forward instead of before; RMS norms of q and
// k over all heads together. OLMo-3 slides in three of four layers, where no scaling touches its positions.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::olmo2 {
namespace {

// What the two config classes disagree on.
struct Class {
    const char* type;
    bool slides;
};
constexpr Class kClasses[] = {{"olmo2", false}, {"olmo3", true}};

struct Config : DecoderSizes {
    std::vector<uint32_t> windows; // of each layer
};

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.eps = 1e-5, .reads_bias = true}));
    o.windows.assign(o.layers, 0);
    if (k.slides) {
        weft_ASSIGN(const uint32_t window, count_or_none(c, "sliding_window", 4096));
        std::vector<bool> slides;
        for (uint32_t i = 0; i < o.layers; ++i) slides.push_back((i + 1) % 4 != 0);
        weft_ASSIGN(o.windows, layer_windows(c, window, slides));
    }
    return o;
}

// Of layers that slide: the base alone.
Result<Rope> local_rope(const JsonObject& config, Builder& builder, uint32_t head_size) {
    Json plain = config.json();
    plain.erase("rope_scaling");
    weft_ASSIGN(Json parameters, rope_parameters(JsonObject(plain, config.origin()), 10000, "sliding_attention"));
    parameters["rope_type"] = "default";
    plain["rope_parameters"] = std::move(parameters);
    return whole_head_rope(JsonObject(plain, config.origin()), builder, head_size, 10000, 2048);
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config, k));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope full, whole_head_rope(config, builder, c.heads.head_size, 10000, 2048));
    Rope local = full;
    if (k.slides) {
        weft_ASSIGN(local, local_rope(config, builder, c.heads.head_size));
    }
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), attn = at + "self_attn.";
        AttentionSpec a = usual_attention(builder, attn, c.heads, c.width, c.attention_bias, c.attention_bias);
        a.q_norm = builder.rms(attn + "q_norm.weight", c.heads.q_rows(), c.eps);
        a.k_norm = builder.rms(attn + "k_norm.weight", c.heads.kv_rows(), c.eps);
        a.norm_all_heads = true;
        a.window = c.windows[i];
        a.rope = a.window ? local : full;
        const MlpSpec m = usual_mlp(builder, at + "mlp.", c.width, c.inner, c.activation);
        Layer layer;
        layer.blocks.push_back(
            {.branches = {{a}}, .post = builder.rms(at + "post_attention_layernorm.weight", c.width, c.eps)});
        layer.blocks.push_back(
            {.branches = {{m}}, .post = builder.rms(at + "post_feedforward_layernorm.weight", c.width, c.eps)});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

// OLMo-3's files say that they are OLMo-2's.
Status complete(const ModelFiles& files, Json& config) {
    if (config["sliding_window"].is_null()) return Ok{};
    config["model_type"] = "olmo3";
    return gguf_windows(files, config, 4);
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"olmo2", "olmo3"},
    "OLMo-2, OLMo-3",
    "norms behind the blocks; norms of q and k over all heads; windows in three of four layers",
    schedule,
    {{"olmo2",
      "olmo2",
      {},
      complete,
      {{"post_attention_layernorm", "post_attention_norm"}, {"post_feedforward_layernorm", "post_ffw_norm"}}}}};

} // namespace weft::detail::olmo2
