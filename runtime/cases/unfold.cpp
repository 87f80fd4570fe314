// SPDX-License-Identifier: Apache-2.0
#include "cases/unfold.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel::cases::unfold {

std::vector<std::pair<uint32_t, uint32_t>> Options::places(const Picture& p) const {
    std::vector<std::pair<uint32_t, uint32_t>> list(extra, {kNowhere, kNowhere});
    const UnfoldArgs& o = args;
    for (uint32_t h = 0; h * o.cut.stride_y + o.cut.patch_y <= p.height + 2 * o.cut.pad_y; ++h)
        for (uint32_t w = 0; w * o.cut.stride_x + o.cut.patch_x <= p.width + 2 * o.cut.pad_x; ++w)
            list.emplace_back(h, w);
    if (backwards) std::reverse(list.begin(), list.end());
    return list;
}

size_t Options::offset(size_t picture) const {
    size_t at = 5;
    for (size_t i = 0; i < picture; ++i) at += size_t(args.channels) * pictures[i].height * pictures[i].width + 3;
    return at;
}

namespace {

void build(CaseContext& ctx, const Options& o) {
    UnfoldArgs a = o.args;
    Sequences sequences;
    std::vector<float> x(o.offset(o.pictures.size()), std::nanf(""));
    std::vector<uint32_t> table, h, w;
    for (size_t i = 0; i < o.pictures.size(); ++i) {
        const auto list = o.places(o.pictures[i]);
        sequences.push_back({uint32_t(i), uint32_t(list.size()), 0});
        for (const auto& [row, column] : list) {
            h.push_back(row);
            w.push_back(column);
        }
        table.insert(table.end(), {uint32_t(o.offset(i)), o.pictures[i].height, o.pictures[i].width, ~0u});
        const auto values = ctx.random().normals(size_t(a.channels) * o.pictures[i].height * o.pictures[i].width);
        std::copy(values.begin(), values.end(), x.begin() + long(o.offset(i)));
    }
    const Step step = ctx.step(sequences, uint32_t(h.size()) + 3);
    const auto wide = uint32_t(o.columns()) + (o.sliced ? 7 : 0);
    std::vector<uint32_t> words(2 * size_t(step.max_tokens), 1u << 30); // rows beyond the step have any place
    std::copy(h.begin(), h.end(), words.begin());
    std::copy(w.begin(), w.end(), words.begin() + step.max_tokens);
    table.resize(4 * size_t(step.max_sequences));
    a.x = ctx.input("x", DType::f32, {uint32_t(x.size())}, x);
    a.pictures = ctx.input_words("pictures", {step.max_sequences, 4}, table);
    a.token_sequence = step.token_sequence;
    a.positions = ctx.input_words("places", {2, step.max_tokens}, words);
    a.y = ctx.output("y", DType::f32, {step.max_tokens, wide});
    if (o.sliced) a.y = a.y.slice_columns(3, uint32_t(o.columns()));
    kernel::unfold(ctx.recorder(), a);
}

std::vector<Case<Options>> make_list() {
    // Channels, patch, stride, padding; each height, then width.
    const auto args = [](uint32_t channels, Picture patch, Picture stride, Picture pad = {0, 0}) {
        UnfoldArgs a;
        a.channels = channels;
        a.cut = {patch.height, patch.width, stride.height, stride.width, pad.height, pad.width};
        return a;
    };
    return {{"tiny", {args(1, {1, 1}, {1, 1}), {{1, 1}}}},
            {"no pictures", {args(3, {4, 4}, {4, 4}), {}}},
            {"a picture smaller than a patch", {args(3, {4, 4}, {4, 4}), {{3, 9}, {8, 8}}}},
            {"patches side by side", {args(3, {4, 6}, {4, 6}), {{12, 18}}}},
            {"pictures of many sizes", {args(3, {4, 4}, {4, 4}), {{8, 12}, {4, 40}, {17, 5}, {1, 1}, {9, 23}}}},
            {"overlap", {args(2, {5, 3}, {2, 1}), {{11, 9}, {7, 8}}}},
            {"strides beyond the patch", {args(2, {2, 3}, {5, 4}), {{12, 19}}}},
            {"zeros around", {args(3, {3, 3}, {2, 2}, {1, 1}), {{9, 10}, {1, 1}}}},
            {"zeros of several patches around", {args(2, {2, 3}, {2, 3}, {5, 7}), {{3, 4}}}},
            {"one dimension", {args(6, {1, 3}, {1, 2}, {0, 1}), {{1, 31}, {1, 7}, {1, 1}}}},
            {"column slice", {args(3, {3, 2}, {2, 2}, {1, 0}), {{9, 10}, {5, 6}}, true}},
            {"rows in any order", {args(3, {3, 2}, {2, 2}, {1, 0}), {{9, 10}, {5, 6}}, false, true}},
            {"rows that are nowhere", {args(2, {5, 3}, {2, 1}), {{11, 9}, {7, 8}}, false, false, 2}},
            {"real: ViT-B/16, two pictures", {args(3, {16, 16}, {16, 16}), {{224, 224}, {224, 224}}}},
            {"real: spectrogram patches, overlapping", {args(1, {16, 16}, {10, 10}), {{128, 1024}}}},
            {"real: Whisper's first convolution", {args(80, {1, 3}, {1, 1}, {0, 1}), {{1, 3000}}}},
            {"real: Whisper's second convolution", {args(384, {1, 3}, {1, 2}, {0, 1}), {{1, 3000}}}}};
}

} // namespace

CaseTable<Options> table() {
    CaseTable<Options> table{"unfold", build, make_list()};
    for (auto& c : table.cases)
        for (const auto& p : c.options.pictures)
            c.bytes += 4 * (uint64_t(c.options.args.channels) * p.height * p.width +
                            c.options.places(p).size() * c.options.columns());
    return table;
}

} // namespace weft::detail::kernel::cases::unfold
