// SPDX-License-Identifier: Apache-2.0
// L5: Qwen2 (Yang et al. 2024) and Qwen3 (Yang et al. 2025): Llama's layer with biases on q, k, v, or with RMS norms on
// the heads of q and k; the upper layers may slide.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::qwen {
namespace {

// What the two config classes disagree on.
struct Class {
    const char* type;
    uint32_t head_size; // where the config has none; 0: width / heads
    bool qkv_bias;      // biases on q, k, v in every model; else attention_bias of the config, on all four
    bool head_norms, windows;
    double theta; // where the config has none
};
constexpr Class kClasses[] = {{"qwen2", 0, true, false, true, 10000},
                              {"qwen3", 128, false, true, true, 10000},
                              {"qwen3_vl_text", 128, false, true, false, 500000}};

struct Config : DecoderSizes {
    bool qkv_bias;
    std::vector<uint32_t> windows; // of each layer
};

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o),
                read_decoder(c, {.kv_heads = 32, .head_size = k.head_size, .reads_bias = !k.qkv_bias}));
    o.qkv_bias = k.qkv_bias || o.attention_bias;
    o.windows.resize(o.layers);
    if (!k.windows) return o;
    weft_ASSIGN(const bool sliding, c.boolean_or("use_sliding_window", false));
    weft_ASSIGN(const uint32_t window, sliding ? count_or_none(c, "sliding_window", 4096) : Result<uint32_t>(0));
    weft_ASSIGN(const int64_t first, c.integer_or("max_window_layers", 28));
    std::vector<bool> slides;
    for (uint32_t i = 0; i < o.layers; ++i) slides.push_back(window && i >= first);
    weft_ASSIGN(o.windows, layer_windows(c, window, slides));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config, k));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    if (builder.optional("lm_head.bias", builder.from_gguf() && k.qkv_bias))
        head_linear(s).linear.bias = builder.vector("lm_head.bias", {s.vocabulary});
    weft_ASSIGN(const Rope rope, whole_head_rope(config, builder, c.heads.head_size, k.theta, 32768));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), attn = at + "self_attn.";
        AttentionSpec a = usual_attention(builder, attn, c.heads, c.width, c.qkv_bias, c.attention_bias);
        if (k.head_norms) {
            a.q_norm = builder.rms(attn + "q_norm.weight", c.heads.head_size, c.eps);
            a.k_norm = builder.rms(attn + "k_norm.weight", c.heads.head_size, c.eps);
        }
        a.rope = rope;
        a.window = c.windows[i];
        decoder_of(s).layers.push_back(pre_norm_layer(builder, at, c.width, c.eps, a,
                                                      usual_mlp(builder, at + "mlp.", c.width, c.inner, c.activation)));
    }
    return s;
}

// Positions of a picture's rows in time, down and across: how many pairs turn by each.
Status complete_seeing(const ModelFiles& files, Json& config) {
    const char* const key = "qwen3vl.rope.dimension_sections";
    if (!files.gguf()->has(key)) return Ok{};
    weft_ASSIGN(auto sections, files.gguf()->integers(key));
    if (sections.size() > 3) sections.resize(3);
    config["rope_scaling"]["mrope_section"] = sections;
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"qwen2", "qwen3", "qwen3_vl_text"},
    "Qwen2, Qwen3",
    "biases on q, k, v; norms on the heads of q and k; windows in the upper layers",
    schedule,
    {{"qwen2", "qwen2"}, {"qwen3", "qwen3"}, {"qwen3vl", "qwen3_vl_text", {}, complete_seeing}},
    {{"qwen3_vl",
      "qwen3_vl_text",
      false,
      {{"vocab_size", 151936},
       {"hidden_size", 4096},
       {"intermediate_size", 22016},
       {"num_hidden_layers", 32},
       {"num_attention_heads", 32}}}},
    {{"*mrope_section", "the positions of a text alone are the same along every axis"},
     {"*mrope_interleaved", "the class interleaves whatever it says"}}};

} // namespace weft::detail::qwen
