// SPDX-License-Identifier: Apache-2.0
// The collection of broken files: each must be refused by its reader, in words that begin with the file's name.
#include "base/file.hpp"
#include "base/json.hpp"
#include "io/safetensors.hpp"
#include "unit/goldens.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

TEST_CASE("malformed: safetensors") {
    weft_GOLDEN(folder, "malformed");
    const auto text = read_file(folder / "manifest.json");
    REQUIRE(text);
    const auto manifest = parse_json(*text, "manifest.json");
    REQUIRE(manifest);
    size_t good = 0, bad = 0;
    for (const Json& row : *manifest) {
        const JsonObject entry(row, "manifest.json");
        const std::string name = *entry.string("file");
        if (*entry.string("level") != "container" || !name.ends_with(".safetensors")) continue;
        const auto path = folder / name;
        const auto file = SafetensorsFile::open(path);
        CAPTURE(name, *entry.string("wrong"));
        if (*entry.boolean_or("loads", false)) {
            ++good;
            CHECK(bool(file));
            continue;
        }
        ++bad;
        REQUIRE_FALSE(file);
        CHECK(file.error().code == ErrorCode::malformed);
        CHECK_THAT(file.error().message, StartsWith(path.string() + ": "));
    }
    CHECK(good >= 1);
    CHECK(bad >= 4);
}

TEST_CASE("malformed: the fault of each safetensors file is the one that is named") {
    weft_GOLDEN(folder, "malformed");
    const auto message = [&](const char* name) {
        const auto file = SafetensorsFile::open(folder / name);
        REQUIRE_FALSE(file);
        return file.error().message;
    };
    CHECK_THAT(message("safetensors-truncated.safetensors"), ContainsSubstring("reach beyond the end of the file"));
    CHECK_THAT(message("safetensors-huge-header.safetensors"), ContainsSubstring("header length 9223372036854775813"));
    CHECK_THAT(message("safetensors-overlap.safetensors"), ContainsSubstring("tensor 'b': data_offsets [64, 192] overlap tensor 'a' by 64 bytes"));
    CHECK_THAT(message("safetensors-size-mismatch.safetensors"), ContainsSubstring("tensor 'a': shape [31] of F32 needs 124 bytes, data_offsets [0, 128] give 128"));
}
