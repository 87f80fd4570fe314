// SPDX-License-Identifier: Apache-2.0
#include "models/seq2seq_parts.hpp"
#include "schedule/sinusoids.hpp"
#include <array>

namespace weft::detail {

void add_answering_decoder(Schedule& schedule, uint32_t width, WeightId table, const Linear& logits) {
    add_decoder(schedule, width);
    Stage& decoder = decoder_of(schedule);
    decoder.rows.input = kDecoderTokens;
    embedding_of(schedule).input = kDecoderTokens;
    embedding_of(schedule).table = table;
    head_linear(schedule).linear = logits;
}

void add_seq2seq(Schedule& schedule, uint32_t width, WeightId table, const Linear& logits) {
    add_encoder(schedule, width, table).when = When::once;
    add_answering_decoder(schedule, width, table, logits);
}

CrossAttentionSpec add_memory(Schedule& schedule, Builder& builder, uint32_t layer, const Heads& h,
                              const std::string& at, const std::string& k, const std::string& v, bool bias,
                              bool k_bias) {
    CrossAttentionSpec cross;
    cross.memory = {"decoder layer " + std::to_string(layer), h.kv_heads, h.head_size, h.head_size};
    cross.heads = h.heads;
    cross.scale = h.attention().scale;
    MemorySpec memory;
    memory.memory = cross.memory;
    const uint32_t width = stage_of(schedule, kEncoder)->width;
    memory.kv = builder.stacked_linear(at + "kv", {{at + k, h.kv_rows(), 0, {}, {}, k_bias}, {at + v, h.kv_rows()}},
                                       width, bias);
    stage_of(schedule, kEncoder)->last.push_back({.branches = {{memory}}, .base = Base::none});
    return cross;
}

namespace {

class Bart {
public:
    Bart(Schedule& s, Builder& builder, const BartLayers& layers) : s_(s), builder_(builder), c_(layers) {}

    void encoder() {
        for (uint32_t i = 0; i < c_.encoder.layers; ++i) {
            const std::string at = "encoder." + layer_name(i);
            stage_of(s_, kEncoder)->layers.push_back({{attention(at, c_.encoder, false), feed(at, c_.encoder.inner)}});
        }
        if (c_.pre_norm) stage_of(s_, kEncoder)->last = {final_norm(norm("encoder.layer_norm"))};
    }
    void decoder() {
        for (uint32_t i = 0; i < c_.decoder.layers; ++i) {
            const std::string at = "decoder." + layer_name(i), cross = at + "encoder_attn.";
            CrossAttentionSpec a =
                add_memory(s_, builder_, i, c_.decoder.heads, cross, "k_proj", "v_proj", true, c_.k_bias);
            a.q = builder_.linear(cross + "q_proj", c_.width, c_.width, true);
            a.out = builder_.linear(cross + "out_proj", c_.width, c_.width, true);
            decoder_of(s_).layers.push_back({{attention(at, c_.decoder, true), block(a, at + "encoder_attn_layer_norm"),
                                              feed(at, c_.decoder.inner)}});
        }
        if (c_.pre_norm) head_norm(s_) = norm("decoder.layer_norm");
    }

private:
    Norm norm(const std::string& name) { return builder_.layer_norm(name, c_.width, 1e-5); }

    Block block(Op op, const std::string& norm_name) {
        Block b{.branches = {{std::move(op)}}};
        (c_.pre_norm ? b.pre : b.after) = norm(norm_name);
        return b;
    }
    Block attention(const std::string& at, const BartStack& stack, bool causal) {
        const std::string self = at + "self_attn.";
        AttentionSpec a = stack.heads.attention();
        a.causal = causal;
        a.qkv = builder_.stacked_linear(self + "qkv",
                                        {{self + "q_proj", c_.width},
                                         {self + "k_proj", c_.width, 0, {}, {}, c_.k_bias},
                                         {self + "v_proj", c_.width}},
                                        c_.width, true);
        a.out = builder_.linear(self + "out_proj", c_.width, c_.width, true);
        return block(a, at + "self_attn_layer_norm");
    }
    Block feed(const std::string& at, uint32_t inner) {
        const MlpSpec m = plain_mlp(builder_, at + "fc1", at + "fc2", c_.width, inner, c_.activation);
        return block(m, at + "final_layer_norm");
    }

    Schedule& s_;
    Builder& builder_;
    const BartLayers& c_;
};

} // namespace

Result<BartStack> read_bart_stack(const JsonObject& c, const std::string& name, uint32_t width) {
    BartStack o;
    weft_ASSIGN(o.layers, layer_count(c, name + "_layers"));
    weft_ASSIGN(o.inner, c.count(name + "_ffn_dim"));
    weft_ASSIGN(o.heads, heads_of_width(c, width, name + "_attention_heads", "d_model"));
    return o;
}

void add_bart_layers(Schedule& schedule, Builder& builder, const BartLayers& layers) {
    Bart bart(schedule, builder, layers);
    bart.encoder();
    bart.decoder();
}

Result<WeightId> sinusoidal_positions(const JsonObject& config, Builder& builder, uint32_t rows, uint32_t width) {
    if (width < 4) return config.bad("d_model", "must be at least 4");
    if (!sinusoids_fit(std::array{rows, width}))
        return config.bad("max_position_embeddings", "times the width is too large");
    return builder.computed("embed_positions", {rows, width}, sinusoids_of(rows, width));
}

Status read_seq2seq(const JsonObject& config, Schedule& schedule, int64_t begin) {
    weft_ASSIGN(const bool both, config.boolean_or("is_encoder_decoder", true));
    if (!both) return config.bad("is_encoder_decoder", "is false; weft reads this model with its encoder");
    weft_ASSIGN(schedule.begin_token, config.integer_or("decoder_start_token_id", begin));
    if (schedule.begin_token < -1 || schedule.begin_token >= int64_t(schedule.vocabulary))
        return config.bad("decoder_start_token_id", "must be a token's id");
    return Ok{};
}

} // namespace weft::detail
