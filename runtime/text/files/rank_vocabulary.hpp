// SPDX-License-Identifier: Apache-2.0
// L5: vocabularies of byte strings with ranks, as tiktoken and tekken files hold them:
// byte-level BPE whose merges follow from the ranks.
#pragma once
#include "text/files/tokenizer_settings.hpp"

namespace weft::detail::text {

struct RankVocabulary {
    Vocabulary vocabulary;         ///< in the byte alphabet
    std::vector<uint32_t> ranks;   ///< one an id, kNoRank for special tokens
    std::vector<AddedToken> added; ///< with ids
    std::string pattern;           ///< by which the text is split
    bool nfc = false;              ///< normalize first
    std::vector<uint32_t> before, after;
    std::string origin;

    /// Adds a token of these bytes. Fails if it repeats one, or if the id is too high.
    Status add(std::string_view bytes, uint32_t rank, uint32_t id);
    /// Adds a special token, and the same to the vocabulary.
    Status add_special(std::string_view content, uint32_t id);
};
Result<TokenizerParts> make_rank_tokenizer(RankVocabulary file, const TokenizerSettings& settings);

} // namespace weft::detail::text
