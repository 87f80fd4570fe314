// SPDX-License-Identifier: Apache-2.0
// L5: the text on its way through the stages: what normalizers change, and the pieces that pre-tokenizers cut.
#pragma once
#include "base/result.hpp"
#include "text/regex/pattern.hpp"
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail::text {

/// The text may become this much longer than the input by normalizing, and no more:
/// parts of an untrusted file may each double it.
constexpr size_t growth_limit(size_t input_bytes) { return (size_t(16) << 20) + 64 * input_bytes; }

/// Text under normalization. Metaspace's "first" asks whether a piece comes from the very start of the input,
/// so the stages keep track of how many leading bytes do (all other positions are forgotten).
struct NormalText {
    std::string text;
    size_t head = 0;  ///< leading bytes that come from the first character of the input
    size_t limit = 0; ///< the most bytes that `text` may grow to

    Status check() const { return check_size(text.size(), limit); }
    static Status check_size(size_t bytes, size_t limit) {
        if (bytes <= limit) return Ok{};
        return Error{ErrorCode::unsupported,
                     "the tokenizer makes the text more than " + std::to_string(limit) + " bytes long",
                     {}};
    }
};

enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// A text cut into pieces, each either text or already a token. Pieces are never empty.
struct Pieces {
    struct Piece {
        size_t begin, end;
        size_t head;                   ///< as NormalText::head
        std::optional<uint32_t> token; ///< set for an added token
    };
    std::string text;
    std::vector<Piece> all;

    std::string_view view(const Piece& p) const { return std::string_view(text).substr(p.begin, p.end - p.begin); }
    void add(size_t begin, size_t end, size_t head, std::optional<uint32_t> token) {
        if (begin != end) all.push_back({begin, end, std::min(head, end - begin), token});
    }

    /// Cuts every text piece where `cut(view)` says, a Result of a list of Cut.
    template <class CutFunction>
    Status split(SplitBehavior behavior, CutFunction cut);
    /// Rewrites every text piece by `rewrite(NormalText&)`, a Status.
    template <class RewriteFunction>
    Status rewrite(size_t limit, RewriteFunction rewrite);
};

/// Joins or drops cuts as `behavior` says; what is left are the pieces.
void apply_behavior(SplitBehavior behavior, std::vector<Cut>& cuts);

template <class CutFunction>
Status Pieces::split(SplitBehavior behavior, CutFunction cut) {
    std::vector<Piece> old;
    old.swap(all);
    all.reserve(old.size());
    for (const Piece& piece : old) {
        if (piece.token) {
            all.push_back(piece);
            continue;
        }
        weft_ASSIGN(std::vector<Cut> cuts, cut(view(piece)));
        apply_behavior(behavior, cuts);
        for (const Cut& c : cuts) {
            const size_t head = piece.head > c.begin ? piece.head - c.begin : 0;
            add(piece.begin + c.begin, piece.begin + c.end, head, std::nullopt);
        }
    }
    return Ok{};
}

template <class RewriteFunction>
Status Pieces::rewrite(size_t limit, RewriteFunction rewrite) {
    Pieces made;
    made.text.reserve(text.size());
    made.all.reserve(all.size());
    NormalText one;
    for (const Piece& piece : all) {
        const size_t begin = made.text.size();
        if (piece.token) {
            made.text += view(piece);
            made.all.push_back({begin, made.text.size(), 0, piece.token});
            continue;
        }
        one.text = view(piece);
        one.head = piece.head;
        one.limit = limit;
        weft_TRY(rewrite(one));
        made.text += one.text;
        if (made.text.size() > limit) {
            one.text.swap(made.text);
            return one.check();
        }
        made.add(begin, made.text.size(), one.head, std::nullopt);
    }
    *this = std::move(made);
    return Ok{};
}

} // namespace weft::detail::text
