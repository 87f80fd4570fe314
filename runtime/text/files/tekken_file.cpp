// SPDX-License-Identifier: Apache-2.0
// Mistral's tekken.json: special tokens come first, the ranks after them.
#include "base/base64.hpp"
#include "text/files/rank_vocabulary.hpp"
#include "text/files/tokenizer_readers.hpp"
#include "text/regex/split_patterns.hpp"

namespace weft::detail::text {
namespace {

// What the first files, which have no list, put at the start.
constexpr std::string_view kFirstSpecials[] = {"<unk>",
                                               "<s>",
                                               "</s>",
                                               "[INST]",
                                               "[/INST]",
                                               "[AVAILABLE_TOOLS]",
                                               "[/AVAILABLE_TOOLS]",
                                               "[TOOL_RESULTS]",
                                               "[/TOOL_RESULTS]",
                                               "[TOOL_CALLS]",
                                               "<pad>",
                                               "[PREFIX]",
                                               "[MIDDLE]",
                                               "[SUFFIX]"};

} // namespace

Result<TokenizerParts> read_tekken(const Json& root, const std::string& origin, const TokenizerSettings& settings) {
    const JsonObject file(root, origin);
    weft_ASSIGN(const JsonObject config, file.object("config"));
    RankVocabulary made;
    made.origin = origin;
    weft_ASSIGN(made.pattern, config.string_or("pattern", std::string(kTekkenSplit)));
    weft_ASSIGN(const int64_t specials, config.integer_or("default_num_special_tokens", 1000));
    weft_ASSIGN(const int64_t size, config.integer_or("default_vocab_size", int64_t(kHighestToken)));
    if (specials < 0 || specials > int64_t(kHighestToken))
        return config.bad("default_num_special_tokens", "must be from 0 to 2^24 - 1");

    if (file.has("special_tokens")) {
        const Json& list = root["special_tokens"];
        if (!list.is_array()) return file.bad("special_tokens", "must be a list");
        for (size_t i = 0; i < list.size(); ++i) {
            const JsonObject item(list[i], origin + ": special_tokens[" + std::to_string(i) + "]");
            weft_ASSIGN(const int64_t rank, item.integer("rank"));
            weft_ASSIGN(const std::string text, item.string("token_str"));
            if (rank < 0 || rank >= specials) return item.bad("rank", "must be below default_num_special_tokens");
            weft_TRY(made.add_special(text, uint32_t(rank)));
        }
    } else {
        for (size_t i = 0; i < std::size(kFirstSpecials) && int64_t(i) < specials; ++i)
            weft_TRY(made.add_special(kFirstSpecials[i], uint32_t(i)));
    }
    const auto list = root.find("vocab");
    if (list == root.end() || !list->is_array()) return file.bad("vocab", "must be a list");
    for (size_t i = 0; i < list->size(); ++i) {
        const JsonObject item((*list)[i], origin + ": vocab[" + std::to_string(i) + "]");
        weft_ASSIGN(const int64_t rank, item.integer("rank"));
        weft_ASSIGN(const std::string base64, item.string("token_bytes"));
        if (rank < 0 || rank > int64_t(kHighestToken)) return item.bad("rank", "must be from 0 to 2^24 - 1");
        if (rank + specials >= size) continue; // the file holds more than the model has
        const auto bytes = from_base64(base64);
        if (!bytes) return item.bad("token_bytes", "must be base64");
        weft_TRY(made.add(*bytes, uint32_t(rank), uint32_t(rank + specials)));
    }
    if (const auto bos = made.vocabulary.id_of("<s>"); bos && int64_t(*bos) < specials) made.before = {*bos};
    return make_rank_tokenizer(std::move(made), settings);
}

} // namespace weft::detail::text
