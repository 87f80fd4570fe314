// SPDX-License-Identifier: Apache-2.0
// Rows that are made of a whole sequence's: pooled, marked by a token, without those before the patches; and what rows
// of two outputs have in common.
#include "schedule/pictures.hpp"
#include "schedule/small_models.hpp"
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr uint32_t kPooledWidth = 16, kExtraRows = 2;

constexpr const char* kPooling = R"({"weft_schedule": 2, "stages": [
    {"name": "tower", "width": 16, "rows": {"of": "patches"},
     "first": [{"read": [], "base": "none", "branches": [{"op": "patch", "channels": 2, "patch": 3, "extra": 2}]}],
     "layers": [{"blocks": [{"pre": {}, "branches": [{"op": "attention", "heads": 2, "causal": false}]}]}]},
    {"name": "patches", "width": 16, "rows": {"of": "merged", "from": "tower", "down": 1, "across": 1},
     "first": [{"read": [], "base": "none", "branches": [{"op": "merge"}]}]},
    {"name": "means", "width": 16, "rows": {"of": "merged", "from": "tower", "down": 2, "across": 3},
     "first": [{"read": [], "base": "none", "branches": [{"op": "merge", "mean": true}]}]},
    {"name": "largest", "width": 16, "rows": {"of": "merged", "from": "tower", "down": 2, "across": 3},
     "first": [{"read": [], "base": "none", "branches": [{"op": "merge", "largest": true}]}]},
    {"name": "head", "width": 16, "rows": {"of": "first", "from": "tower"},
     "streams": [{"name": "second"}, {"name": "mean"}, {"name": "seen"}],
     "first": [{"read": [], "write": "second", "base": "none", "branches": [{"op": "pool", "skip": 1, "most": 1}]},
               {"read": [], "write": "mean", "base": "none", "branches": [{"op": "pool", "skip": 2}]},
               {"read": [], "write": "seen", "base": "none",
                "branches": [{"op": "attention_pool", "heads": 2, "q": {"bias": true}, "kv": {"bias": true}}]}]}],
    "outputs": [{"name": "rows", "stage": "tower"}, {"name": "patches", "stage": "patches"},
                {"name": "means", "stage": "means"}, {"name": "largest", "stage": "largest"},
                {"name": "first", "stage": "head"}, {"name": "second", "stage": "head", "stream": "second"},
                {"name": "mean", "stage": "head", "stream": "mean"},
                {"name": "seen", "stage": "head", "stream": "seen"}]})";

constexpr const char* kMarked = R"({"weft_schedule": 2, "vocabulary": 96, "stages": [
    {"name": "text", "width": 16, "first": [{"read": [], "base": "none", "branches": [{"op": "embed"}]}],
     "layers": [{"blocks": [{"pre": {}, "branches": [{"op": "attention", "heads": 2}]}]}]},
    {"name": "end", "width": 16, "rows": {"of": "marked", "from": "text", "mark": 7}},
    {"name": "top", "width": 16, "rows": {"of": "marked", "from": "text"}}],
    "outputs": [{"name": "rows", "stage": "text"}, {"name": "end", "stage": "end"}, {"name": "top", "stage": "top"}],
    "similarities": [{"name": "close", "rows": "end", "columns": "top", "scale": 3, "bias": -0.5}]})";

std::vector<float> rows_from(const std::vector<float>& rows, size_t first, size_t count) {
    return {rows.begin() + long(first * kPooledWidth), rows.begin() + long((first + count) * kPooledWidth)};
}

std::vector<float> mean_of(const std::vector<float>& rows, const std::vector<size_t>& which) {
    std::vector<float> sum(kPooledWidth, 0);
    for (const size_t row : which)
        for (size_t c = 0; c < kPooledWidth; ++c) sum[c] += rows[row * kPooledWidth + c] / float(which.size());
    return sum;
}

std::vector<float> largest_of(const std::vector<float>& rows, const std::vector<size_t>& which) {
    std::vector<float> all = rows_from(rows, which[0], 1);
    for (const size_t row : which)
        for (size_t c = 0; c < kPooledWidth; ++c) all[c] = std::max(all[c], rows[row * kPooledWidth + c]);
    return all;
}

} // namespace

TEST_CASE("rows of pictures are pooled, and merged without those before the patches", "[schedule]") {
    const auto model = random_model_of(kPooling);
    const auto s = make(model, 2, 128), alone = make(model, 1, 128);
    const TestPicture p = TestPicture::random(4, 3, 3), q = TestPicture::random(2, 6, 4);
    const auto rows = read_rows(*s, {q.feed(1), p.feed(0)});
    const auto output = [](Session& session, const char* name) {
        auto values = session.output(name);
        REQUIRE(values);
        return *values;
    };
    const auto patches = output(*s, "patches"), means = output(*s, "means"), largest = output(*s, "largest"),
               first = output(*s, "first"), second = output(*s, "second"), pooled = output(*s, "mean"),
               seen = output(*s, "seen");
    REQUIRE(rows.size() == 28 * kPooledWidth);
    REQUIRE(patches.size() == 24 * kPooledWidth);
    REQUIRE(means.size() == 4 * kPooledWidth);
    for (size_t picture : {0, 1}) {
        CAPTURE(picture);
        const size_t at = picture * 14, across = picture ? 3 : 6;
        CHECK(rows_from(patches, picture * 12, 12) == rows_from(rows, at + kExtraRows, 12));
        CHECK(rows_from(first, picture, 1) == rows_from(rows, at, 1));
        CHECK(rows_from(second, picture, 1) == rows_from(rows, at + 1, 1));
        std::vector<size_t> all;
        for (size_t i = 0; i < 12; ++i) all.push_back(at + kExtraRows + i);
        CHECK(largest_difference(rows_from(pooled, picture, 1), mean_of(rows, all)) < 1e-5);
        for (size_t m :
             {0, 1}) { // rectangles of 2 x 3: side by side in the first picture, below each other in the second
            std::vector<size_t> rectangle;
            for (size_t y = 0; y < 2; ++y)
                for (size_t x = 0; x < 3; ++x)
                    rectangle.push_back(at + kExtraRows + (picture ? 2 * m + y : y) * across +
                                        (picture ? x : 3 * m + x));
            CHECK(largest_difference(rows_from(means, 2 * picture + m, 1), mean_of(rows, rectangle)) < 1e-5);
            CHECK(largest_difference(rows_from(largest, 2 * picture + m, 1), largest_of(rows, rectangle)) < 1e-6);
        }
        (void)read_rows(*alone, {(picture ? p : q).feed(0)});
        CHECK(largest_difference(output(*alone, "seen"), rows_from(seen, picture, 1)) < 1e-5);
    }
    CHECK(largest_difference(rows_from(seen, 0, 1), rows_from(seen, 1, 1)) > 1e-3);
    require_no_validation_messages();
}

TEST_CASE("the row of a text that a token marks, or its largest one", "[schedule]") {
    const auto s = make(random_model_of(kMarked), 3);
    const std::vector<uint32_t> texts[] = {{3, 7, 90, 7, 90, 5}, {8, 60, 9}, {7, 4}}; // marked at 1, nowhere, at 0
    const std::vector<Feed> feeds = {{0, texts[0], 0}, {2, texts[1], 0}, {1, texts[2], 0}};
    const auto rows = read_rows(*s, feeds);
    const auto end = s->output("end"), top = s->output("top");
    REQUIRE(end);
    REQUIRE(top);
    const size_t ends[] = {1, 6, 9}, tops[] = {2, 7, 9};
    for (size_t i : {0, 1, 2}) {
        CAPTURE(i);
        CHECK(rows_from(*end, i, 1) == rows_from(rows, ends[i], 1));
        CHECK(rows_from(*top, i, 1) == rows_from(rows, tops[i], 1));
    }
    // Of each pair; the columns may come from another step.
    const auto columns = rows_from(*top, 1, 2);
    const auto close = s->similarity("close", *end, columns);
    INFO((close ? "" : close.error().text()));
    REQUIRE(close);
    REQUIRE(close->size() == 6);
    for (size_t i = 0; i < 3; ++i)
        for (size_t j = 0; j < 2; ++j) {
            double sum = 0;
            for (size_t c = 0; c < kPooledWidth; ++c)
                sum += double((*end)[i * kPooledWidth + c]) * columns[j * kPooledWidth + c];
            CHECK(std::abs((*close)[i * 2 + j] - (3 * sum - 0.5)) < 1e-4);
        }
    CHECK_THAT(s->similarity("far", *end, columns).error().message, ContainsSubstring("no similarity 'far'"));
    CHECK_THAT(s->similarity("close", std::vector<float>(17), columns).error().message,
               ContainsSubstring("end has 17 numbers, and must have some rows of 16"));
    CHECK_THAT(s->similarity("close", *end, {}).error().message, ContainsSubstring("top has 0 numbers"));
    require_no_validation_messages();
}
