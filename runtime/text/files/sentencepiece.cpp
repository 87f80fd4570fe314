// SPDX-License-Identifier: Apache-2.0
#include "text/files/sentencepiece.hpp"
#include "text/tokenizer/bpe.hpp"
#include "text/tokenizer/sentencepiece_decoder.hpp"
#include "text/tokenizer/sentencepiece_normalizer.hpp"
#include "text/tokenizer/unigram.hpp"
#include "text/tokenizer/word_models.hpp"
#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::detail::text {
namespace {

using PieceList = std::vector<SentencePieces::Piece>;
constexpr double kHidden = std::numeric_limits<double>::quiet_NaN();

bool is_found_in_text(int type) {
    return type == SentencePieces::normal || type == SentencePieces::user_defined || type == SentencePieces::unused;
}

std::optional<uint32_t> first_of(const PieceList& pieces, int type) {
    for (uint32_t id = 0; id < pieces.size(); ++id) {
        if (pieces[id].type == type) return id;
    }
    return std::nullopt;
}

Result<std::unique_ptr<TokenModel>> make_unigram_model(const SentencePieces& file, Vocabulary vocabulary) {
    UnigramConfig config;
    config.origin = file.origin;
    config.byte_fallback = file.byte_fallback;
    config.float_sums = !file.symbols_anywhere; // readers of GGUF files sum in double
    config.unk_id = first_of(file.pieces, SentencePieces::unknown);
    double lowest = std::numeric_limits<double>::infinity();
    for (const auto& piece : file.pieces) {
        if (piece.type == SentencePieces::normal) lowest = std::min(lowest, piece.score);
    }
    if (lowest == std::numeric_limits<double>::infinity()) lowest = 0; // there are no normal pieces
    config.unk_score = config.float_sums ? double(float(lowest - 10)) : lowest - 10;
    config.scores.assign(vocabulary.size(), kHidden);
    for (uint32_t id = 0; id < file.pieces.size(); ++id) {
        const auto& piece = file.pieces[id];
        if (piece.type == SentencePieces::normal) config.scores[id] = piece.score;
        // As the library (0.2.3) does: better than most ways around it.
        if (piece.type == SentencePieces::user_defined) config.scores[id] = 0.1f * float(piece.text.size() - 1);
    }
    config.vocabulary = std::move(vocabulary);
    return make_unigram(std::move(config));
}

Result<std::unique_ptr<TokenModel>> make_bpe_model(const SentencePieces& file, Vocabulary vocabulary) {
    BpeConfig config;
    config.origin = file.origin;
    config.byte_fallback = file.byte_fallback;
    config.fuse_unk = true;
    config.unk_id = first_of(file.pieces, SentencePieces::unknown);
    if (config.unk_id) config.unk_token = file.pieces[*config.unk_id].text;
    config.vocabulary = std::move(vocabulary);
    if (file.kind == SentencePieces::character) return make_bpe(std::move(config));
    // Equal scores are equal ranks: of those the leftmost merge comes first.
    std::vector<double> scores;
    for (const auto& piece : file.pieces) {
        if (is_found_in_text(piece.type)) scores.push_back(piece.score);
    }
    std::sort(scores.begin(), scores.end(), std::greater<>());
    scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
    std::vector<uint32_t> ranks(config.vocabulary.size(), kNoRank);
    for (uint32_t id = 0; id < file.pieces.size(); ++id) {
        const auto& piece = file.pieces[id];
        if (is_found_in_text(piece.type))
            ranks[id] = uint32_t(std::lower_bound(scores.begin(), scores.end(), piece.score, std::greater<>()) -
                                 scores.begin());
    }
    weft_TRY(derive_merges(config, ranks));
    return make_bpe(std::move(config));
}

Result<std::unique_ptr<TokenModel>> make_word_model(const SentencePieces& file, Vocabulary vocabulary) {
    WordConfig config;
    config.origin = file.origin;
    if (const auto unk = first_of(file.pieces, SentencePieces::unknown)) config.unk_token = file.pieces[*unk].text;
    config.fuse_unk = true;
    config.byte_fallback = file.byte_fallback;
    config.vocabulary = std::move(vocabulary);
    return make_word_level(std::move(config));
}

} // namespace

Result<TokenizerParts> make_sentencepiece(SentencePieces file, const TokenizerSettings& settings,
                                          const std::vector<uint32_t>& before, const std::vector<uint32_t>& after) {
    const auto bad = [&](uint32_t id, const std::string& why) {
        return Error{ErrorCode::malformed, file.origin + ": piece " + std::to_string(id) + " " + why, {}};
    };
    Vocabulary vocabulary;
    std::vector<AddedToken> added;
    SymbolFinder symbols;
    for (uint32_t id = 0; id < file.pieces.size(); ++id) {
        const auto& piece = file.pieces[id];
        if (piece.text.empty()) return bad(id, "is empty");
        if (const size_t valid = valid_utf8_prefix(piece.text); valid != piece.text.size())
            return bad(id, "is not UTF-8");
        if (std::isnan(piece.score)) return bad(id, "has a score that is not a number");
        if (file.kind == SentencePieces::unigram && std::isinf(piece.score))
            return bad(id, "has a score that is not finite");
        if (vocabulary.id_of(piece.text)) return bad(id, "repeats '" + piece.text.substr(0, 64) + "'");
        weft_TRY(vocabulary.add_checked(piece.text, id, file.origin + ": the pieces"));
        const bool is_symbol = piece.type == SentencePieces::user_defined;
        if (is_symbol && !file.symbols_anywhere) symbols.add(piece.text, id);
        const bool special =
            piece.type == SentencePieces::control || (piece.type == SentencePieces::unknown && file.symbols_anywhere);
        if (!special && !(is_symbol && file.symbols_anywhere)) continue;
        AddedToken token;
        token.content = piece.text;
        token.special = special;
        added.push_back(std::move(token));
    }
    weft_TRY(settings.add_to(vocabulary));
    for (AddedToken& token : settings.missing(added, settings.added)) {
        token.normalized = false; // the normalizer would put a space before it
        added.push_back(std::move(token));
    }

    TokenizerParts parts;
    SentencePieceNormalizerConfig normalizer{file.add_dummy_prefix,
                                             file.remove_extra_whitespaces,
                                             file.escape_whitespaces,
                                             file.space_is_suffix,
                                             {},
                                             symbols};
    if (!file.charsmap.empty()) {
        weft_ASSIGN(normalizer.map, Charsmap::read(file.charsmap, file.origin));
    }
    parts.normalizer = make_sentencepiece_normalizer(std::move(normalizer));
    if (!symbols.empty() && file.kind != SentencePieces::unigram)
        parts.pre_tokenizer = make_symbol_split(std::move(symbols));
    if (file.kind == SentencePieces::word) { // the library begins words with spaces even if its trainer ended them so
        const Json split = {{"type", "Split"},
                            {"pattern", {{"String", "\xe2\x96\x81"}}},
                            {"behavior", "MergedWithNext"},
                            {"invert", false}};
        weft_ASSIGN(parts.pre_tokenizer, pre_tokenizer_from(split, file.origin));
    }
    auto model = file.kind == SentencePieces::unigram ? make_unigram_model(file, std::move(vocabulary))
                 : file.kind == SentencePieces::word  ? make_word_model(file, std::move(vocabulary))
                                                      : make_bpe_model(file, std::move(vocabulary));
    if (!model) return std::move(model).error();
    parts.model = std::move(*model);
    if (file.symbols_anywhere) {
        weft_ASSIGN(parts.decoder, decoder_from(space_mark_decoder(file.add_dummy_prefix), file.origin));
    } else {
        const auto unknown = first_of(file.pieces, SentencePieces::unknown);
        const bool named = unknown && std::any_of(added.begin(), added.end(), [&](const AddedToken& t) {
                               return t.content == file.pieces[*unknown].text;
                           });
        parts.decoder =
            make_sentencepiece_decoder({file.add_dummy_prefix, file.remove_extra_whitespaces,
                                        first_of(file.pieces, SentencePieces::byte).has_value(),
                                        unknown && !named ? file.pieces[*unknown].text : "", file.unknown_as});
    }
    parts.post_processor = make_surround(before, after, before);
    weft_ASSIGN(parts.added,
                AddedTokens::make(std::move(added), parts.model->vocabulary(), parts.normalizer.get(), file.origin));
    weft_ASSIGN(const bool split_special, settings.flag("split_special_tokens", false));
    if (split_special) parts.added.split_special();
    return parts;
}

} // namespace weft::detail::text
