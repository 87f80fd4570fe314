// SPDX-License-Identifier: Apache-2.0
// L5: the parts that encoder-decoders share: two stages of tokens, and a memory between them for each layer.
#pragma once
#include "layers/cross_attention.hpp"
#include "models/encoder_parts.hpp"

namespace weft::detail {

inline constexpr const char* kDecoderTokens = "decoder_input_ids";

/// Adds the stages "decoder", of decoder_input_ids, embedded in `table`, and "head", whose product is `logits`.
void add_answering_decoder(Schedule& schedule, uint32_t width, WeightId table, const Linear& logits);
/// Adds the stage "encoder", of input_ids, which runs once a sequence and embeds in `table`, too, and an answering
/// decoder.
void add_seq2seq(Schedule& schedule, uint32_t width, WeightId table, const Linear& logits);

/// What a layer of the decoder reads of the encoder: keys and values at + `k` and at + `v`, which the encoder's last
/// block leaves behind; gives the attention of the decoder's side, without its query and output. `bias`: of values and,
/// unless `k_bias` is false, of keys.
CrossAttentionSpec add_memory(Schedule& schedule, Builder& builder, uint32_t layer, const Heads& heads,
                              const std::string& at, const std::string& k, const std::string& v, bool bias,
                              bool k_bias = true);

/// The layers of BART and its kin (Lewis et al. 2019), of which Whisper is one.
struct BartStack {
    uint32_t layers = 0, inner = 0;
    Heads heads;
};
/// NAME_layers, NAME_ffn_dim and NAME_attention_heads.
Result<BartStack> read_bart_stack(const JsonObject& config, const std::string& name, uint32_t width);
struct BartLayers {
    uint32_t width = 0;
    BartStack encoder, decoder;
    kernel::Activation activation = kernel::Activation::gelu;
    bool pre_norm = false; ///< norms before the blocks, and one behind all; else behind the sums
    bool k_bias = true;
};
/// Adds them to the stages "encoder" and "decoder", under BART's names.
void add_bart_layers(Schedule& schedule, Builder& builder, const BartLayers& layers);

/// Sinusoids [rows, width], computed as fairseq does: sines of all frequencies, then cosines. Refused
/// where max_position_embeddings makes that too large.
Result<WeightId> sinusoidal_positions(const JsonObject& config, Builder& builder, uint32_t rows, uint32_t width);

/// What configs of encoder-decoders share: that they are (is_encoder_decoder), and the id that the decoder begins with
/// (`begin` where the config has none; -1: no id).
Status read_seq2seq(const JsonObject& config, Schedule& schedule, int64_t begin = -1);

} // namespace weft::detail
