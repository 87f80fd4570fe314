// SPDX-License-Identifier: Apache-2.0
#include "pipelines/embedding.hpp"
#include "layers/identity.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>

namespace weft::detail {

Status make_embedder(Schedule& s, Pooling pooling, bool normalize) {
    if (has_encoder(s))
        return Error{ErrorCode::unsupported,
                     s.architecture + " answers a text with another; embeddings are made by encoders and decoders",
                     {}};
    StageId main = kNoStage;
    for (StageId id = 0; id < s.stages.size(); ++id)
        if (s.stages[id].rows.own()) main = id;
    if (main == kNoStage || s.stages[main].when == When::once)
        return Error{ErrorCode::unsupported, s.architecture + " has no stage whose rows could be embedded", {}};
    // A head's norm is the model's last one: what all rows pass now.
    for (StageId id = main + 1; id < s.stages.size(); ++id)
        if (const auto& first = s.stages[id].first; !first.empty() && first[0].pre && s.stages[main].last.empty())
            s.stages[main].last.push_back({.pre = first[0].pre, .branches = {{IdentitySpec{}}}, .base = Base::none});
    // Rows that are normed in a stream of their own are the model's last ones.
    StreamId rows_of = kResidual;
    for (const Output& output : s.outputs)
        if (output.stage == main) rows_of = output.stream;
    for (StageId id = main + 1; id < s.stages.size(); ++id)
        if (s.stages[id].rows.taken() && s.stages[id].rows.from == main) rows_of = s.stages[id].rows.stream;
    s.stages.resize(main + 1);
    s.outputs.clear();
    s.similarities.clear();
    const RowSpace::Of rows[] = {RowSpace::Of::mean, RowSpace::Of::first, RowSpace::Of::last};
    Block block{.branches = {{IdentitySpec{}}}, .base = Base::none};
    if (normalize) block.pre = {true, kernel::NormKind::l2, kNoWeight, kNoWeight, 1e-24f};
    s.stages.push_back({.name = kEmbedding,
                        .rows = {.of = rows[size_t(pooling)], .from = main, .stream = rows_of},
                        .width = s.stages[main].width_of(rows_of),
                        .first = {block}});
    s.outputs.push_back({kEmbedding, main + 1});
    order_weights(s);
    return settle(s, s.architecture);
}

} // namespace weft::detail
