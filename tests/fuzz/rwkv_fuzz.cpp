// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a vocabulary of RWKV.
#include "tokenizer_input.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    return fuzz::use(text::read_rwkv_world(fuzz::text_of(data, size), "rwkv.txt"), "rwkv.txt: ");
}
