// SPDX-License-Identifier: Apache-2.0
#include "pipelines/seen_prompt.hpp"
#include "pipelines/seeing.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

constexpr uint32_t kMostPatches = 16384; // of a picture: its stages' activations are as many rows

const PatchGrid& grid_of(const Schedule& s) {
    return std::ranges::find_if(s.inputs, [](const Input& input) { return input.pictures(); })->grid;
}

// Rows that stand among the tokens for a picture of that size.
PictureRows rows_of(const Schedule& s, Extent size) {
    const PatchGrid& grid = grid_of(s);
    if (!grid.takes(size.height, size.width)) return {};
    return picture_rows(s, keeping_stage(s), {grid.down(size.height), grid.across(size.width)});
}

std::string written(const PictureText& text, PictureRows rows) {
    std::string all = text.before;
    for (uint32_t y = 0; y < rows.down; ++y) {
        if (y) all += text.line_end;
        for (uint32_t x = 0; x < rows.across; ++x) all += text.each;
    }
    return all + text.after;
}

// The text with each of its marks as the picture's rows are written.
Result<std::string> written(const PictureText& text, std::string_view words, std::span<const PictureRows> pictures) {
    const std::string_view mark = text.mark;
    std::string all;
    if (words.find(mark) == words.npos)
        for (size_t i = 0; i < pictures.size(); ++i) all += text.alone;
    all += words;
    size_t marks = 0;
    for (size_t at = 0; (at = all.find(mark, at)) != all.npos; ++marks) {
        const std::string rows = marks < pictures.size() ? written(text, pictures[marks]) : std::string(mark);
        all.replace(at, mark.size(), rows);
        at += rows.size();
    }
    if (marks == pictures.size()) return all;
    return Error{ErrorCode::invalid_argument,
                 "the text has places for " + std::to_string(marks) + " pictures (" + std::string(mark) +
                     "), and there are " + std::to_string(pictures.size()),
                 {}};
}

// The planes of red, green and blue, each as often as the model's patches have times.
std::vector<float> as_input(std::vector<float> values, const PatchGrid& grid) {
    const uint32_t times = grid.channels / 3;
    if (times == 1) return values;
    std::vector<float> all;
    const size_t plane = values.size() / 3;
    for (size_t c = 0; c < 3; ++c)
        for (uint32_t t = 0; t < times; ++t)
            all.insert(all.end(), values.begin() + ptrdiff_t(c * plane), values.begin() + ptrdiff_t((c + 1) * plane));
    return all;
}

Result<SeenPrompt::Seen> seen(const ModelState& model, const Picture& picture) {
    const PictureReading& reading = *model.reading;
    SeenPrompt::Seen one;
    weft_ASSIGN(one.size, prepared_size(reading.settings, {picture.height, picture.width}));
    weft_ASSIGN(auto values, prepared(reading.settings, picture));
    one.values = as_input(std::move(values), grid_of(model.schedule()));
    return one;
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
    reading.most_patches = kMostPatches;
    return reading;
}

Result<SeenPrompt> seen_prompt(const ModelState& model, const Prompt& prompt, bool anew) {
    SeenPrompt all;
    if (prompt.pictures.empty()) {
        weft_ASSIGN(all.ids, model.tokenizer->encode(prompt.text, anew));
        return all;
    }
    if (!model.reading)
        return Error{ErrorCode::invalid_argument, "the model was loaded without what sees pictures", {}};
    const PictureReading& reading = *model.reading;
    std::vector<PictureRows> rows;
    for (const Picture& picture : prompt.pictures) {
        auto one = seen(model, picture);
        if (!one) return in_context(picture.name.empty() ? "a picture" : picture.name, one.error());
        rows.push_back(rows_of(model.schedule(), one->size));
        all.pictures.push_back(std::move(*one));
    }
    weft_ASSIGN(const std::string text, written(reading.text, prompt.text, rows));
    weft_ASSIGN(all.ids, model.tokenizer->encode(text, anew));
    size_t at = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
        for (uint32_t left = rows[i].count(); left; ++at) {
            if (at == all.ids.size())
                return Error{ErrorCode::malformed,
                             "the tokenizer does not read " + std::string(reading.text.each) + " as token " +
                                 std::to_string(reading.placeholder) + ", which stands for the rows of pictures",
                             {}};
            left -= all.ids[at] == reading.placeholder;
        }
        all.pictures[i].end = at;
    }
    return all;
}

Status feed_pictures(Session& session, const SeenPrompt& prompt, std::span<const uint32_t>& rest) {
    size_t fed = 0;
    for (const SeenPrompt::Seen& p : prompt.pictures) {
        const Feed picture{.slot = 0, .picture = {p.values, p.size.height, p.size.width}};
        weft_TRY(session.encode({&picture, 1}));
        if (&p == &prompt.pictures.back()) break;
        const Feed tokens{0, rest.first(p.end - fed), uint32_t(session.length(0) + rest.size())};
        weft_TRY(session.forward({&tokens, 1}, Want::nothing));
        rest = rest.subspan(p.end - fed);
        fed = p.end;
    }
    return Ok{};
}

} // namespace weft::detail
