// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a SentencePiece model.
#include "tokenizer_input.hpp"

using namespace weft;
using namespace weft::detail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    return fuzz::use(text::read_sentencepiece(fuzz::text_of(data, size), "x.model", {}), "x.model: ");
}
