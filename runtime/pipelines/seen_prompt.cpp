// SPDX-License-Identifier: Apache-2.0
#include "pipelines/seen_prompt.hpp"
#include "pipelines/seeing.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

const PatchGrid& grid_of(const Schedule& s) {
    return std::ranges::find_if(s.inputs, [](const Input& input) { return input.pictures(); })->grid;
}

// Of a piece the planes of red, green and blue, each as often as the model's patches have times.
std::vector<float> as_input(std::span<const float> values, const PatchGrid& grid) {
    const uint32_t times = grid.channels / 3;
    std::vector<float> all;
    const size_t plane = values.size() / 3;
    for (size_t c = 0; c < 3; ++c)
        for (uint32_t t = 0; t < times; ++t)
            all.insert(all.end(), values.begin() + ptrdiff_t(c * plane), values.begin() + ptrdiff_t((c + 1) * plane));
    return all;
}

} // namespace

Result<PictureReading> read_picture_reading(const ModelFiles& files, const Schedule& s) {
    PictureReading reading;
    if (placing_stage(s) == kNoStage)
        return Error{ErrorCode::unsupported, s.architecture + " here reads text; it sees no pictures", {}};
    weft_ASSIGN(reading.text, picture_text_of(files));
    weft_ASSIGN(reading.settings, read_picture_settings(files));
    if (grid_of(s).channels % 3)
        return Error{ErrorCode::unsupported,
                     s.architecture + " takes pictures of " + std::to_string(grid_of(s).channels) +
                         " channels; weft has those of 3",
                     {}};
    // PixtralProcessor multiplies the sizes of its files by what the projector joins.
    const RowSpace& kept = s.stages[keeping_stage(s)].rows;
    if (reading.settings.fit == PictureSettings::Fit::patches && kept.of == RowSpace::Of::merged)
        reading.settings.patch = {grid_of(s).stride_y * kept.down, grid_of(s).stride_x * kept.across};
    reading.placeholder = uint32_t(s.stages[placing_stage(s)].rows.placeholder);
    return reading;
}

Result<std::string> with_pictures(const PictureText& text, std::string words, size_t count,
                                  const std::function<std::string(size_t)>& picture) {
    const std::string_view mark = text.mark;
    size_t marks = 0;
    for (size_t at = 0; (at = words.find(mark, at)) != words.npos; ++marks) {
        const std::string in_place = marks < count ? picture(marks) : std::string(mark);
        words.replace(at, mark.size(), in_place);
        at += in_place.size();
    }
    if (marks == count) return words;
    return Error{ErrorCode::invalid_argument,
                 std::string(mark) + " stands for a picture; the text has it " + std::to_string(marks) +
                     " times, for a number of pictures of " + std::to_string(count),
                 {}};
}

std::string written(const PictureText& text, PictureRows rows, Pieces pieces) {
    std::string piece, all = text.before;
    for (uint32_t y = 0; y < rows.down; ++y) {
        if (y) piece += text.line_end;
        for (uint32_t x = 0; x < rows.across; ++x) piece += text.each;
    }
    if (pieces.count() > 1)
        for (uint32_t y = 0; y < pieces.down; ++y) {
            for (uint32_t x = 0; x < pieces.across; ++x) all += (x ? text.piece_end : "") + piece;
            all += text.pieces_end;
        }
    return all + text.whole + piece + text.after;
}

Result<SeenPicture> seen_picture(const ModelState& model, const Picture& picture, bool size_alone) {
    weft_TRY(model.reading);
    const Schedule& s = model.schedule();
    const PatchGrid& grid = grid_of(s);
    const auto make = [&]() -> Result<SeenPicture> {
        SeenPicture one;
        weft_ASSIGN(one.size, prepared_size(model.reading->settings, {picture.height, picture.width}));
        if (grid.takes(one.size.height, one.size.width))
            one.rows = picture_rows(s, keeping_stage(s), {grid.down(one.size.height), grid.across(one.size.width)});
        one.pieces = pieces_of(model.reading->settings, {picture.height, picture.width});
        if (size_alone) return one;
        weft_ASSIGN(const auto values, prepared(model.reading->settings, picture));
        const size_t piece = values.size() / one.pieces.count();
        for (uint32_t i = 0; i < one.pieces.count(); ++i)
            one.values.push_back(as_input(std::span(values).subspan(i * piece, piece), grid));
        return one;
    };
    auto one = make();
    if (!one) return in_context(picture.name.empty() ? "a picture" : picture.name, one.error());
    return one;
}

Status encode_picture(Session& session, const SeenPicture& picture, size_t piece) {
    const Feed feed{.slot = 0, .picture = {picture.values[piece], picture.size.height, picture.size.width}};
    return session.encode({&feed, 1});
}

Result<SeenPrompt> seen_prompt(const ModelState& model, const Prompt& prompt, bool anew) {
    SeenPrompt all;
    if (prompt.pictures.empty()) {
        weft_ASSIGN(all.ids, model.tokenizer->encode(prompt.text, anew));
        return all;
    }
    for (const Picture& picture : prompt.pictures) {
        weft_ASSIGN(auto one, seen_picture(model, picture));
        all.pictures.push_back(std::move(one));
    }
    const PictureReading& reading = *model.reading;
    std::string text;
    if (prompt.text.find(reading.text.mark) == prompt.text.npos)
        for (size_t i = 0; i < all.pictures.size(); ++i) text += reading.text.alone;
    text += prompt.text;
    weft_ASSIGN(text, with_pictures(reading.text, std::move(text), all.pictures.size(), [&](size_t i) {
                    return written(reading.text, all.pictures[i].rows, all.pictures[i].pieces);
                }));
    weft_ASSIGN(all.ids, model.tokenizer->encode(text, anew));
    size_t at = 0;
    for (size_t i = 0; i < all.pictures.size(); ++i)
        for (uint32_t piece = 0; piece < all.pictures[i].pieces.count(); ++piece) {
            for (uint32_t left = all.pictures[i].rows.count(); left; ++at) {
                if (at == all.ids.size()) return not_a_placeholder(reading);
                left -= all.ids[at] == reading.placeholder;
            }
            all.pieces.push_back({i, piece, at});
        }
    return all;
}

Status feed_pictures(Session& session, const SeenPrompt& prompt, std::span<const uint32_t>& rest) {
    size_t fed = 0;
    for (const SeenPrompt::Piece& p : prompt.pieces) {
        weft_TRY(encode_picture(session, prompt.pictures[p.picture], p.piece));
        if (&p == &prompt.pieces.back()) break;
        const size_t more = p.end - fed;
        const Feed tokens{0, rest.first(more), uint32_t(session.length(0) + rest.size())};
        weft_TRY(session.forward({&tokens, 1}, Want::nothing));
        rest = rest.subspan(more);
        fed += more;
    }
    return Ok{};
}

Error not_a_placeholder(const PictureReading& reading) {
    return {ErrorCode::malformed,
            "the tokenizer does not read " + std::string(reading.text.each) + " as token " +
                std::to_string(reading.placeholder) + ", which stands for the rows of pictures",
            {}};
}

} // namespace weft::detail
