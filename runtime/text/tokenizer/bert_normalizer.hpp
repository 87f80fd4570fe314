// SPDX-License-Identifier: Apache-2.0
// L5: what BERT does to a text before it is cut into words.
#pragma once
#include "text/tokenizer/normalizers.hpp"

namespace weft::detail::text {

struct BertNormalizerConfig {
    bool clean_text = true;           ///< drop control characters, make every white space a space
    bool handle_chinese_chars = true; ///< spaces around each
    bool strip_accents = true;
    bool lowercase = true;
};
std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerConfig& config);

Result<std::unique_ptr<Normalizer>> read_bert_normalizer(const PartReader& part);

} // namespace weft::detail::text
