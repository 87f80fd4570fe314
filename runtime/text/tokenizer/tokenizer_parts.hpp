// SPDX-License-Identifier: Apache-2.0
// L5: the stages that make a tokenizer, in the order in which text goes through them.
// Readers of other files fill this in too.
#pragma once
#include "text/tokenizer/added_tokens.hpp"
#include "text/tokenizer/decoders.hpp"
#include "text/tokenizer/post_processors.hpp"
#include "text/tokenizer/pre_tokenizers.hpp"
#include "text/tokenizer/token_model.hpp"

namespace weft::detail::text {

struct TokenizerParts {
    AddedTokens added;
    std::unique_ptr<Normalizer> normalizer;      ///< may be null
    std::unique_ptr<PreTokenizer> pre_tokenizer; ///< may be null: the model sees whole stretches
    std::unique_ptr<TokenModel> model;
    std::unique_ptr<PostProcessor> post_processor; ///< may be null
    std::unique_ptr<Decoder> decoder;              ///< null: tokens with spaces between
    std::string origin;                            ///< the file, for messages about texts; empty where it has no name
};

} // namespace weft::detail::text
