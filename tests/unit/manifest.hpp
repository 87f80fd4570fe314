// SPDX-License-Identifier: Apache-2.0
// Test support: the recorded cases of models: those of the repository, and those beside it, of which the manifest says
// what becomes of each.
#pragma once
#include "base/file.hpp"
#include "base/json.hpp"
#include "repository.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <map>

namespace weft::test {
using namespace detail;

/// What becomes of a case; else it is refused, with these words.
inline constexpr const char *kPasses = "passes", *kOwnTest = "has a test of its own";

inline std::map<std::string, std::string> manifest() {
    const auto path = weft::test::repository() / "tests/goldens/manifest.json";
    const auto text = read_file(path);
    REQUIRE(bool(text));
    const auto json = parse_json(*text, path.string());
    REQUIRE(bool(json));
    return json->get<std::map<std::string, std::string>>();
}

inline std::vector<std::filesystem::path> repository_cases() {
    std::vector<std::filesystem::path> cases;
    for (const auto& entry : std::filesystem::directory_iterator(weft::test::repository() / "tests/goldens/models"))
        cases.push_back(entry.path());
    std::ranges::sort(cases);
    return cases;
}

/// What a case says of itself: its task, and how much rounding changes its numbers.
inline Json case_of(const std::filesystem::path& directory) {
    const auto text = read_file(directory / "case.json");
    REQUIRE(bool(text));
    const auto json = parse_json(*text, "case.json");
    REQUIRE(bool(json));
    return *json;
}

} // namespace weft::test
