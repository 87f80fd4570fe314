// SPDX-License-Identifier: Apache-2.0
// L5: models for whole words: WordPiece takes a word apart from the left, WordLevel knows it or not.
#pragma once
#include "text/tokenizer/token_model.hpp"

namespace weft::detail::text {

struct WordConfig {
    Vocabulary vocabulary;
    std::string unk_token = "[UNK]";
    std::string continuing_prefix = "##"; ///< WordPiece: before all pieces of a word but the first
    size_t longest_word = 100;            ///< WordPiece: in characters; longer ones are unknown
    bool fuse_unk = false;                ///< WordLevel: neighbouring unknown words are one unknown token
    /// WordLevel: an unknown word becomes its bytes' pieces, <0x00> to <0xFF>, if all of those exist.
    bool byte_fallback = false;
    std::string origin; ///< the file, for messages
};

/// The longest piece at each place; a word that cannot be covered is one unknown token.
/// Time is the word's length times the longest piece's.
std::unique_ptr<TokenModel> make_word_piece(WordConfig config);
std::unique_ptr<TokenModel> make_word_level(WordConfig config);

Result<std::unique_ptr<TokenModel>> read_word_piece(const PartReader& part);
Result<std::unique_ptr<TokenModel>> read_word_level(const PartReader& part);

} // namespace weft::detail::text
