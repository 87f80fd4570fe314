// SPDX-License-Identifier: Apache-2.0
// L0: the time that a template is told.
#pragma once
#include "base/result.hpp"
#include <ctime>
#include <string>

namespace weft::detail::jinja {

/// A local time, to the microsecond.
struct Clock {
    std::tm time{};
    uint32_t microseconds = 0;

    static Clock now();
    /// From "2026-01-15T12:34:56".
    static Result<Clock> parse(const std::string& iso);
    /// As Python's datetime.strftime().
    std::string format(std::string_view pattern) const;
};

} // namespace weft::detail::jinja
