// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a tekken.json.
#include "tokenizer_input.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto json = parse_json(fuzz::text_of(data, size), "tekken.json");
    if (!json || !json->is_object()) return 0;
    return fuzz::use(text::read_tekken(*json, "tekken.json", {}), "tekken.json: ");
}
