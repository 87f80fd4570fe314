// SPDX-License-Identifier: Apache-2.0
// L5: what tokenizer classes add to a SentencePiece model that the file itself does not say:
// fairseq's ids, T5's extra ids.
#pragma once
#include "text/files/sentencepiece.hpp"

namespace weft::detail::text {

/// Gives the pieces the ids, and the settings the added tokens, that the class in tokenizer_config.json has. Source:
/// transformers, tokenization_t5.py, tokenization_xlm_roberta.py and tokenization_nllb.py. Returns the post-processor
/// of the class, or null if it is the usual one.
Result<std::unique_ptr<PostProcessor>> apply_class(SentencePieces& file, TokenizerSettings& settings);

} // namespace weft::detail::text
