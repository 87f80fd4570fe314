// SPDX-License-Identifier: Apache-2.0
// L5: Llama (Touvron et al. 2023) and Mistral (Jiang et al. 2023): RMSNorm, grouped-query attention with rotary
// positions, SwiGLU; Mistral with a sliding window.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::llama {
namespace {

// What the config classes disagree on. transformers takes a Mistral that has layer_types for a Ministral.
struct Class {
    const char* type;
    uint32_t kv_heads;     // where the config has none; 0: as many as heads
    uint32_t window;       // the same; 0: none
    uint32_t context;      // the same
    bool windowed, biased; // reads sliding_window and layer_types; reads attention_bias and mlp_bias
};
constexpr Class kClasses[] = {{"llama", 0, 0, 2048, false, true},
                              {"mistral", 8, 4096, 131072, true, false},
                              {"ministral", 8, 4096, 131072, true, false}};

struct Config : DecoderSizes {
    std::vector<uint32_t> windows; // of each layer
    bool mlp_bias;
};

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.kv_heads = k.kv_heads, .reads_bias = k.biased}));
    weft_ASSIGN(const uint32_t window, k.windowed ? count_or_none(c, "sliding_window", k.window) : Result<uint32_t>(0));
    o.windows.assign(o.layers, 0);
    if (k.windowed) {
        weft_ASSIGN(o.windows, layer_windows(c, window, std::vector<bool>(o.layers, window > 0)));
    }
    weft_ASSIGN(o.mlp_bias, k.biased ? c.boolean_or("mlp_bias", false) : Result<bool>(false));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config, k));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    weft_ASSIGN(const Rope rope, whole_head_rope(config, builder, c.heads.head_size, 10000, k.context));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        AttentionSpec a = usual_attention(builder, at + "self_attn.", c.heads, c.width, c.attention_bias,
                                          c.attention_bias, rope.rotary);
        a.rope = rope;
        a.window = c.windows[i];
        decoder_of(s).layers.push_back(
            pre_norm_layer(builder, at, c.width, c.eps, a,
                           usual_mlp(builder, at + "mlp.", c.width, c.inner, c.activation, c.mlp_bias)));
    }
    return s;
}

// Mixtral's files say that they are Llama's. None has a window.
Status complete(const ModelFiles&, Json& config) {
    if (config["num_experts"] != 0) {
        config["model_type"] = "mixtral";
        gguf_rename(config, "num_experts", "num_local_experts");
    }
    config["sliding_window"] = nullptr;
    config["attention_bias"] = config["mlp_bias"] = true;
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"llama", "mistral", "ministral"},
                                "Llama, Mistral",
                                "grouped-query attention, rotary positions of every type, SwiGLU; sliding window",
                                schedule,
                                {{"llama", "llama", {}, complete}},
                                {{"mistral3",
                                  "mistral",
                                  true,
                                  {{"vocab_size", 32000},
                                   {"hidden_size", 4096},
                                   {"intermediate_size", 14336},
                                   {"num_hidden_layers", 32},
                                   {"num_attention_heads", 32}},
                                  {"layer_types"}},
                                 {"llava",
                                  "llama",
                                  false,
                                  {{"vocab_size", 32000},
                                   {"hidden_size", 4096},
                                   {"intermediate_size", 11008},
                                   {"num_hidden_layers", 32},
                                   {"num_attention_heads", 32}}}},
                                {},
                                {{"*vision_tower.*", "pictures"}, {"*multi_modal_projector.*", "pictures"}}};

} // namespace weft::detail::llama
