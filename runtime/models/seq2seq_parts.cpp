// SPDX-License-Identifier: Apache-2.0
#include "models/seq2seq_parts.hpp"
#include "schedule/sinusoids.hpp"
#include <array>

namespace weft::detail {

void add_seq2seq(Schedule& schedule, uint32_t width, WeightId table, const Linear& logits) {
    add_encoder(schedule, width, table).when = When::once;
    add_decoder(schedule, width);
    Stage& decoder = decoder_of(schedule);
    decoder.rows.input = kDecoderTokens;
    embedding_of(schedule).input = kDecoderTokens;
    embedding_of(schedule).table = table;
    head_linear(schedule).linear = logits;
}

CrossAttentionSpec add_memory(Schedule& schedule, Builder& builder, uint32_t layer, const Heads& h,
                              const std::string& at, const std::string& k, const std::string& v, bool bias) {
    CrossAttentionSpec cross;
    cross.memory = {"decoder layer " + std::to_string(layer), h.kv_heads, h.head_size, h.head_size};
    cross.heads = h.heads;
    cross.scale = h.attention().scale;
    MemorySpec memory;
    memory.memory = cross.memory;
    const uint32_t width = stage_of(schedule, kEncoder)->width;
    memory.kv = builder.stacked_linear(at + "kv", {{at + k, h.kv_rows()}, {at + v, h.kv_rows()}}, width, bias);
    stage_of(schedule, kEncoder)->last.push_back({.branches = {{memory}}, .base = Base::none});
    return cross;
}

Result<WeightId> sinusoidal_positions(const JsonObject& config, Builder& builder, uint32_t rows, uint32_t width) {
    if (width < 4) return config.bad("d_model", "must be at least 4");
    if (!sinusoids_fit(std::array{rows, width}))
        return config.bad("max_position_embeddings", "times the width is too large");
    return builder.computed("embed_positions", {rows, width}, sinusoids_of(rows, width), true);
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
