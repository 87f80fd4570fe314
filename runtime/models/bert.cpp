// SPDX-License-Identifier: Apache-2.0
// L5: BERT (Devlin et al. 2018): an encoder with norms behind the residual sums, learned positions, token types, and a
// head that fills masks.
#include "models/encoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::bert {
namespace {

struct Config {
    uint32_t layers, width, inner, types;
    Heads heads;
    double eps;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.heads, read_heads(c, o.width));
    weft_ASSIGN(o.inner, c.count("intermediate_size"));
    weft_ASSIGN(o.types, count_or_zero(c, "type_vocab_size", 2));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", 1e-12));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    weft_ASSIGN(const std::string positions, c.string_or("position_embedding_type", "absolute"));
    if (positions != "absolute")
        return c.bad("position_embedding_type", "is '" + positions + "'; weft knows positions of type 'absolute'");
    for (const char* key : {"is_decoder", "add_cross_attention"}) {
        weft_ASSIGN(const bool decodes, c.boolean_or(key, false));
        if (decodes) return c.bad(key, "is true; weft reads BERT as an encoder");
    }
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    weft_ASSIGN(s.position_limit, config.count("max_position_embeddings"));
    weft_ASSIGN(const bool tied, config.boolean_or("tie_word_embeddings", true));
    s.trained_context = s.position_limit;
    Builder builder(s, files, {"bert.", ""});
    // Files of before 2019 say gamma and beta.
    const auto norm = [&](const std::string& name) {
        return Norm{true, kernel::NormKind::layer, builder.vector(name + ".weight|" + name + ".gamma", {c.width}),
                    builder.vector(name + ".bias|" + name + ".beta", {c.width}), float(c.eps)};
    };
    const std::string words = "embeddings.word_embeddings.weight";
    const WeightId table = builder.matrix(words, s.vocabulary, c.width);
    Stage& encoder = add_encoder(s, c.width, table);
    auto& embedding = *encoder.first[0].branches[0].op.as<EmbedSpec>();
    embedding.positions = builder.matrix("embeddings.position_embeddings.weight", s.position_limit, c.width);
    if (c.types) {
        EmbedSpec types;
        types.input = "token_type_ids";
        types.rows = c.types;
        types.table = builder.matrix("embeddings.token_type_embeddings.weight", c.types, c.width);
        encoder.first[0].branches.push_back({types});
    }
    encoder.first[0].after = norm("embeddings.LayerNorm");
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = "encoder.layer." + std::to_string(i) + ".";
        AttentionSpec a = c.heads.attention();
        a.causal = false;
        const std::string self = at + "attention.self.";
        a.qkv = builder.has(self + "qkv.weight") // in some GGUF files
                    ? builder.linear(self + "qkv", 3 * c.width, c.width, true)
                    : builder.stacked_linear(
                          self + "qkv", {{self + "query", c.width}, {self + "key", c.width}, {self + "value", c.width}},
                          c.width, true);
        a.out = builder.linear(at + "attention.output.dense", c.width, c.width, true);
        MlpSpec m;
        m.gated = false;
        m.inner = c.inner;
        m.activation = c.activation;
        m.in = builder.linear(at + "intermediate.dense", c.inner, c.width, true);
        m.out = builder.linear(at + "output.dense", c.width, c.inner, true);
        encoder.layers.push_back({{{.branches = {{a}}, .after = norm(at + "attention.output.LayerNorm")},
                                   {.branches = {{m}}, .after = norm(at + "output.LayerNorm")}}});
    }
    const std::string head = "cls.predictions.";
    if (!has_masked_head(config, builder, files, head + "transform.dense.weight")) {
        s.outputs.push_back({kLastHidden, 0});
        return s;
    }
    const Linear transform = builder.linear(head + "transform.dense", c.width, c.width, true);
    Linear logits{head_matrix(builder, s, table, words, head + "decoder.weight", c.width, tied),
                  builder.vector(head + "bias|" + head + "decoder.bias", {s.vocabulary}), c.width, s.vocabulary};
    add_masked_head(s, transform, c.activation, norm(head + "transform.LayerNorm"), logits);
    return s;
}

Result<Json> gguf_config(const ModelFiles& files) {
    weft_ASSIGN(Json config,
                gguf_decoder(files, "bert",
                             {.both_ways = true, .epsilon = {"attention.layer_norm_epsilon", "layer_norm_eps"}}));
    config["hidden_act"] = "gelu";
    const TensorView* types = files.find("token_types.weight");
    config["type_vocab_size"] = types && types->shape.size() == 2 ? types->shape[0] : 0;
    return config;
}

const std::vector<GgufName> kGgufNames = {{"embeddings.word_embeddings", "token_embd"},
                                          {"embeddings.position_embeddings", "position_embd"},
                                          {"embeddings.token_type_embeddings", "token_types"},
                                          {"embeddings.LayerNorm", "token_embd_norm"},
                                          {"encoder.layer.*.attention.self.qkv", "blk.*.attn_qkv"},
                                          {"encoder.layer.*.attention.self.query", "blk.*.attn_q"},
                                          {"encoder.layer.*.attention.self.key", "blk.*.attn_k"},
                                          {"encoder.layer.*.attention.self.value", "blk.*.attn_v"},
                                          {"encoder.layer.*.attention.output.dense", "blk.*.attn_output"},
                                          {"encoder.layer.*.attention.output.LayerNorm", "blk.*.attn_output_norm"},
                                          {"encoder.layer.*.intermediate.dense", "blk.*.ffn_up"},
                                          {"encoder.layer.*.output.dense", "blk.*.ffn_down"},
                                          {"encoder.layer.*.output.LayerNorm", "blk.*.layer_output_norm"}};

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"bert"},
                                "BERT",
                                "an encoder: attention both ways, norms behind the sums, token types, masks filled",
                                schedule,
                                {{"bert", gguf_config, kGgufNames}},
                                {},
                                {{"gradient_checkpointing", "training"}, {"*.pooling_type", "weft embed reads it"}},
                                {{"*pooler.dense.*", "classifiers read it"},
                                 {"cls.weight", "classifiers read it"},
                                 {"cls.bias", "classifiers read it"},
                                 {"cls.output.*", "classifiers read it"},
                                 {"cls.seq_relationship.*", "whether one sentence follows another"},
                                 {"*embeddings.position_ids", "0, 1, 2 ..."}}};

} // namespace weft::bert
