// SPDX-License-Identifier: Apache-2.0
// Public: how long work tells of itself.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

namespace weft {

/// What is going on, for a progress bar. `done` of `total`, in the stage's own unit.
struct Progress {
    enum class Stage { load, pipelines, prefill, write, measure } stage = Stage::load;
    uint64_t done = 0, total = 0;
    std::string_view name = {}; ///< of what is being measured
};
/// Return false to stop; the call that reports then fails with ErrorCode::cancelled.
using ProgressFunction = std::function<bool(const Progress&)>;

} // namespace weft
