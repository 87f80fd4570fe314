// SPDX-License-Identifier: Apache-2.0
#include "pipelines/tasks.hpp"
#include <algorithm>

namespace weft::detail {

namespace {

bool reads_series(const Schedule& s) {
    return std::ranges::any_of(s.inputs, [](const Input& input) { return input.pictures() && input.grid.series(); });
}

// Why no token can follow those before it by a step of its own.
std::string why_not(const Schedule& s) {
    return std::ranges::any_of(s.stages, sees_ahead) ? "its tokens see those behind them"
                                                     : "each token needs all before it anew, which no state holds";
}

// Of a model that makes no text from tokens: what it is for.
Error other_task(const Schedule& s, const std::string& what_not) {
    if (hears(s))
        return {ErrorCode::unsupported,
                s.architecture + " hears sounds; " + what_not,
                {"weft hear says what is said in them, or what they are"}};
    if (reads_series(s))
        return {ErrorCode::unsupported,
                s.architecture + " reads time series; " + what_not,
                {"weft forecast continues them"}};
    if (std::ranges::any_of(s.inputs, [](const Input& input) { return input.pictures(); }))
        return {ErrorCode::unsupported,
                s.architecture + " sees pictures; " + what_not,
                {"weft see names what is in them, or makes vectors of them (--embed)"}};
    return {ErrorCode::unsupported,
            s.architecture + ": " + why_not(s) + "; " + what_not,
            {"weft embed makes vectors of texts with it"}};
}

bool reads_tokens(const Schedule& s) {
    return std::ranges::any_of(s.inputs, [](const Input& input) { return !input.pictures(); });
}

} // namespace

bool is_sound(const Input& i) {
    return i.pictures() && (i.name == "input_features" || i.name == "input_values" || i.name == "fbank");
}

bool hears(const Schedule& s) { return std::ranges::any_of(s.inputs, is_sound); }

Status check_reads_text(const Schedule& s, const char* task) {
    if (reads_tokens(s)) return Ok{};
    return other_task(s, std::string(task) + " is for models that read texts");
}

Status check_generates(const Schedule& s) {
    if (generating_stage(s) == kNoStage || hears(s)) return other_task(s, "it does not continue text");
    if (has_encoder(s) && s.begin_token < 0)
        return Error{ErrorCode::malformed,
                     s.architecture + ": config.json has no decoder_start_token_id, which its decoder begins with",
                     {}};
    return Ok{};
}

Status check_continues(const Schedule& s, const char* task) {
    if (generating_stage(s) != kNoStage && !has_encoder(s)) return Ok{};
    const std::string what = std::string(task) + " is for models that continue a text";
    if (!has_encoder(s) || hears(s)) return other_task(s, what);
    return Error{ErrorCode::unsupported,
                 s.architecture + " answers one text with another; " + what,
                 {"weft run answers a text with it"}};
}

} // namespace weft::detail
