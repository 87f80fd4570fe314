// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a vocabulary file of every kind that is not tokenizer.json: ranks, vocab.txt, RWKV's and tekken.json.
#include "tokenizer_input.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes = fuzz::text_of(data, size);
    fuzz::use(text::read_tiktoken(bytes, "x.tiktoken", "x.tiktoken", {}), "x.tiktoken: ");
    if (const auto json = text::vocab_txt_as_json(bytes, "vocab.txt", {})) fuzz::use(text::read_tokenizer_json(*json, "vocab.txt", {}), "vocab.txt: ");
    fuzz::use(text::read_rwkv_world(bytes, "rwkv.txt"), "rwkv.txt: ");
    if (const auto json = parse_json(bytes, "tekken.json"); json && json->is_object()) fuzz::use(text::read_tekken(*json, "tekken.json", {}), "tekken.json: ");
    return 0;
}
