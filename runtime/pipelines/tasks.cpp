// SPDX-License-Identifier: Apache-2.0
#include "pipelines/tasks.hpp"
#include <algorithm>

namespace weft::detail {

namespace {

// What a model does with what is no text; null: nothing.
const char* reads(const Schedule& s) {
    for (const Input& input : s.inputs)
        if (input.pictures()) return input.grid.series() ? "reads time series" : "sees pictures";
    return nullptr;
}

} // namespace

Status check_generates(const Schedule& s) {
    if (const char* what = reads(s); what && generating_stage(s) == kNoStage)
        return Error{ErrorCode::unsupported, s.architecture + " " + what + "; it does not continue text", {}};
    if (generating_stage(s) == kNoStage)
        return Error{ErrorCode::unsupported,
                     s.architecture + " does not continue text: its tokens see those behind them",
                     {"weft embed makes vectors of texts with it"}};
    if (has_encoder(s) && s.begin_token < 0)
        return Error{ErrorCode::malformed,
                     s.architecture + ": config.json has no decoder_start_token_id, which its decoder begins with",
                     {}};
    return Ok{};
}

Status check_continues(const Schedule& s, const char* task) {
    if (generating_stage(s) != kNoStage && !has_encoder(s)) return Ok{};
    if (const char* what = reads(s))
        return Error{ErrorCode::unsupported,
                     std::string(task) + " is for models that continue a text; " + s.architecture + " " + what,
                     {}};
    return Error{ErrorCode::unsupported,
                 std::string(task) + " is for models that continue a text; " + s.architecture +
                     (has_encoder(s) ? " answers one with another" : " does not: its tokens see those behind them"),
                 {has_encoder(s) ? "weft run answers a text with it" : "weft embed makes vectors of texts with it"}};
}

} // namespace weft::detail
