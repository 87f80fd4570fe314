// SPDX-License-Identifier: Apache-2.0
// L0: weft_CHECK for programmer errors, always on: prints the rule that was broken and where, then ends the process.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace weft::detail {
[[noreturn]] inline void check_failed(const char* rule, const char* file, int line, const char* why) {
    std::fprintf(stderr, "weft: %s:%d: broken rule: %s (%s)\n", file, line, rule, why);
    std::abort();
}
} // namespace weft::detail

#define weft_CHECK(condition, why)                                                                                     \
    ((condition) ? (void)0 : ::weft::detail::check_failed(#condition, __FILE__, __LINE__, why))
