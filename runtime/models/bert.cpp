// SPDX-License-Identifier: Apache-2.0
// L5: BERT (Devlin et al. 2018) and its kin: encoders with norms behind the residual sums, learned positions and a head
// that fills masks. RoBERTa (Liu et al. 2019), XLM-RoBERTa and CamemBERT count positions from behind pad_token_id;
// DistilBERT (Sanh et al. 2019) has no token types, ELECTRA (Clark et al. 2020) narrower embeddings, MPNet (Song et al.
// 2020) biases by distance.
#include "models/encoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::bert {
namespace {

struct Keys {
    const char *layers, *width, *heads, *inner, *activation;
    const char* eps; // nullptr: 1e-12 always
};
constexpr Keys kUsualKeys{"num_hidden_layers", "hidden_size", "num_attention_heads",
                          "intermediate_size", "hidden_act",  "layer_norm_eps"},
    kDistilKeys{"n_layers", "dim", "n_heads", "hidden_dim", "activation", nullptr};

// Weights behind a layer's number.
struct LayerNames {
    const char *layers, *q, *k, *v, *out, *attention_norm, *in, *down, *norm;
};
constexpr LayerNames kBertLayer{"encoder.layer.",       "attention.self.query",   "attention.self.key",
                                "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
                                "intermediate.dense",   "output.dense",           "output.LayerNorm"},
    kDistilLayer{"transformer.layer.", "attention.q_lin", "attention.k_lin", "attention.v_lin",  "attention.out_lin",
                 "sa_layer_norm",      "ffn.lin1",        "ffn.lin2",        "output_layer_norm"},
    kMpnetLayer{"encoder.layer.",      "attention.attn.q",   "attention.attn.k", "attention.attn.v", "attention.attn.o",
                "attention.LayerNorm", "intermediate.dense", "output.dense",     "output.LayerNorm"};

struct HeadNames {
    const char *transform, *norm, *matrix, *bias;
    const char* own_bias; // of an untied product, beside the bias of a tied one; nullptr: it is the same
    bool own_activation;  // that of the layers; else gelu
};
constexpr HeadNames kBertHead{"cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
                              "cls.predictions.decoder.weight",  "cls.predictions.bias",
                              "cls.predictions.decoder.bias",    true},
    kRobertaHead{"lm_head.dense", "lm_head.layer_norm",   "lm_head.decoder.weight",
                 "lm_head.bias",  "lm_head.decoder.bias", false},
    kDistilHead{"vocab_transform", "vocab_layer_norm", "vocab_projector.weight", "vocab_projector.bias", nullptr, true},
    kElectraHead{"generator_predictions.dense",
                 "generator_predictions.LayerNorm",
                 "generator_lm_head.weight",
                 "generator_lm_head.bias",
                 nullptr,
                 false};

// The row of the first position: of the table's rows the first, that behind pad_token_id, or that behind row 1.
enum class Start { first, behind_padding, behind_one };

// What the config classes disagree on.
struct Class {
    const char *type, *prefix;
    Keys keys;
    LayerNames layer;
    HeadNames head;
    Start start;
    bool types, narrow, by_distance; // token types; embeddings of a width of their own; biases by distance
};
constexpr Class kClasses[] = {
    {"bert", "bert.", kUsualKeys, kBertLayer, kBertHead, Start::first, true, false, false},
    {"roberta", "roberta.", kUsualKeys, kBertLayer, kRobertaHead, Start::behind_padding, true, false, false},
    {"xlm-roberta", "roberta.", kUsualKeys, kBertLayer, kRobertaHead, Start::behind_padding, true, false, false},
    {"camembert", "roberta.", kUsualKeys, kBertLayer, kRobertaHead, Start::behind_padding, true, false, false},
    {"distilbert", "distilbert.", kDistilKeys, kDistilLayer, kDistilHead, Start::first, false, false, false},
    {"electra", "electra.", kUsualKeys, kBertLayer, kElectraHead, Start::first, true, true, false},
    {"mpnet", "mpnet.", kUsualKeys, kMpnetLayer, kRobertaHead, Start::behind_one, false, false, true}};

constexpr uint32_t kBuckets = 32, kFarthest = 128; // of MPNet, whatever the config says

struct Config {
    Class kind;
    uint32_t layers, width, inner, types, embedding;
    uint32_t first, positions; // the row of the first position, and how many there are
    Heads heads;
    double eps;
    bool tied;
    kernel::Activation activation, head_activation;
};

Status read_positions(const JsonObject& c, Config& o) {
    o.first = o.kind.start == Start::behind_one ? 2 : 0;
    if (o.kind.start == Start::behind_padding) {
        weft_ASSIGN(o.first, first_position(c, 1));
    }
    weft_ASSIGN(const uint32_t rows, c.count("max_position_embeddings"));
    if (rows <= o.first)
        return c.bad("max_position_embeddings",
                     "must be above " + std::to_string(o.first) + ", the row of the first position");
    o.positions = rows - o.first;
    weft_ASSIGN(const std::string type, c.string_or("position_embedding_type", "absolute"));
    if (type != "absolute")
        return c.bad("position_embedding_type", "is '" + type + "'; weft knows positions of type 'absolute'");
    weft_ASSIGN(const uint32_t buckets, o.kind.by_distance ? c.count_or("relative_attention_num_buckets", kBuckets)
                                                           : Result<uint32_t>(kBuckets));
    if (buckets != kBuckets) return c.bad("relative_attention_num_buckets", "must be 32");
    return Ok{};
}

Result<Config> read(const JsonObject& c) {
    Config o{.kind = class_of(kClasses, c)};
    const Keys& keys = o.kind.keys;
    weft_ASSIGN(o.layers, layer_count(c, keys.layers));
    weft_ASSIGN(o.width, c.count(keys.width));
    weft_ASSIGN(o.heads, heads_of_width(c, o.width, keys.heads, keys.width));
    weft_ASSIGN(o.inner, c.count(keys.inner));
    weft_ASSIGN(o.types, o.kind.types ? count_or_zero(c, "type_vocab_size", 2) : Result<uint32_t>(0));
    weft_ASSIGN(o.embedding, o.kind.narrow ? c.count_or("embedding_size", 128) : Result<uint32_t>(o.width));
    weft_ASSIGN(o.eps, keys.eps ? epsilon_or(c, keys.eps, 1e-12) : Result<double>(1e-12));
    weft_ASSIGN(o.tied, c.boolean_or("tie_word_embeddings", true));
    weft_ASSIGN(o.activation, activation_of(c, keys.activation, "gelu"));
    o.head_activation = o.kind.head.own_activation ? o.activation : kernel::Activation::gelu;
    weft_TRY(read_positions(c, o));
    for (const char* key : {"is_decoder", "add_cross_attention"}) {
        weft_ASSIGN(const bool decodes, c.boolean_or(key, false));
        if (decodes) return c.bad(key, "is true; weft reads this model as an encoder");
    }
    return o;
}

class Layers {
public:
    Layers(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    // Files of before 2019 say gamma and beta.
    Norm norm(const std::string& name, uint32_t width) {
        return {true, kernel::NormKind::layer, builder_.vector(name + ".weight|" + name + ".gamma", {width}),
                builder_.vector(name + ".bias|" + name + ".beta", {width}), float(c_.eps)};
    }
    void embed(WeightId table) {
        Stage& encoder = add_encoder(s_, c_.width, table);
        Block& block = encoder.first[0];
        auto& tokens = *block.branches[0].op.as<EmbedSpec>();
        tokens.positions =
            builder_.vector("embeddings.position_embeddings.weight", {c_.positions + c_.first, c_.embedding});
        tokens.position_offset = c_.first;
        if (c_.types) {
            EmbedSpec types;
            types.input = "token_type_ids";
            types.rows = c_.types;
            types.table = builder_.matrix("embeddings.token_type_embeddings.weight", c_.types, c_.embedding);
            block.branches.push_back({types});
        }
        block.after = norm("embeddings.LayerNorm", c_.embedding);
        if (c_.embedding == c_.width) return;
        encoder.streams = {{"embedding", c_.embedding}};
        block.write = 1;
        encoder.first.push_back(
            {.read = {1},
             .branches = {{LinearSpec{builder_.linear("embeddings_project", c_.width, c_.embedding, true)}}},
             .base = Base::none});
    }
    void layers() {
        AttentionSpec shared = c_.heads.attention();
        shared.causal = false;
        if (c_.kind.by_distance)
            add_distance_bias(builder_, "encoder.relative_attention_bias.weight", kBuckets, kFarthest, shared);
        for (uint32_t i = 0; i < c_.layers; ++i)
            s_.stages.back().layers.push_back(layer(c_.kind.layer.layers + std::to_string(i) + ".", shared));
    }

private:
    Layer layer(const std::string& at, AttentionSpec a) {
        const LayerNames& names = c_.kind.layer;
        const uint32_t width = c_.width;
        const std::string fused = at + "attention.self.qkv";
        a.qkv = builder_.has(fused + ".weight") // in some GGUF files
                    ? builder_.linear(fused, 3 * width, width, true)
                    : builder_.stacked_linear(
                          fused, {{at + names.q, width}, {at + names.k, width}, {at + names.v, width}}, width, true);
        a.out = builder_.linear(at + names.out, width, width, true);
        const MlpSpec m = plain_mlp(builder_, at + names.in, at + names.down, width, c_.inner, c_.activation);
        return {{{.branches = {{a}}, .after = norm(at + names.attention_norm, width)},
                 {.branches = {{m}}, .after = norm(at + names.norm, width)}}};
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    s.position_limit = s.trained_context = c.positions;
    Builder builder(s, files, {c.kind.prefix, ""});
    Layers layers(s, builder, c);
    const std::string words = "embeddings.word_embeddings.weight";
    const WeightId table = builder.matrix(words, s.vocabulary, c.embedding);
    layers.embed(table);
    layers.layers();
    const HeadNames& head = c.kind.head;
    weft_ASSIGN(const bool fills, has_masked_head(config, builder, files, std::string(head.transform) + ".weight"));
    if (!fills) {
        s.outputs.push_back({kLastHidden, 0});
        return s;
    }
    const Linear transform = builder.linear(head.transform, c.embedding, c.width, true);
    Linear logits{head_matrix(builder, s, table, words, head.matrix, c.embedding, c.tied), kNoWeight, c.embedding,
                  s.vocabulary};
    std::string bias = head.bias;
    if (head.own_bias && logits.weight == table) bias = bias + "|" + head.own_bias;
    else if (head.own_bias) {
        bias = head.own_bias + ("|" + bias);
        s.unneeded.push_back({head.bias, "a tied head's"});
    }
    logits.bias = builder.vector(bias, {s.vocabulary});
    add_masked_head(s, transform, c.head_activation, layers.norm(head.norm, c.embedding), logits);
    return s;
}

Status complete(const ModelFiles& files, Json& config) {
    config["hidden_act"] = "gelu";
    const TensorView* types = files.find("token_types.weight");
    config["type_vocab_size"] = types && types->shape.size() == 2 ? types->shape[0] : 0;
    return Ok{};
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
const Architecture architecture{{"bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "mpnet"},
                                "BERT, RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT, ELECTRA, MPNet",
                                "encoders: attention both ways, norms behind the sums, token types, narrower "
                                "embeddings, biases by distance, masks filled",
                                schedule,
                                {{.name = "bert",
                                  .model_type = "bert",
                                  .complete = complete,
                                  .names = kGgufNames,
                                  .both_ways = true,
                                  .epsilon = {"attention.layer_norm_epsilon", "layer_norm_eps"}}},
                                {},
                                {{"gradient_checkpointing", "training"},
                                 {"sinusoidal_pos_embds", "the file has the positions"},
                                 {"tie_weights_", "tie_word_embeddings counts"},
                                 {"*.pooling_type", "weft embed reads it"}},
                                {{"*pooler.dense.*", "classifiers read it"},
                                 {"cls.weight", "classifiers read it"},
                                 {"cls.bias", "classifiers read it"},
                                 {"cls.output.*", "classifiers read it"},
                                 {"cls.seq_relationship.*", "whether one sentence follows another"},
                                 {"discriminator_predictions.*", "whether a token was replaced"},
                                 {"*embeddings.position_ids", "0, 1, 2 ..."}}};

} // namespace weft::detail::bert
