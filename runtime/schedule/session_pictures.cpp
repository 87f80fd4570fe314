// SPDX-License-Identifier: Apache-2.0
// L4: pictures in a forward: the rows that they are, and those of their memory among the tokens of a text.
#include "kernels/place_rows.hpp"
#include "layers/merge.hpp"
#include "schedule/session.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

constexpr uint32_t kMostPixels = 1u << 31; // of a picture: counts of patches stay within 32 bits

} // namespace

// How many rows a sequence brings.
Result<uint32_t> Session::rows_of(const Feed& feed, const Input& input) const {
    const std::string slot = "slot " + std::to_string(feed.slot);
    if (!input.pictures()) {
        if (feed.ids.empty()) return Error{ErrorCode::invalid_argument, slot + ": no tokens to feed", {}};
        return uint32_t(feed.ids.size());
    }
    const PatchGrid& grid = input.grid;
    const auto [height, width] = grid.sides(feed.picture.height, feed.picture.width);
    const size_t numbers = feed.picture.values.size();
    if (!height || !width || numbers / grid.channels != uint64_t(height) * width || numbers % grid.channels)
        return Error{ErrorCode::invalid_argument,
                     slot + ": " + input.name + " has " + std::to_string(numbers) + " numbers, a picture of " +
                         std::to_string(grid.channels) + " channels, " + std::to_string(height) + " x " +
                         std::to_string(width) + ", other ones",
                     {}};
    const std::string picture = slot + ": a picture of " + std::to_string(height) + " x " + std::to_string(width);
    if (grid.sound() && height > 1)
        return Error{ErrorCode::invalid_argument,
                     slot + ": a sound comes as a picture of height 1, not of " + std::to_string(height),
                     {}};
    if (uint64_t(height) * width > kMostPixels || !grid.takes(height, width))
        return Error{ErrorCode::invalid_argument,
                     picture + " has no patch of " + std::to_string(grid.patch_y) + " x " +
                         std::to_string(grid.patch_x) + ", or more than " + std::to_string(kMostPixels) + " pixels",
                     {}};
    const PictureRows patches{grid.down(height), grid.across(width)};
    if (grid.only_down && (patches.down != grid.only_down || patches.across != grid.only_across))
        return Error{ErrorCode::invalid_argument,
                     picture + " has " + std::to_string(patches.down) + " x " + std::to_string(patches.across) +
                         " patches; the model takes " + std::to_string(grid.only_down) + " x " +
                         std::to_string(grid.only_across) + " alone",
                     {}};
    for (StageId id = 0; id < model_->schedule.stages.size(); ++id) {
        const Stage& stage = model_->schedule.stages[id];
        if (!stage.rows.placed()) continue;
        const auto fits = [&](const PictureRows& p, uint32_t down, uint32_t across) -> Status {
            if (p.down && p.across && p.down % down == 0 && p.across % across == 0) return Ok{};
            return Error{ErrorCode::invalid_argument,
                         picture + " has " + std::to_string(p.down) + " x " + std::to_string(p.across) +
                             " rows where stage " + in_quotes(stage.name) + " needs multiples of " +
                             std::to_string(down) + " x " + std::to_string(across),
                         {}};
        };
        const PictureRows own = picture_rows(model_->schedule, id, patches);
        bool merges = false; // what a convolution does not reach it leaves out
        each_op(stage, [&](const Op& op) { merges |= op.as<MergeSpec>() != nullptr; });
        if (merges && stage.rows.tiled())
            weft_TRY(
                fits(picture_rows(model_->schedule, stage.rows.from, patches), stage.rows.down, stage.rows.across));
        const uint32_t most = stage.rows.most ? stage.rows.most : kMostPixels; // zeros may make rows many
        if (uint64_t(own.down) * own.across + extra_rows(model_->schedule, id) > most)
            return Error{ErrorCode::invalid_argument,
                         picture + " is too large: stage " + in_quotes(stage.name) + " takes " + std::to_string(most) +
                             " rows",
                         {}};
        if (!own.down || !own.across)
            return Error{ErrorCode::invalid_argument,
                         picture + " is too small: it has no rows in stage " + in_quotes(stage.name),
                         {}};
        for (const View& view : stage.views)
            if (view.order == View::Order::windows) weft_TRY(fits(own, view.window, view.width()));
    }
    const uint64_t rows = uint64_t(patches.down) * patches.across + grid.extra;
    return uint32_t(std::min<uint64_t>(rows, UINT32_MAX));
}

// The numbers of all pictures, each without what no patch sees to the right and below.
Status Session::write_pictures(std::span<const Feed> feeds, size_t input) {
    const PatchGrid& grid = model_->schedule.inputs[input].grid;
    std::vector<float> all;
    for (size_t i = 0; i < feeds.size(); ++i) {
        const std::span<const float> values = feeds[i].picture.values;
        const auto [height, width] = grid.sides(feeds[i].picture.height, feeds[i].picture.width);
        const uint32_t down = std::min(height, (grid.down(height) - 1) * grid.stride_y + grid.patch_y),
                       across = grid.seen_across(width);
        work_[i].picture = {uint32_t(all.size()), down, across};
        for (uint32_t c = 0; c < grid.channels; ++c)
            for (uint32_t y = 0; y < down; ++y) {
                if (grid.layout == PatchGrid::Layout::columns || grid.series()) {
                    for (uint32_t x = 0; x < across; ++x) all.push_back(values[(uint64_t(c) * width + x) * height + y]);
                    continue;
                }
                const auto row = values.subspan((uint64_t(c) * height + y) * width, across);
                all.insert(all.end(), row.begin(), row.end());
            }
    }
    return uploader_->put(buffers_.inputs[input], std::as_bytes(std::span(all)));
}

// The rows that a picture leaves in its sequence's memory; none where its stages keep nothing.
PictureRows Session::kept_rows(uint32_t height, uint32_t width, const PatchGrid& grid) const {
    const StageId keeping = keeping_stage(model_->schedule);
    if (keeping == kNoStage) return {};
    return picture_rows(model_->schedule, keeping, {grid.down(height), grid.across(width)});
}

Status Session::check_room(const Feed& feed, const PatchGrid& grid) const {
    const auto [height, width] = grid.sides(feed.picture.height, feed.picture.width);
    const PictureRows rows = kept_rows(height, width, grid);
    const uint64_t all = slots_[feed.slot].placement.rows_with(rows.count());
    if (all <= options_.memory) return Ok{};
    return Error{ErrorCode::invalid_argument,
                 "slot " + std::to_string(feed.slot) + ": pictures that no tokens stand for yet would have " +
                     std::to_string(all) + " rows; a sequence of this session holds " + std::to_string(options_.memory),
                 {}};
}

// Of a stage that runs once: those of its text or of its picture.
uint32_t Session::rows_left(const Work& w, StageId stage) const {
    const PatchGrid* grid = grid_of(model_->schedule, stage);
    if (!grid) return w.rows;
    return picture_rows(model_->schedule, stage, {grid->down(w.picture.height), grid->across(w.picture.width)})
               .count() +
           extra_rows(model_->schedule, stage);
}

void Session::leave_memory(Work& w, Slot& slot) const {
    const Schedule& s = model_->schedule;
    const StageId leaving = remembered_stage(s);
    slot.memory = leaving == kNoStage ? w.rows : rows_left(w, leaving);
    if (keeping_stage(s) == kNoStage) return;
    for (const Input& input : s.inputs)
        if (input.pictures() && s.stages[input.stage].when == When::given) {
            const PictureRows rows = kept_rows(w.picture.height, w.picture.width, input.grid);
            w.placement.add(rows.down, rows.across);
        }
    slot.memory = w.placement.rows();
}

// How a feed is cut into steps of `most` rows, each by its end; tokens that see each other stay together, up to `share`
// in a step.
Result<std::vector<uint32_t>> Session::pieces_of(const Feed& feed, uint32_t rows, uint32_t most, uint32_t share) const {
    if (feed.ids.empty()) return std::vector{rows}; // a picture
    const int64_t together = spanning_token(model_->schedule);
    std::vector<uint32_t> ends = cut_between(feed.ids, together, most);
    if (together < 0) return ends;
    const std::string slot = "slot " + std::to_string(feed.slot) + ": ";
    Placement placement = slots_[feed.slot].placement;
    (void)placement.place(feed.ids, uint32_t(together), slots_[feed.slot].length);
    if (placement.begun())
        return Error{ErrorCode::invalid_argument,
                     slot + "the feed ends among the tokens of a picture, which come together: they see each other",
                     {}};
    for (uint32_t i = 0, done = 0; i < ends.size(); done = ends[i++])
        if (ends[i] - done > share)
            return Error{ErrorCode::invalid_argument,
                         slot + std::to_string(ends[i] - done) +
                             " tokens of pictures must come in one step, since they see each other, and steps of this "
                             "session have " +
                             std::to_string(share) + " for each sequence",
                         {}};
    return ends;
}

// What of the step's tokens stands for pictures.
void Session::place_pictures(StepFeed& feed, Placement& placement) const {
    const StageId stage = placing_stage(model_->schedule);
    if (stage == kNoStage) return;
    const int64_t placeholder = model_->schedule.stages[stage].rows.placeholder;
    feed.places = placement.place(feed.ids, uint32_t(placeholder), feed.row.past);
    for (uint32_t& place : feed.places)
        if (place != kernel::kNoPlace) place += feed.row.slot * options_.memory;
    turn(feed, placement);
}

// The positions of a step's tokens along several axes.
void Session::turn(StepFeed& feed, const Placement& placement) const {
    const StageId stage = placing_stage(model_->schedule);
    if (stage != kNoStage && model_->schedule.stages[stage].rows.axes > 1)
        feed.axes = placement.turns(feed.row.past, feed.row.count);
}

} // namespace weft::detail
