// SPDX-License-Identifier: Apache-2.0
// L4: schedules as JSON, written by hand or from a model's config. The fields, their order and what they are where
// absent: schedule_fields.hpp; apps/models/hybrid.json is an example.
//
//   { "weft_schedule": 2, "vocabulary": 4096, "width": 256,
//     "blocks": { "mixer": { "pre": {}, "branches": [{ "op": "mamba" }] },
//                 "mlp": { "pre": {}, "branches": [{ "op": "mlp", "inner": 704 }] } },
//     "layers": [ { "repeat": 8, "blocks": ["mixer", "mlp"] } ],
//     "head": { "norm": {} } }
//
// An entry of "layers" is a layer: its "blocks", each the name of one under "blocks" or an object; or a group:
// its "layers". Either may have a "repeat". A norm or another optional part is there if its object is there,
// even an empty one. Sizes that follow from others are never written.
//
// Weights make themselves: names and shapes follow from where they are used. "weight": "NAME" names one, false leaves
// an optional one out, true takes it in; the same name twice is the same weight ("embedding.table" as the head's linear
// ties the two). {layer} in a name stands for the number of the layer. "weights" says how named ones are put together
// from tensors of files; those that it does not mention are one tensor of their own name and shape. A piece takes the
// "rows" of its tensor and puts them where "to" says, both views (row_view.hpp), or else all, behind the pieces before:
//
//   "q": { "pieces": [{ "names": ["qkv"], "shape": [768, 256],
//                       "rows": { "first": 0, "axes": [{ "count": 4, "stride": 192 }, { "count": 64 }] } }] }
//
// "order" turns the last axes of its tensor ([1, 0] transposes), and "rescale" is what other tensors do to its numbers,
// such as the BatchNorm behind a convolution (weight_slot.hpp):
//
//   "rescale": { "times": ["bn.weight"], "variance": ["bn.running_var"], "eps": 1e-05 }
//
// A weight may be what another schedule gives for the numbers of its rows, once (weight_program.hpp):
//
//   "filter": { "program": { "weft_schedule": 2, "stages": [...], "outputs": [...] } }
//
// "theta" of a rope gives its frequencies, "sinusoids" of a weight its values (sinusoids.hpp).
// "views" of a stage: {"name": "back", "order": "columns", "reversed": true}, or {"name": "windows", "window": 7,
// "shift": 3}; a block's "view" names one.
#pragma once
#include "base/json.hpp"
#include "schedule/schedule.hpp"

namespace weft::detail {

/// The key whose value is the format's version: it tells a schedule from a config.json.
inline constexpr const char* kScheduleKey = "weft_schedule";
inline constexpr int kScheduleVersion = 2;
/// A schedule of version 1 in the words of version 2. What cannot be a schedule stays as it is, for the reader to
/// refuse.
Json version_2_of(const Json& version_1);

/// Reads a schedule. Errors name `origin` (a file) and the key:
/// "a.json: key 'layers[3].blocks[0].branches[1].head_size' must be ...". Its weights are in the order of
/// order_weights(), and it keeps to beyond_limits().
Result<Schedule> schedule_from_json(const Json& json, const std::string& origin);

/// What schedule_from_json turns into the same schedule, bit for bit; the schedule's weights must be in the order of
/// order_weights(). Layers that repeat are written once.
nlohmann::ordered_json to_json(const Schedule& schedule);
/// The same as text, with everything short on one line.
std::string schedule_text(const Schedule& schedule);

} // namespace weft::detail
