// SPDX-License-Identifier: Apache-2.0
#include "jinja/clock.hpp"
#include <chrono>
#include <cstdio>

namespace weft::detail::jinja {
namespace {

constexpr size_t kLongestPattern = 4096;

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in(int year, int month) {
    static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

// Sets the days of week and year from the date.
void complete(std::tm& t) {
    const int year = t.tm_year + 1900, month = t.tm_mon + 1;
    t.tm_yday = t.tm_mday - 1;
    for (int m = 1; m < month; ++m) t.tm_yday += days_in(year, m);
    const int before = year - 1; // day 1 of year 1 was a Monday
    t.tm_wday = int((int64_t(before) * 365 + before / 4 - before / 100 + before / 400 + t.tm_yday + 1) % 7);
}

} // namespace

Clock Clock::now() {
    const auto now = std::chrono::system_clock::now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    Clock clock;
    localtime_r(&seconds, &clock.time);
    clock.microseconds =
        uint32_t(std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1'000'000);
    return clock;
}

Result<Clock> Clock::parse(const std::string& iso) {
    const auto refuse = [&] {
        return Error{ErrorCode::invalid_argument, "'" + iso + "' is not a time like 2026-01-15T12:34:56", {}};
    };
    int year, month, day, hour = 0, minute = 0, second = 0, used = 0;
    if (std::sscanf(iso.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) !=
            6 ||
        size_t(used) != iso.size()) {
        if (std::sscanf(iso.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || size_t(used) != iso.size())
            return refuse();
        hour = minute = second = 0;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 59)
        return refuse();
    Clock clock;
    clock.time.tm_year = year - 1900;
    clock.time.tm_mon = month - 1;
    clock.time.tm_mday = day;
    clock.time.tm_hour = hour;
    clock.time.tm_min = minute;
    clock.time.tm_sec = second;
    clock.time.tm_isdst = -1;
    complete(clock.time);
    return clock;
}

std::string Clock::format(std::string_view pattern) const {
    // The C library knows nothing of microseconds, and a time without a zone has none in Python.
    std::string known;
    for (size_t i = 0; i < pattern.size() && i < kLongestPattern; ++i) {
        const char next = pattern[i] == '%' && i + 1 < pattern.size() ? pattern[i + 1] : 0;
        if (next == 'f') {
            char digits[8];
            std::snprintf(digits, sizeof digits, "%06u", microseconds % 1'000'000);
            known += digits;
        } else if (next != 'z' && next != 'Z') {
            known += pattern[i];
            if (next) known += next;
        }
        if (next) ++i;
    }
    if (known.empty()) return known;
    known += ' '; // so that no text at all is told from a buffer that is too small
    std::string out(256 + 64 * known.size(), 0);
    out.resize(std::strftime(out.data(), out.size(), known.c_str(), &time));
    if (!out.empty()) out.pop_back();
    return out;
}

} // namespace weft::detail::jinja
