// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a vocab.txt.
#include "tokenizer_input.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    return fuzz::use(text::read_vocab_txt(fuzz::text_of(data, size), "vocab.txt", {}), "vocab.txt: ");
}
