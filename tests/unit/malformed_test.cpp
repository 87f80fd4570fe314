// SPDX-License-Identifier: Apache-2.0
// The collection of broken files: each must be refused by its reader, in words that begin with the file's name.
#include "base/file.hpp"
#include "base/json.hpp"
#include "io/gguf.hpp"
#include "io/safetensors.hpp"
#include "unit/goldens.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

// Opens every container of the collection whose name ends so.
template <class File>
void check_containers(const std::string& extension) {
    weft_GOLDEN(folder, "malformed");
    const auto text = read_file(folder / "manifest.json");
    REQUIRE(text);
    const auto manifest = parse_json(*text, "manifest.json");
    REQUIRE(manifest);
    size_t good = 0, bad = 0;
    for (const Json& row : *manifest) {
        const JsonObject entry(row, "manifest.json");
        const std::string name = *entry.string("file");
        if (*entry.string("level") != "container" || !name.ends_with(extension)) continue;
        const auto path = folder / name;
        const auto file = File::open(path);
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

} // namespace

TEST_CASE("malformed: safetensors") { check_containers<SafetensorsFile>(".safetensors"); }
TEST_CASE("malformed: gguf") { check_containers<GgufFile>(".gguf"); }

TEST_CASE("malformed: the fault of each safetensors file is the one that is named") {
    weft_GOLDEN(folder, "malformed");
    const auto message = [&](const char* name) {
        const auto file = SafetensorsFile::open(folder / name);
        REQUIRE_FALSE(file);
        return file.error().message;
    };
    CHECK_THAT(message("safetensors-truncated.safetensors"), ContainsSubstring("reach beyond the end of the file"));
    CHECK_THAT(message("safetensors-huge-header.safetensors"), ContainsSubstring("header length 9223372036854775813"));
    CHECK_THAT(message("safetensors-overlap.safetensors"),
               ContainsSubstring("tensor 'b': data_offsets [64, 192] overlap tensor 'a' by 64 bytes"));
    CHECK_THAT(message("safetensors-size-mismatch.safetensors"),
               ContainsSubstring("tensor 'a': shape [31] of F32 needs 124 bytes, data_offsets [0, 128] give 128"));
}

TEST_CASE("malformed: the fault of each gguf file is the one that is named") {
    weft_GOLDEN(folder, "malformed");
    const auto message = [&](const char* name) {
        const auto file = GgufFile::open(folder / name);
        REQUIRE_FALSE(file);
        return file.error().message;
    };
    CHECK_THAT(
        message("gguf-truncated-data.gguf"),
        ContainsSubstring(
            "tensor 'b': 128 bytes at offset 128 reach beyond the end of the file, which has 200 bytes of data"));
    CHECK_THAT(message("gguf-truncated-header.gguf"), ContainsSubstring("the file ends inside a metadata key"));
    CHECK_THAT(message("gguf-wrong-magic.gguf"), ContainsSubstring("begins with 'GGUX'"));
    CHECK_THAT(message("gguf-huge-kv-count.gguf"), ContainsSubstring("no room for 1152921504606846976 metadata keys"));
    CHECK_THAT(message("gguf-huge-string.gguf"), ContainsSubstring("key 'general.architecture': "));
    CHECK_THAT(message("gguf-dims-overflow.gguf"), ContainsSubstring("overflows 64 bits"));
    CHECK_THAT(message("gguf-offset-out-of-range.gguf"),
               ContainsSubstring("at offset 1099511627776 reach beyond the end of the file"));
    CHECK_THAT(message("gguf-overlap.gguf"), ContainsSubstring("tensor 'b': offset 64 overlaps tensor 'a'"));
    CHECK_THAT(message("gguf-duplicate-tensor.gguf"), ContainsSubstring("tensor 'a': the name occurs twice"));
    CHECK_THAT(message("gguf-unknown-type.gguf"), ContainsSubstring("type 250 does not exist"));
}
