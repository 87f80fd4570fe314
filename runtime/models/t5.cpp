// SPDX-License-Identifier: Apache-2.0
// L5: T5 and T5 v1.1 (Raffel et al. 2020): an encoder and a decoder with biases by distance instead of positions, RMS
// norms, no biases, no scale on scores.
#include "models/gguf.hpp"
#include "models/seq2seq_parts.hpp"
#include <cmath>

namespace weft::detail::t5 {
namespace {

struct Config {
    uint32_t layers, decoder_layers, width, inner, buckets, distance;
    Heads heads;
    double eps;
    bool gated, tied;
    kernel::Activation activation;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c, "num_layers"));
    weft_ASSIGN(o.decoder_layers,
                c.has("num_decoder_layers") ? layer_count(c, "num_decoder_layers") : Result<uint32_t>(o.layers));
    weft_ASSIGN(o.width, c.count("d_model"));
    weft_ASSIGN(o.inner, inner_width(c, "d_ff"));
    weft_ASSIGN(o.heads.heads, c.count("num_heads"));
    weft_ASSIGN(o.heads.head_size, c.count_or("d_kv", 64));
    o.heads.kv_heads = o.heads.heads;
    weft_TRY(check_heads(c, o.heads, "num_heads", "num_heads"));
    weft_ASSIGN(o.buckets, c.count_or("relative_attention_num_buckets", 32));
    weft_ASSIGN(o.distance, c.count_or("relative_attention_max_distance", 128));
    constexpr uint32_t kFarthest = 1u << 16; // a config must not make weft allocate
    if (o.buckets % 4) return c.bad("relative_attention_num_buckets", "must be a multiple of 4");
    if (o.distance <= o.buckets / 2 || o.distance > kFarthest)
        return c.bad("relative_attention_max_distance",
                     "must be larger than half of relative_attention_num_buckets, and at most 65536");
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_epsilon", 1e-6));
    weft_ASSIGN(o.tied, c.boolean_or("tie_word_embeddings", true));
    // "relu", "gated-gelu": what gelu means there is GPT-2's.
    weft_ASSIGN(std::string feed, c.string_or("feed_forward_proj", "relu"));
    o.gated = feed.starts_with("gated-");
    if (o.gated) feed = feed.substr(6);
    if (o.gated && feed == "gelu") feed = "gelu_new";
    weft_ASSIGN(o.activation, activation_of(c.changed(Json{{"feed_forward_proj", feed}}), "feed_forward_proj", feed));
    return o;
}

class Layers {
public:
    Layers(Schedule& s, Builder& builder, const Config& c) : s_(s), builder_(builder), c_(c) {}

    void encoder() {
        AttentionSpec shared = self("encoder.", true);
        for (uint32_t i = 0; i < c_.layers; ++i) {
            const std::string at = "encoder.block." + std::to_string(i) + ".layer.";
            stage_of(s_, kEncoder)->layers.push_back({{attention(at + "0.", shared), feed(at + "1.")}});
        }
        stage_of(s_, kEncoder)->last = {final_norm(norm("encoder.final_layer_norm"))};
    }
    void decoder() {
        AttentionSpec shared = self("decoder.", false);
        for (uint32_t i = 0; i < c_.decoder_layers; ++i) {
            const std::string at = "decoder.block." + std::to_string(i) + ".layer.", cross = at + "1.EncDecAttention.";
            CrossAttentionSpec a = add_memory(s_, builder_, i, c_.heads, cross, "k", "v", false);
            a.scale = 1;
            a.q = builder_.linear(cross + "q", c_.heads.q_rows(), c_.width);
            a.out = builder_.linear(cross + "o", c_.width, c_.heads.q_rows());
            decoder_of(s_).layers.push_back({{attention(at + "0.", shared),
                                              {.pre = norm(at + "1.layer_norm"), .branches = {{a}}},
                                              feed(at + "2.")}});
        }
        head_norm(s_) = norm("decoder.final_layer_norm");
    }

private:
    Norm norm(const std::string& name) { return builder_.rms(name + ".weight", c_.width, c_.eps); }

    // The first layer's biases are those of all.
    AttentionSpec self(const std::string& stack, bool both_ways) {
        AttentionSpec a = c_.heads.attention();
        a.causal = !both_ways;
        a.scale = 1;
        add_distance_bias(builder_, stack + "block.0.layer.0.SelfAttention.relative_attention_bias.weight", c_.buckets,
                          c_.distance, a);
        return a;
    }
    Block attention(const std::string& at, AttentionSpec a) {
        const std::string self = at + "SelfAttention.";
        const uint32_t rows = c_.heads.q_rows();
        a.qkv = builder_.stacked_linear(self + "qkv", {{self + "q", rows}, {self + "k", rows}, {self + "v", rows}},
                                        c_.width);
        a.out = builder_.linear(self + "o", c_.width, rows);
        return {.pre = norm(at + "layer_norm"), .branches = {{a}}};
    }
    Block feed(const std::string& at) {
        const std::string dense = at + "DenseReluDense.";
        MlpSpec m;
        m.inner = c_.inner;
        m.gated = c_.gated;
        m.activation = c_.activation;
        m.in = c_.gated ? builder_.stacked_linear(dense + "wi",
                                                  {{dense + "wi_0", c_.inner}, {dense + "wi_1", c_.inner}}, c_.width)
                        : builder_.linear(dense + "wi", c_.inner, c_.width);
        m.out = builder_.linear(dense + "wo", c_.width, c_.inner);
        return {.pre = norm(at + "layer_norm"), .branches = {{m}}};
    }

    Schedule& s_;
    Builder& builder_;
    const Config& c_;
};

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    weft_ASSIGN(s.vocabulary, config.count("vocab_size"));
    weft_ASSIGN(s.trained_context, config.count_or("n_positions", 512));
    weft_ASSIGN(const bool scaled, config.boolean_or("scale_decoder_outputs", c.tied));
    weft_TRY(read_seq2seq(config, s));
    Builder builder(s, files, {""});
    const std::string shared = "shared.weight|encoder.embed_tokens.weight|decoder.embed_tokens.weight";
    const WeightId table = builder.matrix(shared, s.vocabulary, c.width);
    const Linear logits{head_matrix(builder, s, table, shared, "lm_head.weight", c.width, c.tied), kNoWeight, c.width,
                        s.vocabulary};
    add_seq2seq(s, c.width, table, logits);
    if (scaled) head_linear(s).scale = float(std::pow(double(c.width), -0.5));
    Layers layers(s, builder, c);
    layers.encoder();
    layers.decoder();
    return s;
}

const std::vector<GgufKey> kKeys = {
    {"decoder_block_count", "num_decoder_layers", nullptr, nullptr}, // as many as the encoder has
    {"attention.relative_buckets_count", "relative_attention_num_buckets"},
    {"decoder_start_token_id", "decoder_start_token_id", nullptr, nullptr}};

Status complete(const ModelFiles& files, Json& config) {
    for (const auto& [from, to] : {std::pair{"num_hidden_layers", "num_layers"},
                                   {"hidden_size", "d_model"},
                                   {"intermediate_size", "d_ff"},
                                   {"num_attention_heads", "num_heads"},
                                   {"head_dim", "d_kv"},
                                   {"max_position_embeddings", "n_positions"}})
        gguf_rename(config, from, to);
    // What llama.cpp takes whatever the model had.
    config["relative_attention_max_distance"] = 128;
    config["scale_decoder_outputs"] = false;
    config["feed_forward_proj"] = files.find("enc.blk.0.ffn_gate.weight") ? "gated-gelu" : "relu";
    return Ok{};
}

const std::vector<GgufName> kGgufNames = {
    {"shared", "token_embd"},
    {"encoder.final_layer_norm", "enc.output_norm"},
    {"decoder.final_layer_norm", "dec.output_norm"},
    {"encoder.block.*.layer.0.SelfAttention.q", "enc.blk.*.attn_q"},
    {"encoder.block.*.layer.0.SelfAttention.k", "enc.blk.*.attn_k"},
    {"encoder.block.*.layer.0.SelfAttention.v", "enc.blk.*.attn_v"},
    {"encoder.block.*.layer.0.SelfAttention.o", "enc.blk.*.attn_o"},
    {"encoder.block.*.layer.0.SelfAttention.relative_attention_bias", "enc.blk.*.attn_rel_b"},
    {"encoder.block.*.layer.0.layer_norm", "enc.blk.*.attn_norm"},
    {"encoder.block.*.layer.1.DenseReluDense.wi", "enc.blk.*.ffn_up"},
    {"encoder.block.*.layer.1.DenseReluDense.wi_0", "enc.blk.*.ffn_gate"},
    {"encoder.block.*.layer.1.DenseReluDense.wi_1", "enc.blk.*.ffn_up"},
    {"encoder.block.*.layer.1.DenseReluDense.wo", "enc.blk.*.ffn_down"},
    {"encoder.block.*.layer.1.layer_norm", "enc.blk.*.ffn_norm"},
    {"decoder.block.*.layer.0.SelfAttention.q", "dec.blk.*.attn_q"},
    {"decoder.block.*.layer.0.SelfAttention.k", "dec.blk.*.attn_k"},
    {"decoder.block.*.layer.0.SelfAttention.v", "dec.blk.*.attn_v"},
    {"decoder.block.*.layer.0.SelfAttention.o", "dec.blk.*.attn_o"},
    {"decoder.block.*.layer.0.SelfAttention.relative_attention_bias", "dec.blk.*.attn_rel_b"},
    {"decoder.block.*.layer.0.layer_norm", "dec.blk.*.attn_norm"},
    {"decoder.block.*.layer.1.EncDecAttention.q", "dec.blk.*.cross_attn_q"},
    {"decoder.block.*.layer.1.EncDecAttention.k", "dec.blk.*.cross_attn_k"},
    {"decoder.block.*.layer.1.EncDecAttention.v", "dec.blk.*.cross_attn_v"},
    {"decoder.block.*.layer.1.EncDecAttention.o", "dec.blk.*.cross_attn_o"},
    {"decoder.block.*.layer.1.layer_norm", "dec.blk.*.cross_attn_norm"},
    {"decoder.block.*.layer.2.DenseReluDense.wi", "dec.blk.*.ffn_up"},
    {"decoder.block.*.layer.2.DenseReluDense.wi_0", "dec.blk.*.ffn_gate"},
    {"decoder.block.*.layer.2.DenseReluDense.wi_1", "dec.blk.*.ffn_up"},
    {"decoder.block.*.layer.2.DenseReluDense.wo", "dec.blk.*.ffn_down"},
    {"decoder.block.*.layer.2.layer_norm", "dec.blk.*.ffn_norm"}};

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"t5"},
    "T5, T5 v1.1",
    "encoder and decoder: biases by distance, cross attention over a memory",
    schedule,
    {{.name = "t5",
      .model_type = "t5",
      .keys = kKeys,
      .complete = complete,
      .names = kGgufNames,
      .epsilon = {"attention.layer_norm_rms_epsilon", "layer_norm_epsilon"}}},
    {},
    {{"*.attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon says the same"},
     {"dense_act_fn", "follows from feed_forward_proj"},
     {"is_gated_act", "follows from feed_forward_proj"},
     {"classifier_dropout", "training"},
     {"task_specific_params*", "settings of generation for tasks"}},
    {{"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
      "nobody reads it: cross attention has no distances"},
     {"dec.blk.*.cross_attn_rel_b.weight", "nobody reads it: cross attention has no distances"}}};

} // namespace weft::detail::t5
