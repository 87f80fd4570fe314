// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a tokenizer.json.
#include "tokenizer_input.hpp"

using namespace weft;
using namespace weft::detail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    return fuzz::use(Tokenizer::parse(fuzz::text_of(data, size), "tokenizer.json"), "tokenizer.json: ");
}
