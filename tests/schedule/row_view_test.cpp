// SPDX-License-Identifier: Apache-2.0
// Views of rows: against loops that count them, in both directions.
#include "schedule/row_view.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

using Rows = std::vector<uint64_t>;

Rows rows_of(const RowView& view) {
    Rows rows;
    for (uint64_t i = 0; i < view.count(); ++i) rows.push_back(view.row(i));
    return rows;
}

} // namespace

TEST_CASE("views of rows: shares of groups, and halves in turn", "[schedule]") {
    Rows share, apart;
    for (uint64_t group = 0; group < 5; ++group) {
        for (uint64_t i = 0; i < 3; ++i) share.push_back(group * 8 + 2 + i);
        for (uint64_t half = 0; half < 2; ++half)
            for (uint64_t i = 0; i < 3; ++i) apart.push_back(group * 8 + 2 * i + half);
    }
    CHECK(rows_of(rows_of_groups(5, 8, 2, 3)) == share);
    CHECK(rows_of(even_then_odd(5, 8, 6)) == apart);
    CHECK(rows_of(RowView().of(4)) == Rows{0, 1, 2, 3});
    CHECK(rows_of({7, {{3}}}) == Rows{7, 8, 9});
}

TEST_CASE("views of rows: each has one place, and runs are rows one below the other", "[schedule]") {
    constexpr uint64_t kRows = 64;
    for (const RowView& view :
         {RowView().of(kRows), RowView{5, {{9}}}, RowView{3, {{4, 16}}}, rows_of_groups(4, 16, 3, 5),
          rows_of_groups(4, 16, 0, 16), even_then_odd(4, 16, 10), even_then_odd(1, 64, 64),
          RowView{1, {{2, 1}, {3, 20}, {4, 4}}}, RowView{0, {{3, 2}, {2, 1}, {5, 12}}},
          RowView{6, {{1, 0}, {2, 8}, {1, 9}}}, RowView{0, {{1, 7}, {4, 16}, {16, 1}}}}) {
        REQUIRE(view.problem(kRows) == "");
        const Rows rows = rows_of(view);
        REQUIRE(view.end() == *std::ranges::max_element(rows) + 1);
        CHECK(view.problem(view.end()) == "");
        CHECK(view.problem(view.end() - 1) == "must lie within its " + std::to_string(view.end() - 1) + " rows");
        for (uint64_t row = 0; row < kRows + 3; ++row) {
            const auto at = std::ranges::find(rows, row);
            const auto place = view.place_of(row);
            REQUIRE(place.has_value() == (at != rows.end()));
            if (place) REQUIRE(*place == uint64_t(at - rows.begin()));
        }
        const uint64_t run = view.run();
        REQUIRE(rows.size() % run == 0);
        for (uint64_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i] == rows[i / run * run] + i % run);
    }
    CHECK(rows_of_groups(4, 16, 0, 16).run() == 64);
    CHECK(rows_of_groups(4, 16, 0, 15).run() == 15);
    CHECK(even_then_odd(4, 16, 16).run() == 1);
}

TEST_CASE("views of rows: what is none is said", "[schedule]") {
    const std::string distinct = "must be different ones: an axis must step over what smaller ones reach";
    CHECK(RowView{0, {{2, 3}, {4, 1}}}.problem(64) == distinct);
    CHECK(RowView{0, {{2, 0}}}.problem(64) == distinct);
    CHECK(RowView{0, {{4, 2}, {2, 2}}}.problem(64) == distinct);
    CHECK(RowView{0, {{2, 4}, {4, 1}}}.problem(64) == "");
    CHECK(RowView{1, {}}.problem(64) == "must be counted by axes where the first is not row 0");
    CHECK(RowView{0, {{0}}}.problem(64) == "must be counted by axes from 1");
    CHECK(RowView{0, {{1}, {1}, {1}, {1}}}.problem(64) == "must be counted by at most 3 axes");
    CHECK(RowView{~uint64_t(0), {{2}}}.problem(64) == "must lie within its 64 rows"); // no sum wraps
    CHECK(RowView{0, {{~uint64_t(0), ~uint64_t(0)}, {2}}}.problem(64) == "must lie within its 64 rows");
}
