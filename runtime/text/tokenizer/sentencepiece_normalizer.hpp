// SPDX-License-Identifier: Apache-2.0
// L5: what SentencePiece does to a text: its table of replacements, its rules for spaces, and symbols that stay whole.
#pragma once
#include "text/tokenizer/charsmap.hpp"
#include "text/tokenizer/normalizers.hpp"
#include "text/tokenizer/pre_tokenizers.hpp"
#include "text/tokenizer/prefix_tree.hpp"
#include <array>

namespace weft::detail::text {

inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81"; ///< what stands for a space in pieces, U+2581

/// User-defined symbols: at each place the longest.
class SymbolFinder {
public:
    void add(std::string_view text, uint32_t id) {
        if (text.empty()) return;
        starts_[static_cast<unsigned char>(text[0])] = true;
        tree_.add(text, id);
    }
    bool empty() const { return tree_.empty(); }
    std::optional<PrefixTree::Match> at(std::string_view text) const {
        if (text.empty() || !starts_[static_cast<unsigned char>(text[0])]) return std::nullopt;
        return tree_.longest(text);
    }

private:
    PrefixTree tree_;
    std::array<bool, 256> starts_{};
};

struct SentencePieceNormalizerConfig {
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces, space_is_suffix;
    std::optional<Charsmap> map;
    SymbolFinder symbols;
};
std::unique_ptr<Normalizer> make_sentencepiece_normalizer(SentencePieceNormalizerConfig config);

/// Makes each symbol a token.
std::unique_ptr<PreTokenizer> make_symbol_split(SymbolFinder symbols);

} // namespace weft::detail::text
