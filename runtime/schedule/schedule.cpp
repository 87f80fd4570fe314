// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule.hpp"
#include "io/tensor_view.hpp"
#include "layers/choose.hpp"
#include "layers/convolve.hpp"
#include "layers/limits.hpp"
#include "layers/unscale.hpp"
#include "schedule/decoder.hpp"
#include "schedule/schedule_fields.hpp"
#include "schedule/schedule_short.hpp"
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weft::detail {
namespace {

constexpr uint32_t kLargestVocabulary = 393216; // of the sampling kernels

/// Finds the first field that is not what it may be, wherever the schedule comes from.
class Checker final : public FieldWalker {
public:
    /// Where, and which rule is broken; empty: none is.
    std::string found, broken;

    void number(const char* key, float& x, float, Reach reach) override {
        if (within(reach, x)) return;
        char digits[32];
        std::snprintf(digits, sizeof digits, "%g", double(x));
        rule(false, key, rule_of(reach) + std::string(", is ") + digits);
    }
    void rule(bool holds, const char* key, const std::string& text) override {
        if (!holds && found.empty()) {
            found = place_ + key;
            broken = " must " + text;
        }
    }
    bool enter(const char* key, bool there, bool) override {
        if (there) push(std::string(key) + ".");
        return there;
    }
    void leave() override {
        place_.resize(ends_.back());
        ends_.pop_back();
    }
    void list(const char* key, size_t count, const std::function<void(size_t)>& each) override {
        for (size_t i = 0; i < count; ++i) {
            push(key + ("[" + std::to_string(i) + "]."));
            each(i);
            leave();
        }
    }
    void layers(std::vector<Layer>& all, const std::function<void(Block&)>& each) override {
        for (size_t i = 0; i < all.size(); ++i) {
            push("layers[" + std::to_string(i) + "].");
            list("blocks", all[i].blocks.size(), [&](size_t b) { each(all[i].blocks[b]); });
            leave();
        }
    }
    void weight(const char*, WeightId&, WeightShape, WeightUse, WeightKind) override {}
    void frequencies(Rope&) override {}

private:
    void push(const std::string& part) {
        ends_.push_back(place_.size());
        place_ += part;
    }
    std::string place_;
    std::vector<size_t> ends_; // of the places around
};

std::string first_broken_rule(const Schedule& schedule) {
    Checker checker;
    visit_const(checker, schedule);
    if (!checker.found.empty())
        return in_quotes(is_decoder(schedule) ? short_path_of(checker.found) : checker.found) + checker.broken;
    for (const WeightSlot& slot : schedule.weights)
        if (!std::ranges::all_of(slot.computed, [](float v) { return std::isfinite(v); }))
            return in_quotes(slot.name) + " must hold finite numbers";
    return "";
}

} // namespace

std::vector<std::string> Schedule::beyond_limits() const {
    Limits limits;
    limits.range("the vocabulary", vocabulary, 0, kLargestVocabulary);
    const auto check = [&](const Stage& stage, const std::string& place, const std::vector<Block>& blocks) {
        limits.at((stage.name == kDecoder ? "" : stage.name + ": ") + place);
        for (const Block& block : blocks)
            for (const Branch& branch : block.branches) branch.op.limits(limits);
    };
    for (const Stage& stage : stages) {
        check(stage, "", stage.first);
        for (size_t i = 0; i < stage.layers.size(); ++i)
            check(stage, "layer " + std::to_string(i) + ": ", stage.layers[i].blocks);
        check(stage, "", stage.last);
    }
    limits.at("");
    for (const WeightSlot& slot : weights) {
        long double elements = 1; // a product of 32-bit sizes may not fit 64 bits
        for (uint32_t d : slot.shape) elements *= d;
        if (elements > kMostElements) limits.add(slot.name + " has more than 2^46 elements");
    }
    size_t pieces = 0;
    for (const WeightSlot& slot : weights) pieces += slot.piece_count();
    if (pieces > kMostPieces)
        limits.add("the weights are put together from " + std::to_string(pieces) + " pieces; weft takes at most " +
                   std::to_string(kMostPieces));
    return limits.take();
}

Status check_limits(const Schedule& schedule, const std::string& origin) {
    if (const std::string broken = first_broken_rule(schedule); !broken.empty())
        return Error{ErrorCode::malformed, origin + ": the model's schedule: " + broken, {}};
    auto beyond = schedule.beyond_limits();
    if (beyond.empty()) return Ok{};
    if (beyond.size() > 20) {
        beyond.resize(20);
        beyond.push_back("... and more");
    }
    return Error{ErrorCode::unsupported, origin + ": the model has sizes that are not supported", std::move(beyond)};
}

namespace {

// What rectangles of patches, windows and convolutions have no place for; empty: all has one.
std::string misplaced_rows(const Schedule& schedule, StageId id) {
    const Stage& stage = schedule.stages[id];
    const auto before = [&](StageId of) {
        return "the " + std::to_string(extra_rows(schedule, of)) + " rows beside the patches of " +
               in_quotes(schedule.stages[of].name);
    };
    if (!stage.rows.own() && stage.rows.placed())
        if (const PatchGrid* grid = grid_of(schedule, stage.rows.from);
            extra_rows(schedule, stage.rows.from) && grid->extra_at != PatchGrid::ExtraAt::first)
            return " merges " + before(stage.rows.from) + ", which are in no rectangle, nor before the first";
    if (stage.rows.of == RowSpace::Of::padded && extra_rows(schedule, stage.rows.from))
        return " pads " + before(stage.rows.from) + ", which have no place in a picture";
    if (stage.rows.of == RowSpace::Of::extra && !extra_rows(schedule, stage.rows.from))
        return " is of the rows beside the patches of " + in_quotes(schedule.stages[stage.rows.from].name) +
               ", which has none";
    bool unscales = false;
    each_op(stage, [&](const Op& op) { unscales |= op.as<UnscaleSpec>() != nullptr; });
    if (const PatchGrid* grid = unscales ? grid_of(schedule, id) : nullptr; unscales && !(grid && grid->series()))
        return " is scaled back, and its rows are not the channels of a series";
    bool convolves = false;
    each_op(stage, [&](const Op& op) { convolves |= op.as<ConvolveSpec>() && !op.as<ConvolveSpec>()->line; });
    if (convolves && extra_rows(schedule, id))
        return " is convolved, and " + before(id) + " have no place in a picture";
    std::string problem;
    each_block(stage, [&](const Block& block) {
        if (!block.view || stage.views[block.view - 1].order != View::Order::windows) return;
        if (extra_rows(schedule, id)) problem = " has windows, and " + before(id) + " are in none";
        for (const StateId state : states_of(schedule, block))
            if (schedule.states[state].law != State::Law::constant && problem.empty())
                problem = " keeps " + schedule.states[state].name + " of each sequence, and has several in windows";
    });
    return problem;
}

// Which routed view is used before an op makes it, or made twice; empty: none is.
std::string misrouted(const Stage& stage) {
    std::vector<bool> made(stage.views.size() + 1);
    std::string problem;
    const auto says = [&](ViewId view, const char* what) {
        if (problem.empty())
            problem = " has the routed view " + in_quotes(stage.views[view - 1].name) + ", which " + what;
    };
    each_block(stage, [&](const Block& block) {
        if (block.view && stage.views[block.view - 1].order == View::Order::routed && !made[block.view])
            says(block.view, "no op before makes");
        for (const Branch& branch : block.branches)
            if (const auto* choose = branch.op.as<ChooseSpec>()) {
                if (made[choose->view]) says(choose->view, "several ops make");
                made[choose->view] = true;
            }
    });
    return problem;
}

} // namespace

Status settle(Schedule& schedule, const std::string& origin) {
    States states(std::move(schedule.states));
    Inputs inputs;
    for (StageId i = 0; i < schedule.stages.size(); ++i) {
        inputs.at(i);
        each_op(schedule.stages[i], [&](Op& op) {
            op.states(states);
            op.inputs(inputs);
        });
    }
    schedule.states = states.take();
    schedule.inputs = inputs.take();
    for (const Stage& stage : schedule.stages)
        if (stage.rows.own() && std::ranges::none_of(schedule.inputs, [&](const Input& input) {
                return input.name == stage.rows.input && &stage == &schedule.stages[input.stage];
            }))
            return Error{ErrorCode::malformed,
                         origin + ": no op of stage " + in_quotes(stage.name) + " reads " +
                             in_quotes(stage.rows.input) + ", which counts its rows",
                         {}};
    if (!states.problem().empty())
        return Error{ErrorCode::malformed, origin + ": the memory of an op must " + states.problem(), {}};
    for (StageId id = 0; id < schedule.stages.size(); ++id)
        for (const std::string& problem : {misplaced_rows(schedule, id), misrouted(schedule.stages[id])})
            if (!problem.empty())
                return Error{
                    ErrorCode::malformed, origin + ": stage " + in_quotes(schedule.stages[id].name) + problem, {}};
    if (generating_stage(schedule) == kNoStage) return Ok{};
    const Output& logits = schedule.outputs[output_of(schedule, kLogits)];
    const uint64_t width = schedule.stages[logits.stage].width_of(logits.stream);
    if (width == schedule.vocabulary) return Ok{};
    return Error{ErrorCode::malformed,
                 origin + ": output 'logits' is " + std::to_string(width) + " wide, and continues texts of " +
                     std::to_string(schedule.vocabulary) + " tokens",
                 {}};
}

std::vector<StateId> states_of(const Schedule& schedule, const Block& block) {
    States states(schedule.states);
    for (const Branch& branch : block.branches) Op(branch.op).states(states);
    return states.used();
}

PictureRows picture_rows(const Schedule& schedule, StageId stage, PictureRows patches) {
    const RowSpace& rows = schedule.stages[stage].rows;
    if (rows.of == RowSpace::Of::padded) {
        const PictureRows real = unpadded_rows(schedule, stage, patches);
        const auto multiple = [](uint32_t n, uint32_t of) { return (n + of - 1) / of * of; };
        return {multiple(real.down, rows.down), multiple(real.across, rows.across)};
    }
    if (rows.of != RowSpace::Of::merged) return patches;
    const PictureRows from = picture_rows(schedule, rows.from, patches);
    const auto windows = [](uint32_t side, uint32_t size, uint32_t stride, uint32_t pad) {
        return side + 2 * pad < size ? 0 : (side + 2 * pad - size) / stride + 1;
    };
    return {windows(from.down, rows.down, rows.stride_down, rows.pad_down),
            windows(from.across, rows.across, rows.stride_across, rows.pad_across)};
}

PictureRows unpadded_rows(const Schedule& schedule, StageId stage, PictureRows patches) {
    const RowSpace& rows = schedule.stages[stage].rows;
    return rows.of == RowSpace::Of::padded ? unpadded_rows(schedule, rows.from, patches)
                                           : picture_rows(schedule, stage, patches);
}

uint64_t patches_of_a_row(const Schedule& schedule, StageId stage) {
    const RowSpace& rows = schedule.stages[stage].rows;
    if (rows.of == RowSpace::Of::padded) return patches_of_a_row(schedule, rows.from);
    if (rows.of != RowSpace::Of::merged) return 1;
    return patches_of_a_row(schedule, rows.from) * rows.stride_down * rows.stride_across;
}

uint64_t room_for(const Schedule& schedule, PictureRows patches) {
    uint64_t room = patches.count();
    for (StageId id = 0; id < schedule.stages.size(); ++id)
        if (schedule.stages[id].rows.placed())
            room = std::max(room, (picture_rows(schedule, id, patches).count() + extra_rows(schedule, id)) *
                                      patches_of_a_row(schedule, id));
    return room;
}

uint32_t step_of_view(const Schedule& schedule, StageId stage, ViewId view) {
    auto number = uint32_t(schedule.stages.size());
    for (StageId id = 0; id < stage; ++id) number += uint32_t(schedule.stages[id].views.size());
    return number + view - 1;
}

uint32_t step_count(const Schedule& schedule) { return step_of_view(schedule, StageId(schedule.stages.size()), 1); }

size_t output_of(const Schedule& schedule, std::string_view name) {
    size_t i = 0;
    while (i < schedule.outputs.size() && schedule.outputs[i].name != name) ++i;
    return i;
}

StageId pictured_stage(const Schedule& schedule, StageId stage) {
    while (schedule.stages[stage].rows.placed() && !schedule.stages[stage].rows.own())
        stage = schedule.stages[stage].rows.from;
    return stage;
}

const PatchGrid* grid_of(const Schedule& schedule, StageId stage) {
    stage = pictured_stage(schedule, stage);
    for (const Input& input : schedule.inputs)
        if (input.stage == stage && input.pictures()) return &input.grid;
    return nullptr;
}

namespace {

const PatchGrid* own_grid(const Schedule& schedule, StageId stage) {
    return schedule.stages[stage].rows.of == RowSpace::Of::patches ? grid_of(schedule, stage) : nullptr;
}

} // namespace

uint32_t extra_rows(const Schedule& schedule, StageId stage) {
    const PatchGrid* grid = own_grid(schedule, stage);
    return grid ? grid->extra : 0;
}

std::vector<uint32_t> extra_places(const Schedule& schedule, StageId stage, PictureRows patches) {
    const PatchGrid* grid = own_grid(schedule, stage);
    return grid ? grid->extra_places(patches.count()) : std::vector<uint32_t>();
}

bool sees_ahead(const Stage& stage) {
    bool any = false;
    each_block(stage, [&](const Block& block) {
        any |= block.view && stage.views[block.view - 1].order != View::Order::routed;
    });
    each_op(stage, [&](const Op& op) { any |= op.sees_ahead(); });
    return any;
}

bool comes_whole(const Stage& stage) {
    bool any = sees_ahead(stage);
    each_op(stage, [&](const Op& op) { any |= op.whole(); });
    return any;
}

bool takes_whole(const Schedule& schedule) {
    return std::ranges::any_of(schedule.stages, [&](const Stage& stage) {
        return stage.when == When::every_step && (stage.rows.of_whole() || comes_whole(stage));
    });
}

bool has_encoder(const Schedule& schedule) {
    return std::ranges::any_of(schedule.stages, [](const Stage& stage) { return stage.when == When::once; });
}

bool runs_before(const Schedule& schedule) {
    return std::ranges::any_of(schedule.stages, [](const Stage& stage) { return stage.when != When::every_step; });
}

namespace {

// The first that runs then and leaves something behind.
StageId leaving_stage(const Schedule& schedule, When when) {
    for (StageId id = 0; id < schedule.stages.size(); ++id) {
        bool leaves = false;
        each_op(schedule.stages[id], [&](const Op& op) { leaves |= op.sink(); });
        if (leaves && schedule.stages[id].when == when) return id;
    }
    return kNoStage;
}

} // namespace

StageId remembered_stage(const Schedule& schedule) { return leaving_stage(schedule, When::once); }

StageId keeping_stage(const Schedule& schedule) { return leaving_stage(schedule, When::given); }

StageId placing_stage(const Schedule& schedule) {
    for (StageId id = 0; id < schedule.stages.size(); ++id)
        if (schedule.stages[id].rows.placeholder >= 0) return id;
    return kNoStage;
}

int64_t spanning_token(const Schedule& schedule) {
    const StageId stage = placing_stage(schedule);
    return stage != kNoStage && schedule.stages[stage].rows.spans ? schedule.stages[stage].rows.placeholder : -1;
}

StageId generating_stage(const Schedule& schedule) {
    const size_t logits = output_of(schedule, kLogits);
    if (logits == schedule.outputs.size()) return kNoStage;
    const RowSpace& rows = schedule.stages[schedule.outputs[logits].stage].rows;
    if (rows.of != RowSpace::Of::wanted) return kNoStage;
    const Stage& stage = schedule.stages[rows.from];
    return stage.when == When::every_step && !comes_whole(stage) ? rows.from : kNoStage;
}

std::vector<StateLayout> layouts_of(const std::vector<State>& states, const StateOptions& o) {
    std::vector<StateLayout> all;
    for (const State& state : states) all.push_back(layout_of(state, o));
    return all;
}

uint64_t Schedule::parameters() const {
    uint64_t n = 0;
    for (const WeightSlot& slot : weights) n += slot.parameters();
    return n;
}

uint64_t WeightSlot::parameters() const { return program ? program->parameters() : computed.empty() ? count() : 0; }

} // namespace weft::detail
