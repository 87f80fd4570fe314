// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a file of ranks.
#include "tokenizer_input.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    return fuzz::use(text::read_tiktoken(fuzz::text_of(data, size), "x.tiktoken", "x.tiktoken", {}), "x.tiktoken: ");
}
