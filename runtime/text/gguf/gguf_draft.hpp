// SPDX-License-Identifier: Apache-2.0
// L5: a tokenizer in the words of tokenizer.ggml.*, while it is worked out whether they can say it.
// One function a kind of vocabulary.
#pragma once
#include "text/files/sentencepiece.hpp"
#include <map>

namespace weft::detail::text {

inline constexpr std::string_view kGgufSpace = "\xe2\x96\x81"; ///< stands for a space in tokens

struct GgufDraft {
    std::string kind; ///< tokenizer.ggml.model
    std::string pre = "default";
    std::vector<std::string> tokens; ///< one an id; what the tokenizer lacks is filled up
    std::vector<int32_t> types;      ///< SentencePieces::Type, one a token
    std::vector<float> scores;       ///< one a token, or none
    std::optional<std::vector<std::string>> merges;
    std::string charsmap;                ///< or empty
    std::map<std::string, bool> flags;   ///< tokenizer.ggml.NAME
    std::map<std::string, uint32_t> ids; ///< tokenizer.ggml.NAME_token_id
    std::vector<std::string> differs;    ///< what readers of these keys do in another way than the tokenizer
    std::string refused;                 ///< why no kind can hold it at all; then the rest means nothing

    std::optional<uint32_t> id_of(std::string_view token) const;
    /// Tokens of a vocabulary and added ones. Fails if the vocabulary has ids from `size` on.
    Status fill(const TokenizerParts& parts, uint32_t size, const std::string& origin);
    /// The special tokens that the tokenizer puts around a text, as the flags add_bos_token and `end_flag`.
    Status surround(const TokenizerParts& parts, const std::string& begin, const std::string& end,
                    const std::string& end_flag);
    void refuse(std::string why) {
        if (refused.empty()) refused = std::move(why);
    }
    void differ(bool really, std::string what) {
        if (really) differs.push_back(std::move(what));
    }
};

/// What a reader of tokenizer.json has made of it, and the file itself.
struct JsonTokenizer {
    const Json& json;
    const TokenizerParts& parts;

    const Json& model() const { return json["model"]; }
    /// The parts of a stage, those of Sequences instead of them.
    std::vector<const Json*> stage(const char* name, const char* list) const;
    std::vector<const Json*> normalizers() const { return stage("normalizer", "normalizers"); }
    std::vector<const Json*> pre_tokenizers() const { return stage("pre_tokenizer", "pretokenizers"); }
    bool decoder_is(const Json& expected) const;
};
/// Settings of a part; `otherwise` for what is absent or of another type.
std::string text_of(const Json& part, const char* key, const char* otherwise = "");
bool flag_of(const Json& part, const char* key, bool otherwise);
inline std::string kind_of(const Json& part) { return text_of(part, "type"); }
/// The two tokens of each merge of a BPE model that a reader has accepted, where they are "a b" or ["a", "b"].
std::vector<std::pair<std::string, std::string>> merges_of(const Json& model);
/// What a Replace or a Split looks for: {"String": "x"} or {"Regex": "x"}.
bool looks_for(const Json& part, const char* kind, std::string_view text);

Status draft_byte_level(const JsonTokenizer& from, GgufDraft& draft);
Status draft_pieces_bpe(const JsonTokenizer& from, GgufDraft& draft);
Status draft_unigram(const JsonTokenizer& from, GgufDraft& draft);
Status draft_word_pieces(const JsonTokenizer& from, GgufDraft& draft);
/// A SentencePiece model, with its parts as read.
Status draft_sentencepiece(const SentencePieces& file, GgufDraft& draft);
/// RWKV's vocabulary, whose parts hold tokens in the byte alphabet.
Status draft_world(GgufDraft& draft);

} // namespace weft::detail::text
