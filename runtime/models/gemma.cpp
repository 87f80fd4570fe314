// SPDX-License-Identifier: Apache-2.0
// L5: Gemma-2 (Gemma team 2024) and Gemma-3 (Gemma team 2025), text: norms (1 + w) before and behind each block,
// scaled embedding, windows in all layers but every second or sixth; Gemma-2 with soft caps on scores and logits,
// Gemma-3 with norms on the heads of q and k and rotary positions of another base where it slides.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include <cmath>

namespace weft::detail::gemma {
namespace {

// What the two config classes disagree on.
struct Class {
    const char* type;
    double score_cap, logit_cap; // where the config has none; 0: none
    uint32_t period, context;    // every period-th layer sees all, where the config says nothing else
    const char* period_key;      // what says it, beside layer_types
    bool caps_scores; // the reference's Gemma-3 has attn_logit_softcapping in its config but does not apply it
    bool head_norms, local_rope; // norms of q and k; another rotary base where it slides
};
constexpr Class kClasses[] = {{"gemma2", 50, 30, 2, 8192, nullptr, true, false, false},
                              {"gemma3_text", 0, 0, 6, 131072, "sliding_window_pattern", false, true, true}};

struct Config {
    uint32_t layers, width, inner;
    Heads heads;
    double eps, query_scalar, score_cap, logit_cap;
    bool attention_bias;
    kernel::Activation activation;
    std::vector<uint32_t> windows; // of each layer
};

Result<Config> read(const JsonObject& c, const Class& k) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.heads, read_heads(c, o.width, 4, 256));
    weft_ASSIGN(o.inner, inner_width(c, "intermediate_size"));
    weft_ASSIGN(o.eps, epsilon_or(c, "rms_norm_eps", 1e-6));
    weft_ASSIGN(o.query_scalar, c.number_or("query_pre_attn_scalar", 256));
    if (!(o.query_scalar > 0)) return c.bad("query_pre_attn_scalar", "must be positive");
    weft_ASSIGN(o.attention_bias, c.boolean_or("attention_bias", false));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_activation", "gelu_pytorch_tanh"));
    weft_ASSIGN(const bool bidirectional, c.boolean_or("use_bidirectional_attention", false));
    if (bidirectional)
        return Error{
            ErrorCode::unsupported,
            c.origin() +
                ": key 'use_bidirectional_attention' asks for an encoder, which is not supported for this model",
            {}};
    weft_ASSIGN(o.score_cap,
                k.caps_scores ? number_or_none(c, "attn_logit_softcapping", k.score_cap) : Result<double>(0.0));
    weft_ASSIGN(o.logit_cap, number_or_none(c, "final_logit_softcapping", k.logit_cap));
    if (!(o.score_cap >= 0)) return c.bad("attn_logit_softcapping", "must be positive");
    if (!(o.logit_cap >= 0)) return c.bad("final_logit_softcapping", "must be positive");
    weft_ASSIGN(const uint32_t window, count_or_none(c, "sliding_window", 4096));
    weft_ASSIGN(const uint32_t period, k.period_key ? c.count_or(k.period_key, k.period) : Result<uint32_t>(k.period));
    std::vector<bool> slides;
    for (uint32_t i = 0; i < o.layers; ++i) slides.push_back((i + 1) % period != 0);
    weft_ASSIGN(o.windows, layer_windows(c, window, slides));
    return o;
}

// Gemma-3: rope_parameters by layer type; before transformers 5, rope_theta and rope_scaling for the layers that see
// all, rope_local_base_freq alone for those that slide.
Result<Rope> rope_by_kind(const JsonObject& config, Builder& builder, uint32_t head_size, uint32_t context,
                          const char* kind, const char* theta_key, double theta, bool scaled) {
    weft_ASSIGN(const double given, config.number_or(theta_key, theta));
    if (!(given > 0)) return config.bad(theta_key, "must be positive");
    Json edited = config.json();
    edited.erase("rope_theta");
    edited.erase("rope_scaling");
    edited.erase("rope_parameters");
    edited["rope_theta"] = given;
    Json own = Json::object();
    if (config.has("rope_parameters")) {
        weft_ASSIGN(const JsonObject all, config.object("rope_parameters"));
        if (all.has(kind)) {
            weft_ASSIGN(const JsonObject of_kind, all.object(kind));
            own = of_kind.json();
        }
    }
    if (scaled && config.has("rope_scaling")) {
        weft_ASSIGN(const JsonObject scaling, config.object("rope_scaling"));
        own.update(scaling.json());
    }
    edited["rope_parameters"] = own;
    return whole_head_rope(config.changed(edited, {std::string("rope_parameters.") + kind}), builder, head_size, theta,
                           context);
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config, k));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, true, {}, true));
    embedding_of(s).scale = float(std::sqrt(double(c.width)));
    head_linear(s).softcap = float(c.logit_cap);
    Rope full, local;
    if (k.local_rope) {
        weft_ASSIGN(full, rope_by_kind(config, builder, c.heads.head_size, k.context, "full_attention", "rope_theta",
                                       1000000, true));
        weft_ASSIGN(local, rope_by_kind(config, builder, c.heads.head_size, k.context, "sliding_attention",
                                        "rope_local_base_freq", 10000, false));
    } else {
        weft_ASSIGN(full, whole_head_rope(config, builder, c.heads.head_size, 10000, k.context));
        local = full;
    }
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), attn = at + "self_attn.";
        AttentionSpec a = usual_attention(builder, attn, c.heads, c.width, c.attention_bias, c.attention_bias);
        if (k.head_norms) {
            a.q_norm = builder.rms(attn + "q_norm.weight", c.heads.head_size, c.eps, true);
            a.k_norm = builder.rms(attn + "k_norm.weight", c.heads.head_size, c.eps, true);
        }
        a.window = c.windows[i];
        a.rope = a.window ? local : full;
        a.scale = float(1 / std::sqrt(c.query_scalar));
        a.softcap = float(c.score_cap);
        const MlpSpec m = usual_mlp(builder, at + "mlp.", c.width, c.inner, c.activation);
        const auto norm = [&](const char* name) { return builder.rms(at + name + ".weight", c.width, c.eps, true); };
        Layer layer;
        layer.blocks.push_back(
            {.pre = norm("input_layernorm"), .branches = {{a}}, .post = norm("post_attention_layernorm")});
        layer.blocks.push_back(
            {.pre = norm("pre_feedforward_layernorm"), .branches = {{m}}, .post = norm("post_feedforward_layernorm")});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

GgufSaid said_local_base(const Schedule& s) {
    for (const Layer& layer : decoder_of(s).layers)
        if (const auto* a = op_of<AttentionSpec>(layer); a && a->window && a->rope.kind != RopeKind::none)
            return float(rope_base(s, a->rope));
    return {};
}

std::vector<GgufKey> gguf_keys(const Class& k) {
    if (k.local_rope) return {{"rope.freq_base_swa", "rope_local_base_freq", said_local_base, 10000}};
    return {{"attn_logit_softcapping", "attn_logit_softcapping", nullptr, k.score_cap},
            {"final_logit_softcapping", "final_logit_softcapping", nullptr, k.logit_cap},
            {"attention.sliding_window", "sliding_window", nullptr, 4096}};
}

// The scale of the scores is in no key: the largest model of each generation, known by its
// layers, has another than the others.
template <int class_index, int largest>
Status complete(const ModelFiles& files, Json& config) {
    const Class& k = kClasses[class_index];
    if (k.local_rope)
        config["rope_parameters"]["sliding_attention"] = {{kRopeMagnitude, config["rope_scaling"][kRopeMagnitude]}};
    else weft_TRY(gguf_one_rope(files, config));
    weft_TRY(gguf_windows(files, config, k.period));
    weft_ASSIGN(const uint32_t layers, gguf_count(files, config, "num_hidden_layers"));
    weft_ASSIGN(const uint32_t width, gguf_count(files, config, "hidden_size"));
    weft_ASSIGN(const uint32_t heads, gguf_count(files, config, "num_attention_heads"));
    weft_ASSIGN(const uint32_t head_size, gguf_count(files, config, "head_dim"));
    config["query_pre_attn_scalar"] = layers == largest ? std::max(1u, width / heads) : head_size;
    return Ok{};
}

const std::vector<GgufName> kGgufNames = {{"post_attention_layernorm", "post_attention_norm"},
                                          {"pre_feedforward_layernorm", "ffn_norm"},
                                          {"post_feedforward_layernorm", "post_ffw_norm"}};

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"gemma2", "gemma3_text"},
                                "Gemma-2, Gemma-3 text",
                                "norms on both sides, soft caps, windows between full layers, two rotary bases",
                                schedule,
                                {{"gemma2", "gemma2", gguf_keys(kClasses[0]), complete<0, 46>, kGgufNames},
                                 {"gemma3", "gemma3_text", gguf_keys(kClasses[1]), complete<1, 62>, kGgufNames}},
                                {{"gemma3",
                                  "gemma3_text",
                                  true,
                                  {{"vocab_size", 262208},
                                   {"hidden_size", 2304},
                                   {"intermediate_size", 9216},
                                   {"num_hidden_layers", 26},
                                   {"num_attention_heads", 8}}}},
                                {{"hidden_act", "hidden_activation counts"}},
                                {{"*vision_tower.*", "pictures"}, {"*multi_modal_projector.*", "pictures"}}};

} // namespace weft::detail::gemma
