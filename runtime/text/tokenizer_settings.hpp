// SPDX-License-Identifier: Apache-2.0
// L5: what the files beside a tokenizer say about it (tokenizer_config.json, special_tokens_map.json,
// added_tokens.json), and helpers with which readers make parts.
#pragma once
#include "base/json.hpp"
#include "text/tokenizer_parts.hpp"
#include <filesystem>

namespace weft::text {

struct TokenizerSettings {
    Json config = Json::object();  ///< tokenizer_config.json, with special_tokens_map.json for what it lacks
    std::string origin;            ///< of `config`
    std::vector<AddedToken> added; ///< in the order of their ids

    /// Reads what is there; a directory without these files gives empty settings.
    static Result<TokenizerSettings> read(const std::filesystem::path& directory);
    /// The special token under a key such as `bos_token`, a string or an object; nothing if the key is absent or null.
    Result<std::optional<std::string>> token(const std::string& key) const;
    Result<bool> flag(const std::string& key, bool otherwise) const {
        return JsonObject(config, origin).boolean_or(key, otherwise);
    }
    /// Whether the key `tokenizer_class` begins with `name`.
    bool is_class(std::string_view name) const;
    /// Gives a vocabulary the added tokens that it lacks, at their ids.
    Status add_to(Vocabulary& vocabulary) const;
};

/// An entry of added_tokens, as AddedToken::read reads it.
Json as_json(const AddedToken& token);

/// Parts in the words of tokenizer.json.
Result<std::unique_ptr<Normalizer>> normalizer_from(const Json& part, const std::string& origin);
Result<std::unique_ptr<PreTokenizer>> pre_tokenizer_from(const Json& part, const std::string& origin);
Result<std::unique_ptr<Decoder>> decoder_from(const Json& part, const std::string& origin);

/// Splits by `patterns` one after the other, then writes bytes in the byte alphabet.
Json byte_level_pre_tokenizer(std::span<const std::string_view> patterns, bool add_prefix_space = false);
/// Spaces from U+2581, bytes from <0x00> tokens; the space that begins the text is dropped if `strip`.
Json space_mark_decoder(bool strip);

/// Tokens around a text: `before` A `after`, and for a pair `before` A `after` `between` B `after`.
/// Null if there are none.
std::unique_ptr<PostProcessor> make_surround(const std::vector<uint32_t>& before, const std::vector<uint32_t>& after,
                                             const std::vector<uint32_t>& between);

} // namespace weft::text
