// SPDX-License-Identifier: Apache-2.0
#include "pipelines/tasks.hpp"
#include <algorithm>

namespace weft::detail {

namespace {

bool sees_pictures(const Schedule& s) {
    return std::ranges::any_of(s.inputs, [](const Input& input) { return input.pictures(); });
}

// Why no token can follow those before it by a step of its own.
std::string why_not(const Schedule& s) {
    return std::ranges::any_of(s.stages, sees_ahead) ? "its tokens see those behind them"
                                                     : "each token needs all before it anew, which no state holds";
}

} // namespace

Status check_generates(const Schedule& s) {
    if (generating_stage(s) == kNoStage && sees_pictures(s))
        return Error{ErrorCode::unsupported, s.architecture + " sees pictures; it does not continue text", {}};
    if (generating_stage(s) == kNoStage)
        return Error{ErrorCode::unsupported,
                     s.architecture + " does not continue text: " + why_not(s),
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
                     (has_encoder(s) ? " answers one with another" : " does not: " + why_not(s)),
                 {has_encoder(s) ? "weft run answers a text with it" : "weft embed makes vectors of texts with it"}};
}

} // namespace weft::detail
