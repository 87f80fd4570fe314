// SPDX-License-Identifier: Apache-2.0
#include "text/files/rank_vocabulary.hpp"
#include "text/tokenizer/bpe.hpp"
#include "unicode/unicode.hpp"

namespace weft::detail::text {

Status RankVocabulary::add(std::string_view bytes, uint32_t rank, uint32_t id) {
    if (bytes.empty())
        return Error{ErrorCode::malformed, origin + ": the token of rank " + std::to_string(rank) + " is empty", {}};
    std::string text;
    ByteAlphabet::get().encode(bytes, text);
    if (vocabulary.id_of(text) || vocabulary.token(id))
        return Error{ErrorCode::malformed,
                     origin + ": the token of rank " + std::to_string(rank) + " repeats another's bytes or rank",
                     {}};
    weft_TRY(vocabulary.add_checked(text, id, origin + ": the ranks"));
    if (ranks.size() <= id) ranks.resize(id + 1, kNoRank);
    ranks[id] = rank;
    return Ok{};
}

Status RankVocabulary::add_special(std::string_view content, uint32_t id) {
    AddedToken token;
    token.content = content;
    token.special = true;
    if (!vocabulary.id_of(content)) weft_TRY(vocabulary.add_checked(content, id, origin + ": special tokens"));
    added.push_back(std::move(token));
    return Ok{};
}

Result<TokenizerParts> make_rank_tokenizer(RankVocabulary file, const TokenizerSettings& settings) {
    weft_TRY(settings.add_to(file.vocabulary));
    for (AddedToken& token : settings.missing(file.added, settings.added)) file.added.push_back(std::move(token));
    TokenizerParts parts;
    const std::string_view patterns[] = {file.pattern};
    weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from(byte_level_pre_tokenizer(patterns), file.origin));
    if (file.nfc) {
        weft_ASSIGN(parts.normalizer, normalizer_from({{"type", "NFC"}}, file.origin));
    }
    BpeConfig config;
    config.origin = file.origin;
    config.ignore_merges = true;
    file.ranks.resize(file.vocabulary.size(), kNoRank);
    config.vocabulary = std::move(file.vocabulary);
    weft_TRY(derive_merges(config, file.ranks));
    parts.model = make_bpe(std::move(config));
    weft_ASSIGN(parts.decoder, decoder_from({{"type", "ByteLevel"}}, file.origin));
    parts.post_processor = make_surround(file.before, file.after, {});
    weft_ASSIGN(parts.added, AddedTokens::make(std::move(file.added), parts.model->vocabulary(), parts.normalizer.get(),
                                               file.origin));
    weft_ASSIGN(const bool split_special, settings.flag("split_special_tokens", false));
    if (split_special) parts.added.split_special();
    return parts;
}

} // namespace weft::detail::text
