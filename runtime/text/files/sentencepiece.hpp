// SPDX-License-Identifier: Apache-2.0
// L5: SentencePiece vocabularies, as its own files and GGUF files hold them.
#pragma once
#include "text/files/tokenizer_settings.hpp"

namespace weft::detail::text {

struct SentencePieces {
    enum Kind { unigram = 1, bpe = 2, word = 3, character = 4 };
    enum Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
    struct Piece {
        std::string text;
        double score = 0;
        int type = normal;
    };
    int kind = unigram;
    std::vector<Piece> pieces;
    bool byte_fallback = false;
    bool add_dummy_prefix = true;         ///< a space before the text (or after, if `space_is_suffix`)
    bool remove_extra_whitespaces = true; ///< around the text, and more than one inside
    bool escape_whitespaces = true;       ///< a space is U+2581
    bool space_is_suffix = false;
    /// User-defined symbols are cut out before the text is normalized, as GGUF's readers do; else while it is.
    bool symbols_anywhere = false;
    std::string charsmap; ///< or empty
    /// What the unknown piece becomes in a decoded text, where that is no special token.
    std::string unknown_as = " \xe2\x81\x87 ";
    int64_t bos = 1, eos = 2; ///< ids; -1 for none
    std::string origin;       ///< the file, for messages
};

/// Makes the parts. Special tokens around a text: as `before` and `after` say.
Result<TokenizerParts> make_sentencepiece(SentencePieces pieces, const TokenizerSettings& settings,
                                          const std::vector<uint32_t>& before, const std::vector<uint32_t>& after);

} // namespace weft::detail::text
