// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule_fields.hpp"
#include "io/tensor_view.hpp"
#include "schedule/sinusoids.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

weft_LISTED(Branch, 4);
void visit(Fields& f, Branch& b, const Widths& w) {
    f.op(b.op);
    if (b.op && b.op.source() != (w.input == 0))
        f.rule(false, "op", w.input ? "be in a block that reads no stream" : "be in a block that reads a stream");
    f.number("in_scale", b.in_scale, 1.0f, Reach::finite);
    f.number("out_scale", b.out_scale, 1.0f, Reach::finite);
    f.norm("out_norm", b.out_norm, w.model);
    if (b.op && b.op.sink())
        f.rule(b.out_scale == 1 && !b.out_norm, "op", "not have its result scaled or normed: it has none");
    b.op.fields(f, w);
    f.states(b.op);
}

constexpr const char* kStreams = "streams of the stage";
constexpr const char* kNoStream = "none"; // among them, where one may be named

weft_LISTED(RowView::Axis, 2);
weft_LISTED(RowView, 2);
void visit(Fields& f, const char* key, RowView& view) {
    if (!f.enter(key, !view.whole(), true)) return;
    f.value("first", view.first, uint64_t(0));
    f.list("axes", view.axes, [&](RowView::Axis& axis) {
        f.value("count", axis.count, uint64_t(1));
        f.value("stride", axis.stride, uint64_t(1));
    });
    f.leave();
}

weft_LISTED(Rescale, 9);
void visit(Fields& f, Rescale& r) {
    if (!f.enter("rescale", !r.nothing(), true)) return;
    f.value("axis", r.axis, 0u);
    f.number("factor", r.factor, 1.0f, Reach::finite);
    f.value("minus", r.minus, Rescale::Names());
    f.value("times", r.times, Rescale::Names());
    f.value("variance", r.variance, Rescale::Names());
    f.value("plus", r.plus, Rescale::Names());
    f.number("eps", r.eps, 0.0f, Reach::not_negative);
    f.value("normed", r.normed, false);
    f.value("scale", r.scale, Rescale::Names());
    f.leave();
}

weft_LISTED(WeightPiece, 8);
void visit(Fields& f, WeightPiece& p, const std::vector<uint64_t>& shape) {
    f.value("names", p.names, std::vector<std::string>());
    f.value("shape", p.file_shape, shape);
    visit(f, "rows", p.rows);
    visit(f, "to", p.to);
    f.value("order", p.order, std::vector<uint64_t>());
    visit(f, p.rescale);
    f.value("transform", p.transform, WeightTransform::none);
    f.value("gather", p.gather, std::vector<uint64_t>());
}

} // namespace

std::vector<std::string> BlockScope::names() const {
    std::vector<std::string> all = {kResidualName};
    for (const Stream& stream : streams) all.push_back(stream.name);
    return all;
}

weft_LISTED(Block, 12);
void visit(Fields& f, Block& b, const BlockScope& scope) {
    constexpr size_t kMostStreams = 8;
    const std::vector<std::string> names = scope.names();
    f.references("read", b.read, {kResidual}, names, kStreams);
    f.rule(b.read.size() <= kMostStreams, "read", "name at most " + std::to_string(kMostStreams) + " streams");
    f.value("join", b.join, Join::sum);
    f.reference("write", b.write, kResidual, names, kStreams);
    Widths w{.model = scope.width_of(b.write),
             .vocabulary = scope.vocabulary,
             .positions = scope.positions,
             .merged = scope.merged,
             .merged_row = scope.merged_row,
             .source = scope.source,
             .axes = scope.axes,
             .places = scope.places,
             .placed = scope.placed,
             .most = scope.most};
    for (const StreamId id : b.read) {
        const uint64_t width = scope.width_of(id);
        f.rule(b.join == Join::columns || w.input == 0 || w.input == width, "read",
               "name streams of one width, to be added");
        w.input = b.join == Join::columns ? w.input + width : width;
    }
    w.views = {kSameRows};
    for (const View& view : scope.views) {
        if (view.order == View::Order::routed) w.routed_views.push_back(uint32_t(w.views.size()));
        w.views.push_back(view.name);
    }
    f.reference("view", b.view, 0, w.views, kViews);
    f.rule(!b.view || !b.read.empty(), "view", "not be there where nothing is read");
    if (b.view) { // in another order
        w.axes = 1;
        w.places = false;
        w.viewed = true;
    }
    f.norm("pre", b.pre, w.input);
    f.list("branches", b.branches, [&](Branch& branch) { visit(f, branch, w); });
    f.rule(!b.branches.empty(), "branches", "hold at least one op");
    for (const Branch& branch : b.branches) {
        f.rule(!branch.op || branch.op.sink() == b.branches[0].op.sink(), "branches",
               "not hold ops with and without a result");
        f.rule(!b.read.empty() || branch.in_scale == 1, "branches", "not scale an input that is not there");
        f.rule(!b.view || !branch.op || !branch.op.sink(), "view", "not be there where ops have no result");
        const bool bare = b.branches.size() == 1 && !b.pre && !b.post && !b.after && !branch.out_norm;
        f.rule(
            !branch.op || !branch.op.can_idle() ||
                (bare && b.base_scale == 1 && b.residual_scale == 1 && branch.in_scale == 1 && branch.out_scale == 1),
            "branches", "hold such an op alone, in a block without norms and scales");
    }
    f.rule(!b.read.empty() || !b.pre, "pre", "not be there where nothing is read");
    f.norm("post", b.post, w.model);
    f.value("base", b.base, Base::stream);
    f.rule(b.base != Base::normed || w.input == w.model, "base",
           "not be normed where the input has another width than what is written");
    f.number("base_scale", b.base_scale, 1.0f, Reach::finite);
    f.rule(b.base != Base::none || b.base_scale == 1, "base_scale", "not be there without a base");
    f.number("residual_scale", b.residual_scale, 1.0f, Reach::finite);
    std::vector<std::string> scales = names;
    scales[0] = kNoStream;
    f.reference("row_scale", b.row_scale, 0, scales, kStreams);
    f.rule(!b.row_scale || scope.width_of(b.row_scale) == 1, "row_scale", "name a stream of width 1");
    f.norm("after", b.after, w.model);
    f.rule(!w.routed(b.view) || (!b.after && b.base != Base::normed), "view",
           "not be routed where the sum is normed, or the base: both are of all rows");
}

namespace {

// Those before `end`.
std::vector<std::string> stage_names(const Schedule& s, StageId end) {
    std::vector<std::string> names;
    for (StageId id = 0; id < end && id < s.stages.size(); ++id) names.push_back(s.stages[id].name);
    return names;
}

constexpr uint32_t kMostTaps = 4096; // of a rectangle's side: counts of rows stay within 32 bits

weft_LISTED(RowSpace, 15);
void visit(Fields& f, RowSpace& rows, const Stage& own, const Schedule& s) {
    f.value("of", rows.of, RowSpace::Of::tokens);
    if (rows.own()) {
        f.value("input", rows.input, std::string(rows.of == RowSpace::Of::patches ? kPixels : kTokens));
        if (rows.of == RowSpace::Of::patches) return f.value("most", rows.most, 0u);
        f.value("placeholder", rows.placeholder, int64_t(-1));
        f.rule(rows.placeholder >= -1 && rows.placeholder <= int64_t(UINT32_MAX - 1), "placeholder",
               "be a token's id, or -1");
        f.value("spans", rows.spans, false);
        f.rule(!rows.spans || rows.placeholder >= 0, "spans", "be false without a placeholder");
        f.value("axes", rows.axes, 1u);
        f.rule(rows.axes == 1 || (rows.axes == 3 && rows.placeholder >= 0), "axes",
               "be 1, or 3 where tokens stand for pictures");
        return;
    }
    const auto id = StageId(&own - s.stages.data());
    f.reference("from", rows.from, kNoStage, stage_names(s, id), "earlier stages");
    if (rows.from >= id) return;
    const Stage& from = s.stages[rows.from];
    f.reference("stream", rows.stream, kResidual, BlockScope{from.width, from.streams}.names(), kStreams);
    f.rule(from.when == own.when, "from", "name a stage that runs at the same time");
    if (rows.of == RowSpace::Of::merged) {
        f.size("down", rows.down, 2u);
        f.size("across", rows.across, 2u);
        f.size("stride_down", rows.stride_down, rows.down);
        f.size("stride_across", rows.stride_across, rows.across);
        f.value("pad_down", rows.pad_down, 0u);
        f.value("pad_across", rows.pad_across, 0u);
        f.value("most", rows.most, 0u);
        const auto sane = [](uint32_t size, uint32_t stride, uint32_t pad) {
            return size <= kMostTaps && stride <= kMostTaps && pad < size;
        };
        f.rule(sane(rows.down, rows.stride_down, rows.pad_down) &&
                   sane(rows.across, rows.stride_across, rows.pad_across),
               "down", "be at most " + std::to_string(kMostTaps) + ", as strides are, and larger than the padding");
        return f.rule(from.rows.placed(), "from", "name a stage whose rows are patches, or merged ones");
    }
    if (rows.of == RowSpace::Of::padded) {
        f.size("down", rows.down, 1u);
        f.size("across", rows.across, rows.down);
        f.rule(rows.down <= kMostTaps && rows.across <= kMostTaps, "down",
               "be at most " + std::to_string(kMostTaps) + ", as across is");
        f.rule(from.rows.placed(), "from", "name a stage whose rows are patches, or merged ones");
    }
    f.rule(from.width_of(rows.stream) == own.width, "from",
           "name a stage of the same width, whose rows are taken as they are");
    f.rule(!from.rows.picked() || (rows.of == RowSpace::Of::mean && from.rows.of == RowSpace::Of::extra), "from",
           "name a stage whose rows are its own, not picked from another");
    f.rule(rows.of != RowSpace::Of::extra || from.rows.of == RowSpace::Of::patches, "from",
           "name a stage whose rows are patches");
    if (rows.of != RowSpace::Of::marked) return;
    f.value("mark", rows.mark, kLargestId);
    f.rule(rows.mark >= kLargestId && rows.mark <= int64_t(UINT32_MAX - 1), "mark",
           "be a token's id, or -1 for the largest");
    f.rule(from.rows.of == RowSpace::Of::tokens, "from", "name a stage whose rows are tokens");
}

weft_LISTED(View, 7);
void visit(Fields& f, View& view, const RowSpace& rows) {
    f.value("order", view.order, View::Order::windows);
    f.rule(!rows.picked(), "order", "be of a stage whose rows are not picked from another");
    if (view.order == View::Order::routed)
        return f.rule(rows.of == RowSpace::Of::tokens && rows.axes == 1 && !rows.spans, "order",
                      "not be routed where the rows are no tokens, have several axes, or spans");
    f.rule(rows.placed() || view.order == View::Order::rows, "order",
           "be rows or routed where those of the stage are no patches, nor merged ones");
    if (view.order == View::Order::windows) {
        f.size("window", view.window);
        f.value("window_across", view.window_across, 0u);
        f.value("shift", view.shift, 0u);
        return f.rule(view.shift < std::min(view.window, view.width()), "shift", "be smaller than the window");
    }
    if (rows.placed()) f.value("mirrored", view.mirrored, false);
    f.value("reversed", view.reversed, false);
    f.rule(rows.placed() || view.reversed, "reversed", "be true for tokens, which have no other order");
}

weft_LISTED(Stream, 4);
weft_LISTED(Layer, 1); // its blocks: the visitor's layers()
weft_LISTED(Stage, 9);
void visit(ScheduleFields& f, Stage& stage, const Schedule& s) {
    f.value("name", stage.name, std::string());
    const auto same_name = [](const auto& name) { return [&name](const auto& other) { return other.name == name; }; };
    f.rule(!stage.name.empty() && std::ranges::count_if(s.stages, same_name(stage.name)) == 1, "name",
           "be given, and that of no other stage");
    f.size("width", stage.width);
    f.value("when", stage.when, When::every_step);
    if (f.enter("rows", true, false)) {
        visit(f, stage.rows, stage, s);
        f.leave();
    }
    f.list("views", stage.views, [&](View& view) {
        f.value("name", view.name, std::string());
        f.rule(!view.name.empty() && view.name != kSameRows &&
                   std::ranges::count_if(stage.views, same_name(view.name)) == 1,
               "name", "be given, and that of no other view");
        visit(f, view, stage.rows);
    });
    f.list("streams", stage.streams, [&](Stream& stream) {
        f.value("name", stream.name, std::string());
        f.rule(!stream.name.empty() && stream.name != kResidualName && stream.name != kNoStream &&
                   std::ranges::count_if(stage.streams, same_name(stream.name)) == 1,
               "name", "be given, and that of no other stream");
        f.size("width", stream.width, stage.width);
        f.value("start", stream.start, Stream::Start::nothing);
        f.rule(stream.start != Stream::Start::input || stream.width == stage.width, "width",
               "be that of the stage where the stream starts as its input");
        if (stream.start != Stream::Start::part) return;
        f.value("column", stream.column, 0u);
        f.rule(uint64_t(stream.column) + stream.width <= stage.width, "column",
               "leave room for the part in the residual stream");
    });
    uint64_t merged = 0, merged_row = 0, source = 0;
    if (const RowSpace& rows = stage.rows; !rows.own() && rows.from < s.stages.size()) {
        const uint64_t width = s.stages[rows.from].width_of(rows.stream);
        if (rows.of == RowSpace::Of::merged) {
            merged_row = width;
            merged = uint64_t(rows.down) * rows.across * width;
        }
        if (rows.of_whole()) source = width;
    }
    const BlockScope scope{.width = stage.width,
                           .streams = stage.streams,
                           .views = stage.views,
                           .vocabulary = s.vocabulary,
                           .positions = s.position_limit,
                           .merged = merged,
                           .merged_row = merged_row,
                           .source = source,
                           .axes = stage.rows.all_axes(),
                           .places = stage.rows.placeholder >= 0,
                           .placed = stage.rows.placed(),
                           .most = stage.rows.most};
    f.list("first", stage.first, [&](Block& block) { visit(f, block, scope); });
    f.layers(stage.layers, [&](Block& block) { visit(f, block, scope); });
    f.list("last", stage.last, [&](Block& block) { visit(f, block, scope); });
}

weft_LISTED(Output, 3);
void visit(Fields& f, Output& output, const Schedule& s) {
    f.value("name", output.name, std::string());
    const auto same = [&](const Output& other) { return other.name == output.name; };
    f.rule(!output.name.empty() && std::ranges::count_if(s.outputs, same) == 1, "name",
           "be given, and that of no other output");
    f.reference("stage", output.stage, kNoStage, stage_names(s, StageId(s.stages.size())), "stages");
    if (output.stage >= s.stages.size()) return;
    const Stage& of = s.stages[output.stage];
    f.reference("stream", output.stream, kResidual, BlockScope{of.width, of.streams}.names(), kStreams);
    if (output.stream == kResidual || output.stream > of.streams.size()) return;
    bool written = of.streams[output.stream - 1].start != Stream::Start::nothing;
    each_block(of, [&](const Block& block) { written |= block.write == output.stream; });
    f.rule(written, "stream", "be one that a block of the stage writes");
}

weft_LISTED(Similarity, 5);
void visit(Fields& f, Similarity& similarity, const Schedule& s) {
    f.value("name", similarity.name, std::string());
    const auto named = [&](const auto& other) { return other.name == similarity.name; };
    f.rule(!similarity.name.empty() && std::ranges::count_if(s.similarities, named) == 1 &&
               std::ranges::none_of(s.outputs, named),
           "name", "be given, and that of no other similarity and no output");
    f.value("rows", similarity.rows, std::string());
    f.value("columns", similarity.columns, std::string());
    f.number("scale", similarity.scale, 1.0f, Reach::finite);
    f.number("bias", similarity.bias, 0.0f, Reach::finite);
    const auto width_of = [&](const std::string& name) -> uint64_t {
        const size_t i = output_of(s, name);
        if (i == s.outputs.size() || s.outputs[i].stage >= s.stages.size()) return 0;
        return s.stages[s.outputs[i].stage].width_of(s.outputs[i].stream);
    };
    f.rule(width_of(similarity.rows) > 0, "rows", "name an output");
    f.rule(width_of(similarity.columns) == width_of(similarity.rows), "columns",
           "name an output of the same width as rows");
}

} // namespace

weft_LISTED(Schedule, 12); // with the states and inputs, which follow from the ops, and what is about files
void visit(ScheduleFields& f, Schedule& s) {
    f.value("architecture", s.architecture, std::string("custom"));
    f.value("vocabulary", s.vocabulary, 0u);
    f.value("trained_context", s.trained_context, 0u);
    f.value("position_limit", s.position_limit, 0u);
    f.value("begin_token", s.begin_token, int64_t(-1));
    f.stages(s.stages, [&](Stage& stage) { visit(f, stage, s); });
    f.rule(!s.stages.empty(), "stages", "be given");
    f.list("outputs", s.outputs, [&](Output& output) { visit(f, output, s); });
    f.rule(!s.outputs.empty(), "outputs", "be given");
    f.list("similarities", s.similarities, [&](Similarity& similarity) { visit(f, similarity, s); });
}

weft_LISTED(WeightSlot, 8);
void visit(ScheduleFields& f, WeightSlot& s) {
    const std::vector<uint64_t> shape(s.shape.begin(), s.shape.end());
    bool sinusoids = are_sinusoids(s.computed, s.shape);
    f.value("sinusoids", sinusoids, false);
    f.rule(!sinusoids || sinusoids_fit(s.shape), "sinusoids",
           "be a table of rows of at least 4 numbers, with up to 2^26 in all");
    if (!sinusoids) f.value("computed", s.computed, std::vector<float>());
    else if (s.computed.empty() && sinusoids_fit(s.shape)) s.computed = sinusoids_of(s.shape[0], s.shape[1]);
    f.program("program", s.program);
    f.list("pieces", s.pieces, [&](WeightPiece& piece) { visit(f, piece, shape); });
    f.list("alternatives", s.alternatives, [&](std::vector<WeightPiece>& pieces) {
        f.list("pieces", pieces, [&](WeightPiece& piece) { visit(f, piece, shape); });
    });
}

} // namespace weft::detail
