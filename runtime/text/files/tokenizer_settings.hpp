// SPDX-License-Identifier: Apache-2.0
// L5: what the files beside a tokenizer say about it (tokenizer_config.json, special_tokens_map.json,
// added_tokens.json), and helpers with which readers make parts.
#pragma once
#include "base/json.hpp"
#include "text/tokenizer/tokenizer_parts.hpp"
#include <filesystem>

namespace weft::detail::text {

/// A special token by its name: `bos_token`. Without a token where a file says that there is none.
struct NamedToken {
    std::string name;
    std::optional<AddedToken> token;
};

/// As transformers 5 reads them (tokenization_utils_base.py, _from_pretrained): a tokenizer_config.json that has
/// `added_tokens_decoder` says all, else special_tokens_map.json goes before it.
struct TokenizerSettings {
    Json config = Json::object();  ///< tokenizer_config.json, with special_tokens_map.json where that counts
    std::string origin;            ///< of `config`; empty: there was no directory to look in
    Json model = Json::object();   ///< config.json
    std::vector<AddedToken> added; ///< of added_tokens_decoder, else of added_tokens.json, in the order of their ids
    bool has_table = false;        ///< there is an added_tokens_decoder
    std::vector<NamedToken> named; ///< in the order in which new ones get ids: the usual names first
    std::vector<AddedToken> extra; ///< special tokens without a name, which come last

    /// Reads what is there; a directory without these files gives empty settings.
    static Result<TokenizerSettings> read(const std::filesystem::path& directory);
    /// The special token under a key such as `bos_token`, a string or an object; nothing if the key is absent or null.
    Result<std::optional<std::string>> token(const std::string& key) const;
    Result<bool> flag(const std::string& key, bool otherwise) const {
        return JsonObject(config, origin).boolean_or(key, otherwise);
    }
    /// Whether the key `tokenizer_class` begins with `name`.
    bool is_class(std::string_view name) const;
    /// The special tokens, named ones first. `defaults`: what a class has where the files say nothing.
    std::vector<AddedToken> special(std::span<const NamedToken> defaults = {}) const;
    /// What is to be added, in this order, to a tokenizer that has the added tokens `known`: those of `listed` that it
    /// lacks or has with other settings, then the special tokens that are in neither list.
    std::vector<AddedToken> missing(std::span<const AddedToken> known, std::span<const AddedToken> listed,
                                    std::span<const NamedToken> defaults = {}) const;
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

} // namespace weft::detail::text
