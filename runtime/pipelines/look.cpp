// SPDX-License-Identifier: Apache-2.0
#include "pipelines/look.hpp"
#include "layers/attention.hpp"
#include "layers/attention_pool.hpp"
#include "layers/cross_scan.hpp"
#include "layers/identity.hpp"
#include "layers/linear.hpp"
#include "schedule/views.hpp"
#include "schedule/weight_order.hpp"
#include "schedule/weight_rows.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {
namespace {

// A block of a layer over patches.
struct BlockAt {
    StageId stage = kNoStage;
    size_t layer = 0, block = 0;
    explicit operator bool() const { return stage != kNoStage; }
    std::vector<Block>& blocks(Schedule& s) const { return s.stages[stage].layers[layer].blocks; }
};

// The last one whose only op is of this kind.
template <class Spec>
BlockAt last_with(const Schedule& s) {
    BlockAt last;
    for (StageId id = 0; id < s.stages.size(); ++id) {
        if (!s.stages[id].rows.placed() || !grid_of(s, id)) continue;
        const auto& layers = s.stages[id].layers;
        for (size_t i = 0; i < layers.size(); ++i)
            for (size_t k = 0; k < layers[i].blocks.size(); ++k) {
                const auto& branches = layers[i].blocks[k].branches;
                if (branches.size() == 1 && branches[0].op.as<Spec>()) last = {id, i, k};
            }
    }
    return last;
}

StreamId add_stream(Schedule& s, StageId stage, uint32_t width) {
    s.stages[stage].streams.push_back({Look::kOutput, width});
    const auto stream = StreamId(s.stages[stage].streams.size());
    s.outputs.push_back({Look::kOutput, stage, stream});
    return stream;
}

// The scan's block in two: what it gives, and the addition of that.
void look_at_scan(Schedule& s, const BlockAt& at) {
    auto& blocks = at.blocks(s);
    Block& scan = blocks[at.block];
    Block added{.branches = {{IdentitySpec{}}}, .write = scan.write, .base = scan.base, .after = scan.after};
    added.base_scale = scan.base_scale;
    scan.write = add_stream(s, at.stage, s.stages[at.stage].width_of(scan.write));
    scan.base = Base::none;
    scan.base_scale = 1;
    scan.after = {};
    added.read = {scan.write};
    blocks.insert(blocks.begin() + ptrdiff_t(at.block) + 1, std::move(added));
}

// q, k and v of a layer once more, in a stream of their own.
Status look_at_attention(Schedule& s, const BlockAt& at, Look& look) {
    auto& blocks = at.blocks(s);
    Block block = blocks[at.block];
    const AttentionSpec a = *block.branches[0].op.as<AttentionSpec>();
    const View* const view = block.view ? &s.stages[at.stage].views[block.view - 1] : nullptr;
    const bool windows = view && view->order == View::Order::windows;
    if (a.causal || a.window || a.ahead || a.chunk || a.q_norm || a.k_norm || a.rope.kind != RopeKind::none ||
        a.softcap != 0 || a.temperature != 0 || a.key_scale != 1 || a.adapter_down || a.sinks != kNoWeight ||
        a.bias_columns || (a.bias_side && !windows))
        return Error{ErrorCode::unsupported,
                     s.architecture + ": maps are of attention without rotary positions, norms of q and k, and bounds",
                     {}};
    const StreamId stream = add_stream(s, at.stage, a.qkv.out);
    blocks.insert(blocks.begin() + ptrdiff_t(at.block),
                  {.read = block.read,
                   .join = block.join,
                   .pre = block.pre,
                   .branches = {Branch{LinearSpec{a.qkv}, block.branches[0].in_scale}},
                   .write = stream,
                   .base = Base::none});
    look.heads = a.heads;
    look.kv_heads = a.kv_heads;
    look.head_size = a.head_size;
    look.k_column = a.heads * a.head_size;
    look.scale = a.scale;
    look.bias_side = a.bias_side;
    if (view) look.view = *view;
    return Ok{};
}

// A stage with a row for each picture, by attention over another's patches.
StageId pooling_stage(const Schedule& s) {
    for (StageId id = 0; id < s.stages.size(); ++id) {
        const RowSpace& rows = s.stages[id].rows;
        if (rows.of_whole() && s.stages[rows.from].rows.placed() && grid_of(s, rows.from) &&
            !s.stages[id].first.empty() && s.stages[id].first[0].branches[0].op.as<AttentionPoolSpec>())
            return id;
    }
    return kNoStage;
}

void look_at_pool(Schedule& s, StageId pool, Look& look) {
    const AttentionPoolSpec& a = *s.stages[pool].first[0].branches[0].op.as<AttentionPoolSpec>();
    const RowSpace& rows = s.stages[pool].rows;
    const StreamId stream = add_stream(s, rows.from, a.kv.out);
    s.stages[rows.from].last.push_back(
        {.read = {rows.stream}, .branches = {{LinearSpec{a.kv}}}, .write = stream, .base = Base::none});
    look.heads = look.kv_heads = a.heads;
    look.head_size = a.q.out / a.heads;
    look.scale = a.scale;
}

} // namespace

Result<Look> add_look(Schedule& s) {
    Look look;
    const BlockAt scan = last_with<CrossScanSpec>(s), attention = last_with<AttentionSpec>(s);
    const StageId pool = pooling_stage(s);
    if (scan) {
        look.stage = scan.stage;
        look.what = "what the last scan adds to each patch, root mean square";
        look_at_scan(s, scan);
    } else if (pool != kNoStage) {
        look.stage = s.stages[pool].rows.from;
        look.what = "attention of the query that pools the patches, mean over heads";
        look_at_pool(s, pool, look);
    } else if (attention) {
        look.stage = attention.stage;
        look.what = extra_rows(s, look.stage) ? "attention of the class token in the last layer, mean over heads"
                                              : "attention in the last layer, mean over heads and patches";
        weft_TRY(look_at_attention(s, attention, look));
    } else
        return Error{ErrorCode::unsupported,
                     s.architecture + " has neither attention nor scans over patches, of which a map could be drawn",
                     {}};
    order_weights(s); // which numbers them anew
    weft_TRY(settle(s, s.architecture));
    if (pool != kNoStage && !scan) {
        const auto& a = *s.stages[pool].first[0].branches[0].op.as<AttentionPoolSpec>();
        look.probe = a.probe;
        look.q = a.q;
    } else if (look.bias_side)
        look.bias = attention.blocks(s)[attention.block + 1].branches[0].op.as<AttentionSpec>()->bias;
    return look;
}

LookWeights read_look_weights(const Look& look, const Schedule& s, const ModelFiles& files) {
    const auto all = [&](WeightId id) {
        uint64_t count = 1;
        for (const uint64_t side : s.weights[id].shape) count *= side;
        std::vector<float> values(count);
        read_slot(s.weights[id], files, 0, values);
        return values;
    };
    LookWeights w;
    if (look.bias != kNoWeight) w.bias = all(look.bias);
    if (look.probe == kNoWeight) return w;
    const auto probe = all(look.probe), matrix = all(look.q.weight);
    w.query = look.q.bias == kNoWeight ? std::vector<float>(look.q.out) : all(look.q.bias);
    for (size_t i = 0; i < w.query.size(); ++i) {
        double sum = double(w.query[i]);
        for (size_t k = 0; k < probe.size(); ++k) sum += double(matrix[i * probe.size() + k]) * double(probe[k]);
        w.query[i] = float(sum);
    }
    return w;
}

namespace {

// Adds what one query of a head gives each row of its sequence, times `share`. `at`: its place in the sequence.
class Attending {
public:
    Attending(const Look& look, const LookWeights& weights, std::span<const float> rows, size_t width)
        : look_(look), weights_(weights), rows_(rows), width_(width) {}

    void add(const float* query, uint32_t head, const ViewSequence& sequence, uint32_t at, double share,
             std::vector<double>& sums) {
        const size_t count = sequence.rows.size(), size = look_.head_size;
        const size_t k = look_.k_column + size_t(head / (look_.heads / look_.kv_heads)) * size;
        scores_.resize(count);
        for (size_t i = 0; i < count; ++i) {
            const float* key = &rows_[sequence.rows[i] * width_ + k];
            float sum = 0;
            for (size_t c = 0; c < size; ++c) sum += query[c] * key[c];
            scores_[i] = double(sum * look_.scale) + bias(head, sequence.across, at, uint32_t(i));
        }
        const double most = *std::ranges::max_element(scores_);
        double whole = 0;
        for (double& x : scores_) whole += x = std::exp(x - most);
        for (size_t i = 0; i < count; ++i) sums[sequence.rows[i]] += share * scores_[i] / whole;
    }
    const float* query(uint32_t head, uint32_t row) const { return &rows_[row * width_ + head * look_.head_size]; }

private:
    double bias(uint32_t head, uint32_t across, uint32_t from, uint32_t to) const {
        const uint32_t side = look_.bias_side;
        if (!side) return 0;
        const uint32_t down = from / across + side / 2 - to / across, right = from % across + side / 2 - to % across;
        return double(weights_.bias[(size_t(head) * side + down) * side + right]);
    }

    const Look& look_;
    const LookWeights& weights_;
    const std::span<const float> rows_;
    const size_t width_;
    std::vector<double> scores_;
};

} // namespace

std::vector<float> look_values(const Look& look, const LookWeights& weights, const Schedule& s, PictureRows patches,
                               std::span<const float> rows) {
    const PictureRows own = picture_rows(s, look.stage, patches), real = unpadded_rows(s, look.stage, patches);
    const auto extra = extra_places(s, look.stage, patches);
    const size_t count = own.count() + extra.size(), width = rows.size() / count;
    std::vector<double> sums(count);
    if (look.heads == 0)
        for (size_t i = 0; i < count; ++i) {
            for (size_t c = 0; c < width; ++c) sums[i] += double(rows[i * width + c]) * double(rows[i * width + c]);
            sums[i] = std::sqrt(sums[i] / double(width));
        }
    Attending attending(look, weights, rows, width);
    const auto sequences = sequences_of(look.view, own, extra);
    for (uint32_t head = 0; head < look.heads; ++head) {
        if (!weights.query.empty())
            attending.add(&weights.query[size_t(head) * look.head_size], head, sequences[0], 0, 1.0 / look.heads, sums);
        else if (!extra.empty())
            attending.add(attending.query(head, extra[0]), head, sequences[0], extra[0], 1.0 / look.heads, sums);
        else
            for (const ViewSequence& sequence : sequences)
                for (uint32_t i = 0; i < sequence.rows.size(); ++i)
                    attending.add(attending.query(head, sequence.rows[i]), head, sequence, i,
                                  1.0 / look.heads / double(own.count()), sums);
    }
    std::vector<float> values;
    for (uint32_t row = 0, patch = 0; row < count; ++row) {
        if (std::ranges::binary_search(extra, row)) continue;
        if (patch / own.across < real.down && patch % own.across < real.across) values.push_back(float(sums[row]));
        ++patch;
    }
    return values;
}

namespace {

Places places_of(const Schedule& s, StageId stage, bool down) {
    const RowSpace& rows = s.stages[stage].rows;
    if (rows.of == RowSpace::Of::padded) return places_of(s, rows.from, down);
    if (rows.of == RowSpace::Of::merged) {
        const Places from = places_of(s, rows.from, down);
        const double size = down ? rows.down : rows.across, stride = down ? rows.stride_down : rows.stride_across,
                     pad = down ? rows.pad_down : rows.pad_across;
        return {from.first + ((size - 1) / 2 - pad) * from.step, from.step * stride};
    }
    const PatchGrid& g = *grid_of(s, stage);
    return down ? Places{g.patch_y / 2.0 - g.pad_y, double(g.stride_y)}
                : Places{g.patch_x / 2.0 - g.pad_x, double(g.stride_x)};
}

} // namespace

Places places_down(const Schedule& schedule, StageId stage) { return places_of(schedule, stage, true); }
Places places_across(const Schedule& schedule, StageId stage) { return places_of(schedule, stage, false); }

} // namespace weft::detail
