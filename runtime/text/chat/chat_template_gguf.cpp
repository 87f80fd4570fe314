// SPDX-License-Identifier: Apache-2.0
// The chat templates and special tokens in a GGUF file's metadata.
#include "io/gguf_metadata.hpp"
#include "text/chat/chat_template.hpp"

namespace weft::detail {
namespace {

// Jinja's variable and the metadata's key; "seperator" is the key's own spelling.
constexpr std::pair<const char*, const char*> kTokens[] = {
    {"bos_token", "tokenizer.ggml.bos_token_id"},     {"eos_token", "tokenizer.ggml.eos_token_id"},
    {"unk_token", "tokenizer.ggml.unknown_token_id"}, {"sep_token", "tokenizer.ggml.seperator_token_id"},
    {"pad_token", "tokenizer.ggml.padding_token_id"}, {"cls_token", "tokenizer.ggml.cls_token_id"},
    {"mask_token", "tokenizer.ggml.mask_token_id"},
};

} // namespace

Status add_gguf_templates(ChatTemplateState& state, const GgufMetadata& metadata) {
    const std::string key = "tokenizer.chat_template";
    for (const auto& entry : metadata.entries()) {
        if (!entry.key.starts_with(key) || (entry.key.size() > key.size() && entry.key[key.size()] != '.')) continue;
        const std::string name =
            entry.key.size() == key.size() ? "default" : std::string(entry.key.substr(key.size() + 1));
        weft_ASSIGN(const std::string_view source, metadata.string(entry.key));
        state.add(name, source, metadata.origin() + ": " + std::string(entry.key));
    }
    return Ok{};
}

Status add_gguf_tokens(SpecialTokens& tokens, const GgufMetadata& metadata) {
    if (!metadata.has("tokenizer.ggml.tokens")) return Ok{};
    weft_ASSIGN(const auto vocabulary, metadata.strings("tokenizer.ggml.tokens"));
    for (const auto& [name, key] : kTokens) {
        if (!metadata.has(key)) continue;
        weft_ASSIGN(const int64_t id, metadata.integer(key));
        if (id >= 0 && uint64_t(id) < vocabulary.size())
            tokens.emplace_back(name, vocabulary[size_t(id)]); // -1 and 2^32 - 1: there is none
    }
    return Ok{};
}

} // namespace weft::detail
