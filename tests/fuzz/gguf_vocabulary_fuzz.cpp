// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a GGUF file with a vocabulary.
#include "io/gguf.hpp"
#include "tokenizer_input.hpp"

using namespace weft;
using namespace weft::detail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto file = GgufFile::parse(std::as_bytes(std::span(data, size)), "x.gguf");
    if (!file) return 0;
    return fuzz::use(text::read_gguf_vocabulary(file->metadata()), "x.gguf: ");
}
