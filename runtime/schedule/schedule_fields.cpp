// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule_fields.hpp"
#include <algorithm>

namespace weft {
namespace {

weft_LISTED(Branch, 4);
void visit(Fields& f, Branch& b, const Widths& w) {
    f.op(b.op);
    f.number("in_scale", b.in_scale, 1.0f, Reach::finite);
    f.number("out_scale", b.out_scale, 1.0f, Reach::finite);
    f.norm("out_norm", b.out_norm, w.model);
    b.op.fields(f, w);
}

std::string name_of(StreamId id, const BlockScope& scope) {
    return id == kResidual ? kResidualName : id <= scope.streams.size() ? scope.streams[id - 1].name : "";
}

// Streams stand in files by their names.
StreamId found(Fields& f, const char* key, const std::string& name, const BlockScope& scope) {
    StreamId id = 0;
    while (id <= scope.streams.size() && name_of(id, scope) != name) ++id;
    f.rule(id <= scope.streams.size(), key, "name streams of the schedule; there is no " + in_quotes(name));
    return id;
}

weft_LISTED(WeightPiece, 6);
void visit(Fields& f, WeightPiece& p, const std::vector<uint64_t>& shape) {
    f.value("names", p.names, std::vector<std::string>());
    f.value("shape", p.file_shape, shape);
    f.value("first_row", p.first_row, uint64_t(0));
    f.value("rows", p.rows, uint64_t(0));
    f.value("transform", p.transform, WeightTransform::none);
    f.value("zipped", p.zipped, 0u);
}

} // namespace

weft_LISTED(Block, 10);
void visit(Fields& f, Block& b, const BlockScope& scope) {
    constexpr size_t kMostStreams = 8;
    std::vector<std::string> names;
    for (const StreamId id : b.read) names.push_back(name_of(id, scope));
    f.value("read", names, {kResidualName});
    std::vector<StreamId> read;
    for (const std::string& name : names) read.push_back(found(f, "read", name, scope));
    if (read != b.read) b.read = read; // visitors that only read may share what they visit between threads
    f.rule(!b.read.empty() && b.read.size() <= kMostStreams, "read",
           "name between 1 and " + std::to_string(kMostStreams) + " streams");
    f.value("join", b.join, Join::sum);
    const Widths w{scope.width, b.join == Join::columns ? scope.width * b.read.size() : scope.width};
    f.norm("pre", b.pre, w.input);
    f.list("branches", b.branches, [&](Branch& branch) { visit(f, branch, w); });
    f.rule(!b.branches.empty(), "branches", "hold at least one op");
    f.norm("post", b.post, scope.width);
    std::string name = name_of(b.write, scope);
    f.value("write", name, std::string(kResidualName));
    if (const StreamId write = found(f, "write", name, scope); write != b.write) b.write = write;
    f.value("base", b.base, Base::stream);
    f.rule(b.base != Base::normed || w.input == scope.width, "base", "not be normed where columns are joined");
    f.number("base_scale", b.base_scale, 1.0f, Reach::finite);
    f.rule(b.base != Base::none || b.base_scale == 1, "base_scale", "not be there without a base");
    f.number("residual_scale", b.residual_scale, 1.0f, Reach::finite);
    f.norm("after", b.after, scope.width);
}

weft_LISTED(Stream, 2);
weft_LISTED(Layer, 1); // its blocks: the visitor's layers()
weft_LISTED(Embedding, 4);
weft_LISTED(Head, 4);
weft_LISTED(Schedule, 13); // with the states, which follow from the ops, and what is about files
void visit(ScheduleFields& f, Schedule& s) {
    f.value("architecture", s.architecture, std::string("custom"));
    f.size("vocabulary", s.vocabulary);
    f.size("width", s.width);
    f.value("trained_context", s.trained_context, 0u);
    f.value("position_limit", s.position_limit, 0u);
    f.value("begin_token", s.begin_token, int64_t(-1));
    if (f.enter("embedding", true, false)) {
        f.number("scale", s.embedding.scale, 1.0f, Reach::finite);
        f.value("position_offset", s.embedding.position_offset, 0u);
        f.weight("table", s.embedding.table, {s.vocabulary, s.width}, WeightUse::always, WeightKind::matrix);
        f.weight("positions", s.embedding.positions,
                 {uint64_t(s.position_limit) + s.embedding.position_offset, s.width}, WeightUse::rare,
                 WeightKind::matrix);
        f.leave();
    }
    f.list("streams", s.streams, [&](Stream& stream) {
        f.value("name", stream.name, std::string());
        const auto same = [&](const Stream& other) { return other.name == stream.name; };
        f.rule(!stream.name.empty() && stream.name != kResidualName && std::ranges::count_if(s.streams, same) == 1,
               "name", "be given, and that of no other stream");
        f.value("start", stream.start, Stream::Start::nothing);
    });
    f.layers(s.layers, [&](Block& block) { visit(f, block, BlockScope{s.width, s.streams}); });
    if (f.enter("head", true, false)) {
        f.norm("norm", s.head.norm, s.width);
        f.linear("linear", s.head.linear, s.width, s.vocabulary);
        f.number("scale", s.head.scale, 1.0f, Reach::finite);
        f.number("softcap", s.head.softcap, 0.0f, Reach::not_negative);
        f.leave();
    }
}

weft_LISTED(WeightSlot, 7);
void visit(Fields& f, WeightSlot& s) {
    const std::vector<uint64_t> shape(s.shape.begin(), s.shape.end());
    f.value("computed", s.computed, std::vector<float>());
    f.list("pieces", s.pieces, [&](WeightPiece& piece) { visit(f, piece, shape); });
    f.list("alternatives", s.alternatives, [&](std::vector<WeightPiece>& pieces) {
        f.list("pieces", pieces, [&](WeightPiece& piece) { visit(f, piece, shape); });
    });
}

} // namespace weft
