// SPDX-License-Identifier: Apache-2.0
#include "pipelines/tasks.hpp"
#include <algorithm>

namespace weft::detail {

namespace {

bool sees_pictures(const Schedule& s) {
    return std::ranges::any_of(s.inputs, [](const Input& input) { return input.pictures(); });
}

} // namespace

Status check_generates(const Schedule& s) {
    if (generating_stage(s) == kNoStage && sees_pictures(s))
        return Error{ErrorCode::unsupported, s.architecture + " sees pictures; it does not continue text", {}};
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
    if (sees_pictures(s))
        return Error{ErrorCode::unsupported,
                     std::string(task) + " is for models that continue a text; " + s.architecture + " sees pictures",
                     {}};
    return Error{ErrorCode::unsupported,
                 std::string(task) + " is for models that continue a text; " + s.architecture +
                     (has_encoder(s) ? " answers one with another" : " does not: its tokens see those behind them"),
                 {has_encoder(s) ? "weft run answers a text with it" : "weft embed makes vectors of texts with it"}};
}

} // namespace weft::detail
