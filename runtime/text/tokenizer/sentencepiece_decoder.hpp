// SPDX-License-Identifier: Apache-2.0
// L5: how the SentencePiece library turns pieces back into text.
#pragma once
#include "text/tokenizer/decoders.hpp"
#include <string>

namespace weft::detail::text {

struct SentencePieceDecoderConfig {
    bool drop_first_mark; ///< the U+2581 that a text begins with is the space that was put before it
    /// The same of every piece until there is text, which the spaces around a text were removed from.
    bool drop_first_marks;
    bool bytes;             ///< <0x00> to <0xFF> are bytes
    std::string unknown;    ///< the unknown piece; empty: it is a token like others
    std::string unknown_as; ///< what stands for it in a text
};
std::unique_ptr<Decoder> make_sentencepiece_decoder(SentencePieceDecoderConfig config);

} // namespace weft::detail::text
