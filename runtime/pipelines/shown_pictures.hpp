// SPDX-License-Identifier: Apache-2.0
// L6: the pictures of a conversation. In its text and among its tokens each has a number of its own in place of what
// the model reads, so that two conversations have a beginning in common only as far as they show the same.
#pragma once
#include "pipelines/seen_prompt.hpp"

namespace weft::detail {

class ShownPictures {
public:
    explicit ShownPictures(const ModelState& model) : model_(model) {}

    /// A rendered conversation with the numbers of `pictures` where it has the model's marks, in their order.
    Result<std::string> tell(std::string text, std::span<const Picture* const> pictures);
    /// The tokens of such a text, with a number for each row of a picture.
    Result<std::vector<uint32_t>> encode(std::string_view text) const;
    static bool is_row(uint32_t token) { return token >= kFirst; }
    /// The tokens that the model is fed.
    std::vector<uint32_t> as_fed(std::vector<uint32_t> tokens) const;
    /// How many pieces it is cut into; it was told.
    uint32_t pieces_of(const Picture& picture) const;
    /// Where the rows of each picture, or of each of its pieces, begin among tokens, in their order.
    std::vector<size_t> begins(std::span<const uint32_t> tokens) const;

private:
    static constexpr uint32_t kFirst = 1u << 31; // above all tokens
    struct Shown {
        uint64_t hash;
        uint32_t height, width;
        PictureRows rows; ///< of a piece
        Pieces pieces;
        bool is(const Picture& p, uint64_t own) const { return hash == own && height == p.height && width == p.width; }
    };
    Result<uint32_t> number_of(const Picture& picture);

    const ModelState& model_;
    std::vector<Shown> all_; // that differ
};

} // namespace weft::detail
