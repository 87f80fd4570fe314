// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/sentencepiece_normalizer.hpp"

namespace weft::detail::text {
namespace {

class SentencePieceNormalizer final : public Normalizer {
public:
    explicit SentencePieceNormalizer(SentencePieceNormalizerConfig config) : config_(std::move(config)) {}

    Status apply(NormalText& text) const override {
        const std::string_view all = text.text;
        const std::string_view space = config_.escape_whitespaces ? kSpaceMark : std::string_view(" ");
        size_t at = 0;
        while (config_.remove_extra_whitespaces && at < all.size()) {
            const auto next = next_of(all.substr(at));
            if (next.replacement != " ") break;
            at += next.bytes;
        }
        std::string out;
        size_t head = 0;
        const bool empty = at == all.size();
        if (!empty && !config_.space_is_suffix && config_.add_dummy_prefix) out += space;
        out.reserve(all.size() + all.size() / 4);
        bool after_space = config_.remove_extra_whitespaces;
        while (at < all.size()) {
            auto next = next_of(all.substr(at));
            while (after_space && next.replacement.starts_with(' ')) next.replacement.remove_prefix(1);
            for (const char c : next.replacement) {
                if (c == ' ') out += space;
                else out += c;
            }
            if (at < text.head) head = out.size();
            if (!next.replacement.empty())
                after_space = config_.remove_extra_whitespaces && next.replacement.ends_with(' ');
            at += next.bytes;
            if (out.size() > text.limit) break;
        }
        while (config_.remove_extra_whitespaces && out.ends_with(space)) out.resize(out.size() - space.size());
        if (!empty && config_.space_is_suffix && config_.add_dummy_prefix) out += space;
        text.text = std::move(out);
        text.head = std::min(head, text.text.size());
        return text.check();
    }

private:
    // What the start of `text` becomes.
    Charsmap::Match next_of(std::string_view text) const {
        if (const auto symbol = config_.symbols.at(text)) return {symbol->bytes, text.substr(0, symbol->bytes)};
        if (config_.map) {
            if (const auto match = config_.map->longest(text); match && is_boundary(text, match->bytes)) return *match;
        }
        const size_t bytes = code_point_at(text, 0).bytes;
        return {bytes, text.substr(0, bytes)};
    }
    // Only a broken map ends inside a character.
    static bool is_boundary(std::string_view text, size_t at) {
        return at == text.size() || (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    }

    SentencePieceNormalizerConfig config_;
};

class SymbolSplit final : public PreTokenizer {
public:
    explicit SymbolSplit(SymbolFinder symbols) : symbols_(std::move(symbols)) {}
    Status apply(Pieces& pieces, size_t) const override {
        std::vector<Pieces::Piece> old;
        old.swap(pieces.all);
        for (const Pieces::Piece& piece : old) {
            if (piece.token) {
                pieces.all.push_back(piece);
                continue;
            }
            const std::string_view text = pieces.view(piece);
            size_t done = 0;
            for (size_t at = 0; at < text.size();) {
                const auto symbol = symbols_.at(text.substr(at));
                if (!symbol) {
                    at += code_point_at(text, at).bytes;
                    continue;
                }
                pieces.add(piece.begin + done, piece.begin + at, 0, std::nullopt);
                pieces.add(piece.begin + at, piece.begin + at + symbol->bytes, 0, symbol->value);
                done = at += symbol->bytes;
            }
            pieces.add(piece.begin + done, piece.end, 0, std::nullopt);
        }
        return Ok{};
    }

private:
    SymbolFinder symbols_;
};

} // namespace

std::unique_ptr<Normalizer> make_sentencepiece_normalizer(SentencePieceNormalizerConfig config) {
    return std::make_unique<SentencePieceNormalizer>(std::move(config));
}
std::unique_ptr<PreTokenizer> make_symbol_split(SymbolFinder symbols) {
    return std::make_unique<SymbolSplit>(std::move(symbols));
}

} // namespace weft::detail::text
