// SPDX-License-Identifier: Apache-2.0
// L5: Llama (Touvron et al. 2023) and Mistral (Jiang et al. 2023): RMSNorm, grouped-query attention with rotary
// positions, SwiGLU; Mistral with a sliding window.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::llama {
namespace {

// What the two config classes disagree on.
struct Class {
    const char* type;
    uint32_t kv_heads;     // where the config has none; 0: as many as heads
    uint32_t window;       // the same; 0: none
    uint32_t context;      // the same
    bool windowed, biased; // reads sliding_window; reads attention_bias and mlp_bias
};
constexpr Class kClasses[] = {{"llama", 0, 0, 2048, false, true}, {"mistral", 8, 4096, 131072, true, false}};

struct Config : DecoderSizes {
    uint32_t window;
    bool mlp_bias;
};

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.kv_heads = k.kv_heads, .reads_bias = k.biased}));
    weft_ASSIGN(o.window, k.windowed ? count_or_none(c, "sliding_window", k.window) : Result<uint32_t>(0));
    weft_ASSIGN(o.mlp_bias, k.biased ? c.boolean_or("mlp_bias", false) : Result<bool>(false));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config, k));
    Schedule s;
    Slots slots(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, slots, s, c.eps, false));
    weft_ASSIGN(const Rope rope, whole_head_rope(config, slots, c.heads.head_size, 10000, k.context));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        AttentionSpec a =
            usual_attention(slots, at + "self_attn.", c.heads, c.width, c.attention_bias, c.attention_bias, true);
        a.rope = rope;
        a.window = c.window;
        s.layers.push_back(pre_norm_layer(slots, at, c.width, c.eps, a,
                                          usual_mlp(slots, at + "mlp.", c.width, c.inner, c.activation, c.mlp_bias)));
    }
    return s;
}

// Mixtral's files say that they are Llama's.
Result<Json> gguf_config(const ModelFiles& files) {
    weft_ASSIGN(Json config, gguf_decoder(files, "llama"));
    if (config.value("num_experts", 0) > 0) {
        config["model_type"] = "mixtral";
        config["num_local_experts"] = config["num_experts"];
    }
    config["attention_bias"] = files.find("blk.0.attn_q.bias") != nullptr;
    config["mlp_bias"] = files.find("blk.0.ffn_up.bias") != nullptr;
    return config;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"llama", "mistral"},
                                "Llama, Mistral",
                                "grouped-query attention, rotary positions of every type, SwiGLU; sliding window",
                                schedule,
                                {{"llama", gguf_config}},
                                {{"mistral3", "mistral"}},
                                {},
                                {{"*vision_tower.*", "pictures"}, {"*multi_modal_projector.*", "pictures"}}};

} // namespace weft::llama
