// SPDX-License-Identifier: Apache-2.0
// L5: schedules as the metadata of GGUF files, and what such a file lost.
#pragma once
#include "io/gguf_writer.hpp"
#include "models/architecture.hpp"

namespace weft::detail {

/// Writes the sizes, norms, experts and positions of a decoder (is_decoder) under `side`'s name, every key that GGUF
/// has for them: a reader takes those that it knows. `config` is what the schedule was made from; rotary scaling is in
/// it. Returns further tensors (divisors of rotary frequencies) by name.
struct GgufFactors {
    std::string name;
    std::vector<float> values;
};
Result<std::vector<GgufFactors>> write_gguf_schedule(const Schedule& schedule, const JsonObject& config,
                                                     const GgufSide& side, GgufWriter& writer);

/// What two schedules disagree on, weights aside: "" if nothing.
std::string schedule_difference(const Schedule& a, const Schedule& b);

} // namespace weft::detail
