// SPDX-License-Identifier: Apache-2.0
// L5: the unigram language model: of all ways to cut a text into pieces, the one whose scores have the largest sum.
#pragma once
#include "text/tokenizer/token_model.hpp"

namespace weft::detail::text {

struct UnigramConfig {
    Vocabulary vocabulary;
    std::vector<double> scores; ///< one an id; not a number: never found in a text, as control pieces of SentencePiece
    double unk_score = 0;       ///< of a character that is no piece
    std::optional<uint32_t> unk_id; ///< absent: meeting an unknown character is an error
    /// Sums of scores are rounded to float, as the SentencePiece library has them:
    /// which of two equal ways wins depends on it.
    bool float_sums = false;
    /// Unknown characters become their bytes' pieces, <0x00> to <0xFF>, if all of those exist.
    bool byte_fallback = false;
    std::string origin; ///< the file, for messages
};

/// Neighbouring unknown characters are one unknown token. Time is the text's length times the longest piece's;
/// memory is that of the longest stretch which no boundary of pieces must cut.
std::unique_ptr<TokenModel> make_unigram(UnigramConfig config);

Result<std::unique_ptr<TokenModel>> read_unigram(const PartReader& part);

} // namespace weft::detail::text
