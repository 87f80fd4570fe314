// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a vocabulary file of every kind that is not tokenizer.json: ranks, vocab.txt, vocab.json
// with merges.txt behind a zero byte, RWKV's and tekken.json.
#include "tokenizer_input.hpp"

using namespace weft;
using namespace weft::detail;

namespace {

void use_vocab_json(std::string_view bytes) {
    const size_t zero = bytes.find('\0');
    const auto vocabulary = parse_json(bytes.substr(0, zero), "vocab.json");
    if (!vocabulary) return;
    std::optional<std::string> merges;
    if (zero != bytes.npos) merges = bytes.substr(zero + 1);
    for (const char* name : {"GPT2Tokenizer", "RobertaTokenizer", "Qwen2Tokenizer", "CLIPTokenizer"}) {
        text::TokenizerSettings settings;
        settings.config["tokenizer_class"] = name;
        if (const auto json = text::vocab_json_as_json(*vocabulary, "vocab.json", merges, "merges.txt", settings))
            fuzz::use(text::read_tokenizer_json(*json, "vocab.json"), "vocab.json: ");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes = fuzz::text_of(data, size);
    fuzz::use(text::read_tiktoken(bytes, "x.tiktoken", "x.tiktoken", {}), "x.tiktoken: ");
    if (const auto json = text::vocab_txt_as_json(bytes, "vocab.txt", {}))
        fuzz::use(text::read_tokenizer_json(*json, "vocab.txt"), "vocab.txt: ");
    use_vocab_json(bytes);
    fuzz::use(text::read_rwkv_world(bytes, "rwkv.txt"), "rwkv.txt: ");
    if (const auto json = parse_json(bytes, "tekken.json"); json && json->is_object())
        fuzz::use(text::read_tekken(*json, "tekken.json", {}), "tekken.json: ");
    return 0;
}
