// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule_fields.hpp"

namespace weft {
namespace {

weft_LISTED(Branch, 3);
void visit(Fields& f, Branch& b, const Widths& w) {
    f.op(b.op);
    f.number("in_scale", b.in_scale, 1.0f, Reach::finite);
    f.number("out_scale", b.out_scale, 1.0f, Reach::finite);
    b.op.fields(f, w);
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

weft_LISTED(SubBlock, 6);
void visit(Fields& f, SubBlock& b, uint64_t width) {
    f.value("input", b.input, BlockInput::residual);
    const Widths w{width, b.input == BlockInput::residual_and_embedding ? 2 * width : width};
    f.norm("pre", b.pre, w.input);
    f.list("branches", b.branches, [&](Branch& branch) { visit(f, branch, w); });
    f.rule(!b.branches.empty(), "branches", "hold at least one op");
    f.norm("post", b.post, width);
    f.number("residual_scale", b.residual_scale, 1.0f, Reach::finite);
    f.value("output", b.output, BlockOutput::add_to_residual);
}

weft_LISTED(Layer, 1); // its blocks: the visitor's layers()
weft_LISTED(Embedding, 4);
weft_LISTED(Head, 4);
weft_LISTED(Schedule, 12); // with the states, which follow from the ops, and what is about files
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
    f.layers(s.layers, [&](SubBlock& block) { visit(f, block, uint64_t(s.width)); });
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
