// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/token_model.hpp"
#include "text/tokenizer/bpe.hpp"
#include "text/tokenizer/part.hpp"
#include "text/tokenizer/unigram.hpp"
#include "text/tokenizer/word_models.hpp"

namespace weft::detail::text {
namespace {

constexpr PartType<TokenModel> kTypes[] = {
    {"BPE", read_bpe},
    {"Unigram", read_unigram},
    {"WordPiece", read_word_piece},
    {"WordLevel", read_word_level},
};

} // namespace

Result<std::unique_ptr<TokenModel>> read_token_model(const PartReader& part) {
    if (!part.has("type")) { // as in older files
        if (part.has("merges")) return read_bpe(part);
        if (part.has("unk_id")) return read_unigram(part);
        if (part.has("max_input_chars_per_word")) return read_word_piece(part);
        if (part.has("unk_token")) return read_word_level(part);
    }
    return read_typed(part, kTypes);
}

} // namespace weft::detail::text
