// SPDX-License-Identifier: Apache-2.0
// L5: ModernBERT (Warner et al. 2024): an encoder with norms before the blocks, rotary positions of two bases, local
// and global attention in turn, GeGLU.
#include "models/encoder_parts.hpp"
#include <algorithm>

namespace weft::detail::modernbert {
namespace {

struct Config {
    uint32_t layers, width, inner, every, local;
    Heads heads;
    double eps, global_theta, local_theta;
    bool norm_bias, attention_bias, mlp_bias, decoder_bias, classifier_bias;
    kernel::Activation activation, head_activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.heads, heads_of_width(c, o.width));
    weft_ASSIGN(o.inner, inner_width(c, "intermediate_size"));
    weft_ASSIGN(o.every, c.count_or("global_attn_every_n_layers", 3));
    weft_ASSIGN(o.local, c.count_or("local_attention", 128));
    weft_ASSIGN(o.eps, epsilon_or(c, "norm_eps", 1e-5));
    weft_ASSIGN(o.global_theta, c.number_or("global_rope_theta", 160000));
    weft_ASSIGN(o.local_theta, c.number_or("local_rope_theta", 10000));
    weft_ASSIGN(o.norm_bias, c.boolean_or("norm_bias", false));
    weft_ASSIGN(o.attention_bias, c.boolean_or("attention_bias", false));
    weft_ASSIGN(o.mlp_bias, c.boolean_or("mlp_bias", false));
    weft_ASSIGN(o.decoder_bias, c.boolean_or("decoder_bias", true));
    weft_ASSIGN(o.classifier_bias, c.boolean_or("classifier_bias", false));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_activation", "gelu"));
    weft_ASSIGN(o.head_activation, activation_of(c, "classifier_activation", "gelu"));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    weft_ASSIGN(s.trained_context, config.count_or("max_position_embeddings", 0));
    weft_ASSIGN(const bool tied, config.boolean_or("tie_word_embeddings", true));
    weft_ASSIGN(const auto types, layer_types(config, c.layers));
    Builder builder(s, files, {"model.", ""});
    const auto norm = [&](const std::string& name) { return builder.layer_norm(name, c.width, c.eps, c.norm_bias); };
    const std::string words = "embeddings.tok_embeddings.weight";
    const WeightId table = builder.matrix(words, s.vocabulary, c.width);
    Stage& encoder = add_encoder(s, c.width, table);
    encoder.first[0].after = norm("embeddings.norm");
    // rope_parameters, keyed by the kind of layer, since transformers 5.
    const bool by_kind = config.has("rope_parameters");
    const auto rope = [&](const char* kind, double theta) {
        return rope_of(config, builder, c.heads.head_size, theta, by_kind ? kind : "");
    };
    weft_ASSIGN(const Rope global, rope("full_attention", c.global_theta));
    weft_ASSIGN(const Rope local, rope("sliding_attention", c.local_theta));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        const bool slides = types ? (*types)[i] == "sliding_attention" : i % c.every != 0;
        AttentionSpec a = c.heads.attention();
        a.causal = false;
        a.rope = slides ? local : global;
        if (slides) a.window = a.ahead = c.local / 2 + 1; // so far to both sides, itself included
        a.qkv = builder.linear(at + "attn.Wqkv", 3 * c.width, c.width, c.attention_bias);
        a.out = builder.linear(at + "attn.Wo", c.width, c.width, c.attention_bias);
        MlpSpec m;
        m.inner = c.inner;
        m.activation = c.activation;
        m.in = builder.linear(at + "mlp.Wi", 2 * c.inner, c.width, c.mlp_bias);
        m.out = builder.linear(at + "mlp.Wo", c.width, c.inner, c.mlp_bias);
        Block attends{.branches = {{a}}};
        if (i > 0) attends.pre = norm(at + "attn_norm"); // the embeddings' norm stands before the first
        encoder.layers.push_back({{attends, {.pre = norm(at + "mlp_norm"), .branches = {{m}}}}});
    }
    encoder.last = {final_norm(norm("final_norm"))};
    weft_ASSIGN(const bool fills, has_masked_head(config, builder, files, "head.dense.weight"));
    if (!fills) {
        s.outputs.push_back({kLastHidden, 0});
        return s;
    }
    const Linear transform = builder.linear("head.dense", c.width, c.width, c.classifier_bias),
                 logits{head_matrix(builder, s, table, words, "decoder.weight", c.width, tied),
                        c.decoder_bias ? builder.vector("decoder.bias", {s.vocabulary}) : kNoWeight, c.width,
                        s.vocabulary};
    add_masked_head(s, transform, c.head_activation, norm("head.norm"), logits);
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"modernbert"},
                                "ModernBERT",
                                "an encoder: local and global attention in turn, two rotary bases, GeGLU",
                                schedule,
                                {},
                                {},
                                {{"classifier_pooling", "classifiers read it"},
                                 {"deterministic_flash_attn", "how it is computed, not what"},
                                 {"sparse_pred*", "training"},
                                 {"reference_compile", "how it is computed, not what"},
                                 {"repad_logits_with_grad", "training"}}};

} // namespace weft::detail::modernbert
