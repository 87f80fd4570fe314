// SPDX-License-Identifier: Apache-2.0
#include "schedule/step_block.hpp"
#include "kernels/place_rows.hpp"
#include "schedule/placement.hpp"
#include "schedule/views.hpp"
#include <algorithm>
#include <bit>
#include <cstring>

namespace weft::detail {
namespace {

// The place of the row that RowSpace::marked is.
uint32_t marked(std::span<const uint32_t> ids, int64_t mark) {
    const auto at = mark == kLargestId ? std::ranges::max_element(ids) : std::ranges::find(ids, uint32_t(mark));
    return at == ids.end() ? 0 : uint32_t(at - ids.begin());
}

} // namespace

StepBlock::StepBlock(const Schedule& schedule, const SessionOptions& options) : schedule_(schedule) {
    const uint32_t sequences = std::bit_ceil(options.slots);
    const auto rows_of = [&](StageId id) { return options.largest(schedule.stages[id]).rows_of(schedule, id); };
    headers_ = part(step_count(schedule) * kernel::kHeaderWords * 4);
    samplers_ = part(options.slots * sizeof(kernel::SamplerRow));
    ends_ = part(kMostEnds * 4);
    for (StageId id = 0; id < schedule.stages.size(); ++id) {
        const Stage& stage = schedule.stages[id];
        const uint64_t rows = rows_of(id);
        StepParts& s = steps_.emplace_back();
        s.sequences = part(sequences * sizeof(kernel::StepSequence));
        const uint32_t axes = stage.rows.all_axes();
        s.positions = part(axes > 1 ? (1 + axes) * uint64_t(position_stride(uint32_t(rows))) * 4 : rows * 4);
        s.token_sequence = part(rows * 4);
        if (stage.rows.of == RowSpace::Of::patches) {
            s.pictures = part(sequences * uint64_t(16));
            s.kinds = part(rows * 4);
        }
        if (stage.rows.placeholder >= 0) s.places = part(rows * 4);
        if (stage.rows.spans) s.spans = part(rows * 4);
        if (stage.rows.taken()) s.index = part(rows * 4);
        if (stage.rows.placed()) s.sides = part(sequences * uint64_t(8));
    }
    for (StageId id = 0; id < schedule.stages.size(); ++id)
        for (size_t view = 0; view < schedule.stages[id].views.size(); ++view) {
            const uint64_t rows = rows_of(id);
            StepParts& s = steps_.emplace_back();
            if (schedule.stages[id].views[view].order == View::Order::routed) continue; // made on the device
            s.sequences = part(rows * sizeof(kernel::StepSequence));                    // a window has a row at least
            s.positions = part(rows * 4);
            s.token_sequence = part(rows * 4);
            s.index = part(rows * 4);
            s.inverse = part(rows * 4);
            if (schedule.stages[id].views[view].order != View::Order::windows) s.turns = part(rows * 4);
        }
    for (const Input& input : schedule.inputs)
        inputs_.push_back(input.pictures() ? Part{}
                                           : part(uint64_t(options.largest(schedule.stages[input.stage]).tokens) * 4));
}

StepBlock::Part StepBlock::part(uint64_t bytes) {
    const uint64_t at = image_.size(), align = vk::Tensor::kAlignment;
    image_.resize(at + (std::max<uint64_t>(bytes, 4) + align - 1) / align * align);
    return {at, image_.size() - at};
}

void StepBlock::place(const vk::Slice& memory, SessionBuffers& b) const {
    const auto at = [&](const Part& p) { return p.bytes ? memory.part(p.at, p.bytes) : vk::Slice{}; };
    b.headers = at(headers_);
    b.sampler = at(samplers_);
    b.ends = at(ends_);
    for (const StepParts& s : steps_)
        b.steps.push_back({at(s.sequences), at(s.token_sequence), at(s.positions), at(s.pictures), at(s.kinds),
                           at(s.places), at(s.spans), at(s.sides), at(s.turns), at(s.index), at(s.inverse)});
    for (const Part& p : inputs_) b.inputs.push_back(at(p));
}

template <class T>
void StepBlock::put(const Part& part, std::span<const T> values, size_t first) {
    weft_CHECK(first * sizeof(T) + values.size_bytes() <= part.bytes, "a step must fit its block");
    if (!values.empty()) std::memcpy(image_.data() + part.at + first * sizeof(T), values.data(), values.size_bytes());
}

void StepBlock::set_sampler(uint32_t slot, const kernel::SamplerRow& row) {
    std::memcpy(image_.data() + samplers_.at + slot * sizeof row, &row, sizeof row);
}

void StepBlock::set_ends(std::span<const uint32_t> ends) {
    std::vector<uint32_t> all(kMostEnds, kernel::kNoToken);
    std::ranges::copy(ends, all.begin());
    put(ends_, std::span<const uint32_t>(all));
}

void StepBlock::fill(const Bucket& bucket, std::span<const StepFeed> feeds, std::span<const uint32_t> wanted) {
    for (StageId id = 0; id < schedule_.stages.size(); ++id) {
        const Stage& stage = schedule_.stages[id];
        if (!bucket.runs(stage)) continue;
        if (stage.rows.own()) fill_own(id, bucket, feeds, uint32_t(wanted.size()));
        else if (stage.rows.picked()) fill_picked(id, feeds, wanted);
        else if (stage.rows.of == RowSpace::Of::padded) fill_padded(id, feeds);
        else fill_merged(id, feeds);
        if (stage.rows.placed()) fill_sides(id, feeds);
        for (ViewId view = 1; view <= stage.views.size(); ++view) fill_view(id, view, feeds);
    }
}

void StepBlock::fill(uint32_t step, std::span<const kernel::StepSequence> rows, std::span<const uint32_t> positions,
                     std::span<const uint32_t> owner, uint32_t outputs) {
    kernel::StepHeader header;
    header.tokens = uint32_t(owner.size());
    header.sequences = uint32_t(rows.size());
    header.outputs = outputs;
    for (const kernel::StepSequence& row : rows) {
        header.longest_new = std::max(header.longest_new, row.count);
        header.longest_total = std::max(header.longest_total, row.past + row.count);
    }
    const StepParts& parts = steps_[step];
    put({headers_.at + uint64_t(step) * kernel::kHeaderWords * 4, sizeof header},
        std::span<const kernel::StepHeader>(&header, 1));
    put(parts.sequences, rows);
    put(parts.positions, positions);
    put(parts.token_sequence, owner);
}

std::vector<uint32_t> StepBlock::rows() const {
    std::vector<uint32_t> all;
    for (StageId id = 0; id < schedule_.stages.size(); ++id) {
        kernel::StepHeader header;
        std::memcpy(&header, image_.data() + headers_.at + uint64_t(id) * kernel::kHeaderWords * 4, sizeof header);
        all.push_back(header.tokens);
    }
    return all;
}

void StepBlock::fill_own(StageId id, const Bucket& bucket, std::span<const StepFeed> feeds, uint32_t outputs) {
    std::vector<kernel::StepSequence> rows;
    std::vector<uint32_t> positions, owner;
    for (const StepFeed& feed : feeds) {
        rows.push_back(feed.row);
        rows.back().first = uint32_t(owner.size());
        for (uint32_t i = 0; i < feed.row.count; ++i) {
            positions.push_back(feed.row.past + i);
            owner.push_back(uint32_t(rows.size() - 1));
        }
    }
    fill(id, rows, positions, owner, outputs);
    if (schedule_.stages[id].rows.placeholder >= 0) fill_places(id, feeds, bucket.tokens);
    if (schedule_.stages[id].rows.spans) fill_spans(id, feeds);
    for (size_t i = 0; i < inputs_.size(); ++i) {
        if (schedule_.inputs[i].stage != id) continue;
        if (schedule_.inputs[i].pictures()) {
            fill_patches(id, schedule_.inputs[i].grid, feeds, bucket.tokens);
            continue;
        }
        std::vector<uint32_t> all;
        for (const StepFeed& feed : feeds) {
            std::span<const uint32_t> values;
            if (schedule_.inputs[i].name == schedule_.stages[id].rows.input) values = feed.ids;
            for (const auto& [input, given] : feed.others)
                if (input == i) values = given;
            all.insert(all.end(), values.begin(), values.end());
            all.resize(all.size() + feed.row.count - values.size(), 0);
        }
        put(inputs_[i], std::span<const uint32_t>(all));
    }
    if (bucket.decode) vacate(id, uint32_t(feeds.size()), bucket.sequences);
}

// Recordings for decoding run over all places of their bucket. One without a sequence has no new tokens, which is what
// kernels with effects look at; that what it is computed from lies inside of its tensors is enough for the others.
void StepBlock::vacate(StageId id, uint32_t first, uint32_t last) {
    for (uint32_t place = first; place < last; ++place) {
        const auto set = [&](const Part& part, auto value) {
            put(part, std::span<const decltype(value)>(&value, 1), place);
        };
        set(steps_[id].sequences, kernel::StepSequence{.first = place});
        set(steps_[id].positions, 0u);
        set(steps_[id].token_sequence, place);
        for (size_t i = 0; i < inputs_.size(); ++i)
            if (schedule_.inputs[i].stage == id && !schedule_.inputs[i].pictures()) set(inputs_[i], 0u);
        for (StageId other = 0; other < schedule_.stages.size(); ++other)
            if (schedule_.stages[other].rows.picked() && schedule_.stages[other].rows.from == id)
                set(steps_[other].index, place);
    }
}

void StepBlock::fill_patches(StageId id, const PatchGrid& grid, std::span<const StepFeed> feeds, uint32_t rows) {
    std::vector<uint32_t> table, kinds;
    std::vector<std::vector<uint32_t>> axes(2);
    for (const StepFeed& feed : feeds) {
        table.insert(table.end(), {feed.picture.first, feed.picture.height, feed.picture.width, 0});
        const uint32_t across = grid.across(feed.picture.width);
        const auto places = grid.extra_places(feed.row.count - grid.extra);
        uint32_t patch = 0;
        for (uint32_t i = 0, next = 0; i < feed.row.count; ++i) {
            const bool extra = next < grid.extra && places[next] == i;
            axes[0].push_back(extra ? kernel::kNowhere : patch / across);
            axes[1].push_back(extra ? kernel::kNowhere : patch % across);
            if (extra) kinds.push_back(next++);
            else if (!grid.series()) kinds.push_back(grid.extra);
            else kinds.push_back(patch % across < grid.lead ? patch / across : kernel::kNowhere);
            patch += !extra;
        }
    }
    const StepParts& parts = steps_[id];
    put(parts.pictures, std::span<const uint32_t>(table));
    put(parts.kinds, std::span<const uint32_t>(kinds));
    put_axes(id, axes, rows);
}

// Behind the positions that fill() has put there.
void StepBlock::put_axes(StageId id, std::span<const std::vector<uint32_t>> axes, uint32_t rows) {
    const Part& all = steps_[id].positions;
    const uint64_t each = uint64_t(position_stride(rows)) * 4;
    for (size_t a = 0; a < axes.size(); ++a) put({all.at + (1 + a) * each, each}, std::span<const uint32_t>(axes[a]));
}

void StepBlock::fill_places(StageId id, std::span<const StepFeed> feeds, uint32_t rows) {
    std::vector<uint32_t> places;
    const uint32_t count = schedule_.stages[id].rows.all_axes();
    std::vector<std::vector<uint32_t>> axes(count > 1 ? count : 0);
    for (const StepFeed& feed : feeds) {
        places.insert(places.end(), feed.places.begin(), feed.places.end());
        places.resize(places.size() + feed.row.count - feed.places.size(), kernel::kNoPlace);
        for (size_t a = 0; a < axes.size(); ++a) {
            const auto own = std::span(feed.axes).subspan(a * feed.row.count, feed.row.count);
            axes[a].insert(axes[a].end(), own.begin(), own.end());
        }
    }
    put(steps_[id].places, std::span<const uint32_t>(places));
    put_axes(id, axes, rows);
}

void StepBlock::fill_spans(StageId id, std::span<const StepFeed> feeds) {
    const int64_t placeholder = schedule_.stages[id].rows.placeholder;
    std::vector<uint32_t> spans;
    for (const StepFeed& feed : feeds)
        for (uint32_t i = 0, end = 0; i < feed.row.count; ++i) {
            const bool inside = int64_t(feed.ids[i]) == placeholder;
            if (inside && i >= end) end = uncut(feed.ids, placeholder, i + 1);
            spans.push_back(inside ? feed.row.past + end : 0);
        }
    put(steps_[id].spans, std::span<const uint32_t>(spans));
}

PictureRows StepBlock::rows_of(StageId id, const StepFeed& feed) const {
    const PatchGrid* grid = grid_of(schedule_, id);
    if (!grid) return {1, feed.row.count};
    return picture_rows(schedule_, id, {grid->down(feed.picture.height), grid->across(feed.picture.width)});
}

uint32_t StepBlock::count_of(StageId id, const StepFeed& feed) const {
    const RowSpace& rows = schedule_.stages[id].rows;
    if (rows.of == RowSpace::Of::extra) return extra_rows(schedule_, rows.from);
    return rows.own() ? feed.row.count : rows_of(id, feed).count();
}

void StepBlock::fill_merged(StageId id, std::span<const StepFeed> feeds) {
    std::vector<kernel::StepSequence> rows;
    std::vector<uint32_t> positions, owner;
    for (const StepFeed& feed : feeds) {
        rows.push_back(feed.row);
        rows.back().first = uint32_t(owner.size());
        rows.back().count = rows_of(id, feed).count();
        for (uint32_t i = 0; i < rows.back().count; ++i) {
            positions.push_back(i);
            owner.push_back(uint32_t(rows.size() - 1));
        }
    }
    fill(id, rows, positions, owner, uint32_t(owner.size()));
}

void StepBlock::fill_padded(StageId id, std::span<const StepFeed> feeds) {
    const StageId from = schedule_.stages[id].rows.from;
    std::vector<uint32_t> index;
    uint32_t first = 0; // of the picture, among the other stage's rows
    for (const StepFeed& feed : feeds) {
        const PatchGrid& grid = *grid_of(schedule_, id);
        const PictureRows own = rows_of(id, feed), other = rows_of(from, feed),
                          real = unpadded_rows(schedule_, id,
                                               {grid.down(feed.picture.height), grid.across(feed.picture.width)});
        for (uint32_t y = 0; y < own.down; ++y)
            for (uint32_t x = 0; x < own.across; ++x) {
                const bool there = y < real.down && x < real.across;
                index.push_back(there ? first + y * other.across + x : UINT32_MAX);
            }
        first += other.count();
    }
    fill_merged(id, feeds); // its sequences
    put(steps_[id].index, std::span<const uint32_t>(index));
}

void StepBlock::fill_sides(StageId id, std::span<const StepFeed> feeds) {
    std::vector<uint32_t> sides;
    for (const StepFeed& feed : feeds) {
        const PictureRows rows = rows_of(id, feed);
        sides.insert(sides.end(), {rows.down, rows.across});
    }
    put(steps_[id].sides, std::span<const uint32_t>(sides));
}

void StepBlock::fill_view(StageId id, ViewId view, std::span<const StepFeed> feeds) {
    const View& v = schedule_.stages[id].views[view - 1];
    if (v.order == View::Order::routed) return;
    std::vector<kernel::StepSequence> rows;
    std::vector<uint32_t> index, positions, owner, turns;
    for (const StepFeed& feed : feeds) {
        const PictureRows picture = rows_of(id, feed);
        const auto first = uint32_t(index.size()); // of the sequence, among the stage's rows as among the view's
        for (const ViewSequence& sequence : sequences_of(v, picture, extra_places(schedule_, id, picture))) {
            kernel::StepSequence row = feed.row;
            row.first = uint32_t(index.size());
            row.count = uint32_t(sequence.rows.size());
            if (sequence.across) row.memory = sequence.across;
            else
                std::ranges::copy(turns_of(sequence.rows, picture, extra_places(schedule_, id, picture)),
                                  std::back_inserter(turns));
            for (uint32_t i = 0; i < row.count; ++i) {
                index.push_back(first + sequence.rows[i]);
                positions.push_back(i);
                owner.push_back(uint32_t(rows.size()));
            }
            rows.push_back(row);
        }
    }
    if (v.order != View::Order::windows)
        put(steps_[step_of_view(schedule_, id, view)].turns, std::span<const uint32_t>(turns));
    std::vector<uint32_t> inverse(index.size());
    for (uint32_t i = 0; i < index.size(); ++i) inverse[index[i]] = i;
    const uint32_t step = step_of_view(schedule_, id, view);
    fill(step, rows, positions, owner, uint32_t(owner.size()));
    put(steps_[step].index, std::span<const uint32_t>(index));
    put(steps_[step].inverse, std::span<const uint32_t>(inverse));
}

void StepBlock::fill_picked(StageId id, std::span<const StepFeed> feeds, std::span<const uint32_t> wanted) {
    const RowSpace& space = schedule_.stages[id].rows;
    const RowSpace::Of of = space.of;
    std::vector<kernel::StepSequence> rows;
    std::vector<uint32_t> index, positions, owner;
    uint32_t first = 0; // of the sequence, among all tokens
    for (const StepFeed& feed : feeds) {
        const uint32_t begin = uint32_t(index.size()), end = first + count_of(space.from, feed);
        if (of == RowSpace::Of::wanted) {
            for (const uint32_t row : wanted)
                if (row >= first && row < end) index.push_back(row);
        } else if (of == RowSpace::Of::extra) {
            for (const uint32_t place : extra_places(schedule_, space.from, rows_of(space.from, feed)))
                index.push_back(first + place);
        } else if (of == RowSpace::Of::marked) index.push_back(first + marked(feed.ids, space.mark));
        else index.push_back(of == RowSpace::Of::last ? end - 1 : first);
        rows.push_back(feed.row);
        rows.back().first = begin;
        rows.back().count = uint32_t(index.size()) - begin;
        for (uint32_t i = begin; i < index.size(); ++i) {
            positions.push_back(feed.row.past + index[i] - first);
            owner.push_back(uint32_t(rows.size() - 1));
        }
        first = end;
    }
    fill(id, rows, positions, owner, uint32_t(index.size()));
    put(steps_[id].index, std::span<const uint32_t>(index));
}

} // namespace weft::detail
