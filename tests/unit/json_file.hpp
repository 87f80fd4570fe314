// SPDX-License-Identifier: Apache-2.0
// Test support: JSON from a file that must be there.
#pragma once
#include "base/file.hpp"
#include "base/json.hpp"
#include <catch2/catch_test_macros.hpp>

namespace weft::test {
using namespace detail;

inline Json read_json(const std::filesystem::path& path) {
    const auto text = read_file(path);
    REQUIRE(text);
    auto json = parse_json(*text, path.string());
    REQUIRE(json);
    return std::move(*json);
}

} // namespace weft::test
