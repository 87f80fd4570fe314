// SPDX-License-Identifier: Apache-2.0
// L6: what a model is for, said where it is asked for something else.
#pragma once
#include "schedule/schedule.hpp"

namespace weft::detail {

/// An input that holds a sound's samples or spectrogram, by the names that it has in models of sound.
bool is_sound(const Input& input);
bool hears(const Schedule& schedule);

/// Fails (unsupported) where a model reads no text; `task` is what needs that.
Status check_reads_text(const Schedule& schedule, const char* task);
/// Fails (unsupported) where a model makes no text, or (malformed) where nothing says what its text begins with.
Status check_generates(const Schedule& schedule);
/// Fails (unsupported) where a model does not continue a text; `task` is what needs that.
Status check_continues(const Schedule& schedule, const char* task);

} // namespace weft::detail
