// SPDX-License-Identifier: Apache-2.0
#include "schedule/step_block.hpp"
#include "kernels/place_rows.hpp"
#include "schedule/views.hpp"
#include <algorithm>
#include <bit>
#include <cstring>

namespace weft::detail {

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
        if (stage.rows.picked()) s.index = part(rows * 4);
        if (stage.rows.placed()) s.sides = part(sequences * uint64_t(8));
    }
    for (StageId id = 0; id < schedule.stages.size(); ++id)
        for (size_t view = 0; view < schedule.stages[id].views.size(); ++view) {
            const uint64_t rows = rows_of(id);
            StepParts& s = steps_.emplace_back();
            s.sequences = part(rows * sizeof(kernel::StepSequence)); // a window has a row at least
            s.positions = part(rows * 4);
            s.token_sequence = part(rows * 4);
            s.index = part(rows * 4);
            s.inverse = part(rows * 4);
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
                           at(s.places), at(s.sides), at(s.index), at(s.inverse)});
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
    constexpr uint32_t kNowhere = 1u << 20; // beyond every picture: zeros
    std::vector<uint32_t> table, kinds;
    std::vector<std::vector<uint32_t>> axes(2);
    for (const StepFeed& feed : feeds) {
        table.insert(table.end(), {feed.picture.first, feed.picture.height, feed.picture.width, 0});
        const uint32_t across = grid.across(feed.picture.width);
        for (uint32_t i = 0; i < feed.row.count; ++i) {
            const bool extra = i < grid.extra;
            const uint32_t patch = extra ? 0 : i - grid.extra;
            axes[0].push_back(extra ? kNowhere : patch / across);
            axes[1].push_back(extra ? kNowhere : patch % across);
            kinds.push_back(std::min(i, grid.extra));
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

PictureRows StepBlock::rows_of(StageId id, const StepFeed& feed) const {
    const PatchGrid* grid = grid_of(schedule_, id);
    if (!grid) return {1, feed.row.count};
    return picture_rows(schedule_, id, {grid->down(feed.picture.height), grid->across(feed.picture.width)});
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
    const uint32_t extra = extra_rows(schedule_, id);
    std::vector<kernel::StepSequence> rows;
    std::vector<uint32_t> index, positions, owner;
    for (const StepFeed& feed : feeds) {
        const auto first = uint32_t(index.size()); // of the sequence, among the stage's rows as among the view's
        for (const ViewSequence& sequence : sequences_of(v, rows_of(id, feed), extra)) {
            kernel::StepSequence row = feed.row;
            row.first = uint32_t(index.size());
            row.count = uint32_t(sequence.rows.size());
            if (sequence.across) row.memory = sequence.across;
            for (uint32_t i = 0; i < row.count; ++i) {
                index.push_back(first + sequence.rows[i]);
                positions.push_back(i);
                owner.push_back(uint32_t(rows.size()));
            }
            rows.push_back(row);
        }
    }
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
    const bool merged = schedule_.stages[space.from].rows.of == RowSpace::Of::merged;
    std::vector<kernel::StepSequence> rows;
    std::vector<uint32_t> index, positions, owner;
    uint32_t first = 0; // of the sequence, among all tokens
    for (const StepFeed& feed : feeds) {
        const uint32_t begin = uint32_t(index.size()),
                       end = first + (merged ? rows_of(space.from, feed).count() : feed.row.count);
        if (of == RowSpace::Of::wanted) {
            for (const uint32_t row : wanted)
                if (row >= first && row < end) index.push_back(row);
        } else index.push_back(of == RowSpace::Of::last ? end - 1 : first);
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
