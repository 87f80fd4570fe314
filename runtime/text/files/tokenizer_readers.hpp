// SPDX-License-Identifier: Apache-2.0
// L5: one reader a kind of tokenizer file; each fills the same parts. The bytes are untrusted;
// `origin` (the file's name) opens every message.
#pragma once
#include "text/files/tokenizer_settings.hpp"

namespace weft::detail {
class GgufMetadata;
}

namespace weft::detail::text {

struct SentencePieces;

/// A tokenizer.json, with the keys that apply_settings() may have added.
Result<TokenizerParts> read_tokenizer_json(const Json& root, const std::string& origin);
/// What a SentencePiece model (protobuf) holds.
Result<SentencePieces> read_sentencepiece_file(std::string_view bytes, const std::string& origin);
/// A SentencePiece model: Unigram, BPE, word or character.
Result<TokenizerParts> read_sentencepiece(std::string_view bytes, const std::string& origin,
                                          const TokenizerSettings& settings);
/// Lines of a token's bytes in base64 and its rank. `name`: the file's name without a folder,
/// by which Whisper's two are known.
Result<TokenizerParts> read_tiktoken(std::string_view text, const std::string& origin, std::string_view name,
                                     const TokenizerSettings& settings);
/// Mistral's tekken.json.
Result<TokenizerParts> read_tekken(const Json& root, const std::string& origin, const TokenizerSettings& settings);
/// Lines of an id, a token as Python writes it, and its length in bytes. The longest token at each place.
Result<TokenizerParts> read_rwkv_world(std::string_view text, const std::string& origin);
/// A WordPiece vocabulary, one token a line, as BERT has it, in the words of tokenizer.json.
Result<Json> vocab_txt_as_json(std::string_view text, const std::string& origin, const TokenizerSettings& settings);
/// Byte-level BPE as GPT-2, RoBERTa, Qwen2 and CLIP have it, in the words of tokenizer.json: vocab.json, and the text
/// of merges.txt; without merges a vocabulary of characters, as CTC models have it.
Result<Json> vocab_json_as_json(const Json& root, const std::string& origin, const std::optional<std::string>& merges,
                                const std::string& merges_origin, const TokenizerSettings& settings);
/// The letters of DNA, each a token, as the code of Caduceus and HyenaDNA has them, whose files hold no vocabulary;
/// nothing for models of other kinds.
Result<std::optional<Json>> nucleotides_as_json(const TokenizerSettings& settings);
/// The vocabulary under the keys tokenizer.ggml.* of a GGUF file.
Result<TokenizerParts> read_gguf_vocabulary(const GgufMetadata& metadata);

} // namespace weft::detail::text
