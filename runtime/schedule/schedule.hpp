// SPDX-License-Identifier: Apache-2.0
// L4: Schedule: a model as data. What an architecture's file returns; what plan, record,
// inspect and weight loading read.
#pragma once
#include "layers/input.hpp"
#include "layers/op.hpp"
#include "schedule/weight_slot.hpp"
#include <weft/error.hpp>

namespace weft::detail {

/// Index of a stage of the schedule.
using StageId = uint32_t;
inline constexpr StageId kNoStage = ~0u;
/// A view of a stage.
using ViewId = uint32_t;

/// A value [rows, width] that lives while its stage runs. Stream 0 is the residual stream, "x", which a stage does not
/// list; the others follow from 1.
struct Stream {
    enum class Start : uint32_t {
        nothing, ///< a block writes it before another reads it
        input,   ///< as the residual stream does: as what the first layer reads
        part,    ///< it is columns of the residual stream, whatever writes either
    };
    std::string name;
    uint32_t width = 0;
    Start start = Start::nothing;
    uint32_t column = 0; ///< of a part, its first in the residual stream
};
inline constexpr StreamId kResidual = 0;

/// One of the operations that a block runs on the same normed input.
struct Branch {
    Op op;
    float in_scale = 1, out_scale = 1;
    Norm out_norm = {}; ///< of its own result (Hymba)
};

/// How several streams are one input. A block that reads none has only sources.
enum class Join : uint32_t { sum, columns };
/// What a block's result is added to: the stream that it writes, its own normed input (MiniMax), or nothing. The result
/// of sinks is nothing at all, so that nothing is written either.
enum class Base : uint32_t { stream, normed, none };

/// {norm, op or parallel ops, norm, residual, norm}, with input = join(read):
/// write = after(base_scale * base
///               + residual_scale * row_scale * post(sum of out_scale * out_norm(op(in_scale * pre(input))))).
/// In a routed view the result is 0 for the rows that were not chosen.
struct Block {
    std::vector<StreamId> read = {kResidual};
    Join join = Join::sum;
    ViewId view = 0;
    Norm pre = {};
    std::vector<Branch> branches = {};
    Norm post = {}; ///< over the sum of the branches
    StreamId write = kResidual;
    Base base = Base::stream;
    float base_scale = 1, residual_scale = 1;
    StreamId row_scale = 0; ///< a stream of width 1 that multiplies the rows of the result; 0: none does
    Norm after = {};        ///< of what is written: post-norm models (BERT, BART)
};

/// Far more than any model has; without a limit a file of a few bytes would make weft allocate without end.
inline constexpr uint32_t kMostLayers = 2000;

struct Layer {
    std::vector<Block> blocks;
};

/// RowSpace::mark: whichever id is the largest, where it stands first.
inline constexpr int64_t kLargestId = -1;

/// What a row of a stage is, and so how many there are.
struct RowSpace {
    enum class Of : uint32_t {
        tokens,  ///< one for each number of an input
        patches, ///< those of an input's pictures
        wanted,  ///< of another stage's rows those that are asked for
        first,   ///< of another stage's rows the first of each sequence
        last,    ///< ... the last of each sequence
        mean,    ///< one for each sequence: the mean of another stage's rows
        extra,   ///< of another stage's rows those that stand beside its patches
        /// One for each rectangle of another stage's patches: `merge` joins them, `downsample` convolves them; rows
        /// before the patches are in none.
        merged,
        /// Another stage's patches without the zeros that it may have beside them, and rows of zeros to the right and
        /// below, up to multiples of `down` and `across`.
        padded,
        marked, ///< of another stage's tokens, which come whole, the first that is `mark`; the first if none is
    };
    Of of = Of::tokens;
    std::string input = kTokens;   ///< tokens, patches: whose
    StageId from = 0;              ///< all others: an earlier stage
    StreamId stream = kResidual;   ///< of it: what becomes this stage's residual stream, or is merged
    uint32_t down = 2, across = 2; ///< merged: patches of a rectangle; padded: what its sides are multiples of
    /// merged: how far rectangles begin from each other, and patches of zeros around the picture. What no rectangle
    /// reaches is left out; `merge` needs those that lie side by side to cover it.
    uint32_t stride_down = down, stride_across = across, pad_down = 0, pad_across = 0;
    /// patches, merged: rows that a sequence may have, such as learned positions are there for; 0: no limit.
    uint32_t most = 0;
    /// tokens: the id whose rows stand for those of a memory, one after another, which `place` puts there; -1: none.
    int64_t placeholder = -1;
    /// tokens: of their positions, beside that in the sequence. With 3 they count as M-RoPE does (Wang et al. 2024):
    /// along the first a picture is one place, the others are its rows and columns; a text goes on behind its longer
    /// side.
    uint32_t axes = 1;
    /// tokens: those that are the placeholder, without others between, come in one step, and see each other where
    /// attention is causal (Gemma 3).
    bool spans = false;
    int64_t mark = kLargestId; ///< marked: a token's id, or the largest of the sequence

    bool own() const { return of == Of::tokens || of == Of::patches; } ///< not made of another stage's
    bool picked() const { return !own() && !placed(); }
    /// The residual stream begins with rows of another stage.
    bool taken() const { return picked() || of == Of::padded; }
    /// Rectangles of patches side by side.
    bool tiled() const { return stride_down == down && stride_across == across && !pad_down && !pad_across; }
    kernel::PatchCut cut() const { return {down, across, stride_down, stride_across, pad_down, pad_across}; }
    /// Rows that have their place in a picture.
    bool placed() const { return of == Of::patches || of == Of::merged || of == Of::padded; }
    uint32_t all_axes() const { return of == Of::patches ? 2 : axes; }
    /// One row for each.
    bool each_sequence() const { return of == Of::first || of == Of::last || of == Of::mean || of == Of::marked; }
    /// The same, of sequences that come whole.
    bool of_whole() const { return each_sequence() && of != Of::last; }
};

/// When a stage runs.
enum class When : uint32_t {
    every_step,
    once,  ///< before the first step of a sequence: an encoder
    given, ///< whenever its input is: pictures among the tokens
};

/// The rows of a stage in another order, or cut into other sequences. A sequence comes whole where a block uses one:
/// what is behind in the stage may be before in the view. But for routed views: rows that the op `choose` has chosen on
/// the device, in order, with their positions. What a block in one keeps is of the chosen rows alone; windows and
/// distances in it count these.
struct View {
    enum class Order : uint32_t {
        /// Of a picture, each a sequence of its own: they begin at `shift` and follow each other every `window` rows
        /// and columns, so that those at the edges are smaller. Pictures of one window are not shifted.
        windows,
        rows,          ///< of tokens or of a picture: as they are
        columns,       ///< of a picture: column by column
        snake,         ///< of a picture: row by row, every other one backwards
        snake_columns, ///< of a picture: column by column, every other one backwards
        routed,        ///< of tokens: those that were chosen
    };
    std::string name;
    Order order = Order::windows;
    uint32_t window = 0, shift = 0; ///< windows
    uint32_t window_across = 0;     ///< windows: as `window` where it is 0
    // All other orders but routed, of patches: rows that are none stay where they are, unless all is reversed.
    bool mirrored = false; ///< of a picture: as if left were right
    bool reversed = false; ///< the whole of it backwards

    uint32_t width() const { return window_across ? window_across : window; } ///< of a window
};

/// Layers over rows of one kind.
struct Stage {
    std::string name;
    RowSpace rows = {};
    When when = When::every_step;
    uint32_t width = 0;               ///< of the residual stream
    std::vector<View> views = {};     ///< blocks name them from 1 on; 0: the rows as they are
    std::vector<Stream> streams = {}; ///< beside the residual stream
    std::vector<Block> first = {};    ///< before the layers: embeddings
    std::vector<Layer> layers = {};
    std::vector<Block> last = {}; ///< behind them: a norm of all rows

    uint32_t width_of(StreamId id) const { return id == kResidual ? width : streams[id - 1].width; }
    bool is_part(StreamId id) const { return id != kResidual && streams[id - 1].start == Stream::Start::part; }
};

/// What a step gives: a stream of a stage as its last block leaves it, f32 [rows of the stage, width].
struct Output {
    std::string name;
    StageId stage = 0;
    StreamId stream = kResidual;
};
inline constexpr const char* kLogits = "logits";

/// What the rows of one output have in common with those of another, which need not come in the same step: of every
/// pair scale * (the sum of products of their numbers) + bias, f32 [rows of the one, rows of the other].
struct Similarity {
    std::string name;
    std::string rows, columns; ///< outputs of one width
    float scale = 1, bias = 0;
};

struct Schedule {
    std::string architecture; ///< model_type
    uint32_t vocabulary = 0;
    uint32_t trained_context = 0; ///< max_position_embeddings or the like; 0: unknown
    uint32_t position_limit = 0;  ///< tokens the model can address at all (learned positions); 0: no limit
    std::vector<Stage> stages;
    std::vector<Output> outputs;
    std::vector<Similarity> similarities;
    std::vector<WeightSlot> weights;
    std::vector<State> states;     ///< what its ops keep between steps: settle()
    std::vector<Input> inputs;     ///< what its ops read from outside: settle()
    std::vector<NotRead> unneeded; ///< what files may have beside the weights
    int64_t begin_token = -1;      ///< what generation starts from with an empty prompt; -1: none

    /// Sizes that no kernel takes, one sentence each. Empty: it can run.
    std::vector<std::string> beyond_limits() const;
    uint64_t parameters() const;
};

/// Gives every op without a number for what it keeps a state of its own, and notes what ops read from outside; every
/// schedule that make_schedule or schedule_from_json returns is settled. Fails (malformed) where an op reads what none
/// before it leaves; `origin` is the file that the schedule comes from.
Status settle(Schedule& schedule, const std::string& origin);
/// All blocks, in the order in which they run.
template <class S, class Each>
requires std::same_as<std::remove_const_t<S>, Stage>
void each_block(S& stage, const Each& each) {
    for (auto& block : stage.first) each(block);
    for (auto& layer : stage.layers)
        for (auto& block : layer.blocks) each(block);
    for (auto& block : stage.last) each(block);
}
/// Every op of a stage.
template <class S, class Each>
requires std::same_as<std::remove_const_t<S>, Stage>
void each_op(S& stage, const Each& each) {
    each_block(stage, [&](auto& block) {
        for (auto& branch : block.branches) each(branch.op);
    });
}
/// The rows of a picture's patches in a stage: `patches` are those that its own stage has.
struct PictureRows {
    uint32_t down = 0, across = 0;
    uint32_t count() const { return down * across; }
};
PictureRows picture_rows(const Schedule& schedule, StageId stage, PictureRows patches);
/// The same without rows of zeros beside them.
PictureRows unpadded_rows(const Schedule& schedule, StageId stage, PictureRows patches);
/// How many patches go with a row of a stage, of large pictures: the product of the strides of rectangles.
uint64_t patches_of_a_row(const Schedule& schedule, StageId stage);
/// For how many patches a step must have room (Bucket::tokens), so that all stages have room for what they make of a
/// picture of `patches`, whose edges may be more of them.
uint64_t room_for(const Schedule& schedule, PictureRows patches);
/// The stage whose rows are the patches that a stage's rows are made of; itself where they are of no other's.
StageId pictured_stage(const Schedule& schedule, StageId stage);
/// How the pictures are cut whose patches are a stage's rows, or are merged to them; null: its rows are no patches.
const PatchGrid* grid_of(const Schedule& schedule, StageId stage);
/// Rows of each sequence that a stage has beside its patches.
uint32_t extra_rows(const Schedule& schedule, StageId stage);
/// Their places in a sequence with so many patches, in order.
std::vector<uint32_t> extra_places(const Schedule& schedule, StageId stage, PictureRows patches);
/// The number of a view's step among all: first the stages', then their views'.
uint32_t step_of_view(const Schedule& schedule, StageId stage, ViewId view);
uint32_t step_count(const Schedule& schedule);
/// The number of the output of that name; none: outputs.size().
size_t output_of(const Schedule& schedule, std::string_view name);
/// Whether tokens of a stage see those behind them, through an op or in a view, so that all tokens of a sequence must
/// come at once.
bool sees_ahead(const Stage& stage);
/// The same, or an op needs all that is before at once.
bool comes_whole(const Stage& stage);
/// Whether a sequence must come whole, in one step, and is forgotten then: tokens see those behind them, or an output
/// is of all its tokens.
bool takes_whole(const Schedule& schedule);
/// The stage that runs once a sequence and leaves its memory, an encoder's; kNoStage: there is none.
StageId remembered_stage(const Schedule& schedule);
/// Whether stages come before a sequence's first step: an encoder.
bool has_encoder(const Schedule& schedule);
/// Whether stages run before steps: an encoder, or a tower of pictures.
bool runs_before(const Schedule& schedule);
/// The stage of a given input whose rows become those of a memory; kNoStage: there is none.
StageId keeping_stage(const Schedule& schedule);
/// The stage whose tokens may stand for rows of a memory; kNoStage: there is none.
StageId placing_stage(const Schedule& schedule);
/// The id whose neighbours of its kind come in one step (RowSpace::spans); -1: there is none.
int64_t spanning_token(const Schedule& schedule);
/// The stage whose tokens the logits continue; kNoStage: this schedule does not generate.
StageId generating_stage(const Schedule& schedule);
/// The states that a block uses, each once.
std::vector<StateId> states_of(const Schedule& schedule, const Block& block);
std::vector<StateLayout> layouts_of(const std::vector<State>& states, const StateOptions& o);

/// beyond_limits() as an error (unsupported), and any number that is not what its field may be, such as an eps that is
/// negative or NaN (malformed); `origin` is the file that the schedule comes from.
Status check_limits(const Schedule& schedule, const std::string& origin);

} // namespace weft::detail
