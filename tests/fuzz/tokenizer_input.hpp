// SPDX-License-Identifier: Apache-2.0
// What every fuzz target of a kind of tokenizer file does with what its reader made of the bytes:
// encode a text and decode it, at once and token by token.
#pragma once
#include "base/check.hpp"
#include "text/files/tokenizer_readers.hpp"
#include "text/tokenizer.hpp"
#include "unicode/utf8.hpp"

namespace weft::fuzz {
using namespace detail;

constexpr std::string_view kText = " Hello, w\xc3\xb6rld! <s>  12345\r\n\xe2\x96\x81"
                                   "don't \xe4\xbd\xa0\xe5\xa5\xbd e\xcc\x81 \xf0\x9f\x98\x80</s> ";

inline void round_trip(const Tokenizer& tokenizer, const std::vector<uint32_t>& ids) {
    for (const bool skip : {false, true}) {
        const std::string text = tokenizer.decode(ids, skip);
        weft_CHECK(valid_utf8_prefix(text) == text.size(), "decoded text is UTF-8");
        StreamDecoder decoder(tokenizer, skip);
        std::string streamed;
        for (const uint32_t id : ids) streamed += decoder.push(id);
        streamed += decoder.flush();
        weft_CHECK(streamed == text, "a stream gives the same text");
    }
}

inline int use(const Result<Tokenizer>& tokenizer, std::string_view origin) {
    if (!tokenizer) {
        weft_CHECK(tokenizer.error().message.starts_with(origin), "a message begins with the file");
        weft_CHECK(tokenizer.error().message.size() < 4096, "a message is short, whatever the file holds");
        return 0;
    }
    const auto ids = tokenizer->encode(kText, true);
    if (ids) {
        round_trip(*tokenizer, *ids);
        for (const uint32_t id : *ids) (void)tokenizer->is_special(id);
    }
    (void)tokenizer->encode_pair(kText, "b", true);
    std::vector<uint32_t> every;
    for (uint32_t id = 0; id < std::min<uint32_t>(tokenizer->vocab_size() + 1, 300); ++id) every.push_back(id);
    round_trip(*tokenizer, every);
    return 0;
}

inline int use(Result<text::TokenizerParts> parts, std::string_view origin) {
    if (!parts) return use(Result<Tokenizer>(std::move(parts).error()), origin);
    return use(Result<Tokenizer>(text::tokenizer_of(std::move(*parts))), origin);
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

} // namespace weft::fuzz
