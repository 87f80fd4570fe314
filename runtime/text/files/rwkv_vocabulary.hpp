// SPDX-License-Identifier: Apache-2.0
// L5: the vocabulary of RWKV's world models, in its own text file and in GGUF files: byte strings,
// of which the longest is taken at each place.
#pragma once
#include "text/tokenizer/tokenizer_parts.hpp"

namespace weft::detail::text {

/// The bytes that a string or bytes literal of Python stands for ('..', "..", b'..'), or nothing if it is none.
std::optional<std::string> from_python_literal(std::string_view literal);
/// The same for what is between the quotes; `bytes`: \u and \U mean nothing.
std::optional<std::string> unescape_python(std::string_view inside, bool bytes);

/// Tokens and ids; fails if a token repeats.
struct RwkvVocabulary {
    Vocabulary vocabulary; ///< in the byte alphabet
    std::string origin;
    Status add(std::string_view bytes, uint32_t id);
};
Result<TokenizerParts> make_rwkv_tokenizer(RwkvVocabulary file);

} // namespace weft::detail::text
