// SPDX-License-Identifier: Apache-2.0
#include "text/files/tokenizer_readers.hpp"
#include "text/tokenizer/part.hpp"

namespace weft::detail::text {
namespace {

// The part under `key`, or null if the file has none.
template <class Part>
Result<std::unique_ptr<Part>> read_optional(const JsonObject& file, const std::string& key,
                                            Result<std::unique_ptr<Part>> (*read)(const PartReader&)) {
    if (!file.has(key)) return std::unique_ptr<Part>();
    weft_ASSIGN(const JsonObject object, file.object(key));
    return read(PartReader(object, 0));
}

} // namespace

Result<TokenizerParts> read_tokenizer_json(const Json& root, const std::string& origin) {
    const JsonObject file(root, origin);
    if (!root.is_object()) return Error{ErrorCode::malformed, origin + ": must be a JSON object", {}};
    weft_ASSIGN(const std::string version, file.string_or("version", "1.0"));
    if (version != "1.0") {
        return Error{ErrorCode::unsupported,
                     origin + ": key 'version' is '" + version.substr(0, 64) + "', only 1.0 is supported",
                     {}};
    }
    TokenizerParts parts;
    weft_ASSIGN(parts.normalizer, read_optional<Normalizer>(file, "normalizer", read_normalizer));
    weft_ASSIGN(parts.pre_tokenizer, read_optional<PreTokenizer>(file, "pre_tokenizer", read_pre_tokenizer));
    weft_ASSIGN(parts.post_processor, read_optional<PostProcessor>(file, "post_processor", read_post_processor));
    weft_ASSIGN(parts.decoder, read_optional<Decoder>(file, "decoder", read_decoder));
    weft_ASSIGN(const JsonObject model, file.object("model"));
    weft_ASSIGN(parts.model, read_token_model(PartReader(model, 0)));
    weft_ASSIGN(parts.added, AddedTokens::read(file, parts.model->vocabulary(), parts.normalizer.get()));
    weft_ASSIGN(const bool split_special, file.boolean_or("split_special_tokens", false));
    if (split_special) parts.added.split_special();
    weft_ASSIGN(const bool clean_up, file.boolean_or("clean_up_tokenization_spaces", false));
    if (clean_up) parts.decoder = make_clean_up(std::move(parts.decoder));
    return parts;
}

} // namespace weft::detail::text
