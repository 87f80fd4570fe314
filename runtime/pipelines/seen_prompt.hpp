// SPDX-License-Identifier: Apache-2.0
// L6: a prompt as its model takes it in: tokens, and before those that stand for a picture the picture.
#pragma once
#include "pipelines/model_state.hpp"
#include <weft/generate.hpp>

namespace weft::detail {

/// A picture, or the pieces that it is cut into, as the model's input has them, and how many rows stand for each;
/// `picture` is named in errors.
struct SeenPicture {
    std::vector<std::vector<float>> values; ///< of each piece; none where only their size was asked for
    Extent size;
    PictureRows rows;
    Pieces pieces;
};
Result<SeenPicture> seen_picture(const ModelState& model, const Picture& picture, bool size_alone = false);
/// The text with each of its marks as `picture` writes the one that stands there. Fails where the marks are not
/// `count`.
Result<std::string> with_pictures(const PictureText& text, std::string words, size_t count,
                                  const std::function<std::string(size_t)>& picture);
/// Its rows in a text.
std::string written(const PictureText& text, PictureRows rows, Pieces pieces);
Error not_a_placeholder(const PictureReading& reading);
Status encode_picture(Session& session, const SeenPicture& picture, size_t piece);

struct SeenPrompt {
    /// A picture or a piece of one.
    struct Piece {
        size_t picture = 0, piece = 0;
        size_t end = 0; ///< the tokens up to the last that stands for it
    };
    std::vector<uint32_t> ids;
    std::vector<SeenPicture> pictures;
    std::vector<Piece> pieces; ///< in the order of their tokens
};

/// `anew`: the text begins a sequence. The model has a tokenizer.
Result<SeenPrompt> seen_prompt(const ModelState& model, const Prompt& prompt, bool anew);
/// Takes in what is before the last picture, or its last piece, and sees that one; `rest` becomes the tokens that are
/// still to be fed.
Status feed_pictures(Session& session, const SeenPrompt& prompt, std::span<const uint32_t>& rest);

} // namespace weft::detail
