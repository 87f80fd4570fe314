// SPDX-License-Identifier: Apache-2.0
// CSV files as time series.
#include "unit/temporary_directory.hpp"
#include <catch2/catch_all.hpp>
#include <cmath>
#include <weft/series.hpp>

using namespace weft;
using Catch::Matchers::ContainsSubstring;

namespace {

using Names = std::vector<std::string>;
using Values = std::vector<float>;

Series csv_series(std::string_view text) {
    auto series = Series::parse(text, "a.csv");
    if (!series) FAIL(series.error().text());
    return std::move(*series);
}

std::string csv_fault(std::string_view text) {
    const auto series = Series::parse(text, "a.csv");
    REQUIRE_FALSE(series);
    CHECK(series.error().code == ErrorCode::malformed);
    CHECK(series.error().message.starts_with("a.csv: "));
    return series.error().message.substr(7);
}

} // namespace

TEST_CASE("a series is read from CSV of every kind") {
    struct Row {
        const char* text;
        Names channels;
        Values values;
        bool header = true;
        char delimiter = ',';
    };
    for (const Row& row : std::initializer_list<Row>{
             {"a,b\n1,2\n3,4\n", {"a", "b"}, {1, 2, 3, 4}},
             {"1,2\n3,4", {"1", "2"}, {1, 2, 3, 4}, false},
             {"\xef\xbb\xbf"
              "a;b\r\n1.5;-2e3\r\n",
              {"a", "b"},
              {1.5f, -2000},
              true,
              ';'},
             {"date\ta\n2016-07-01 00:00:00\t1\n2016-07-01 01:00:00\t+2\n", {"a"}, {1, 2}, true, '\t'},
             {"2016-07-01,1,2\n2016-07-02,3,4\n", {"1", "2"}, {1, 2, 3, 4}, false},
             {"Timestamp,a\n1467331200,1\n1467334800,2\n", {"a"}, {1, 2}},
             {"\"x, \"\"y\"\"\" , b\n 1 , 2 \n", {"x, \"y\"", "b"}, {1, 2}},
             {"7\n8\n\n9\n", {"1"}, {7, 8, 9}, false},
             {"a\n7\n", {"a"}, {7}},
             {"a,b\n\"1\",1e-60\n", {"a", "b"}, {1, 0}},
             {"\n\na,b\n1,2\n", {"a", "b"}, {1, 2}}}) {
        INFO(row.text);
        const Series series = csv_series(row.text);
        CHECK(series.channels == row.channels);
        CHECK(series.values == row.values);
        CHECK(series.rows() == row.values.size() / row.channels.size());
        CHECK(series.header == row.header);
        CHECK(series.delimiter == row.delimiter);
    }
}

TEST_CASE("values of a series may be missing") {
    const Series series = csv_series("a,b,c\n1,,NA\nNaN,null,n/a\n,2,3\n");
    REQUIRE(series.values.size() == 9);
    for (size_t i = 0; i < 9; ++i) CHECK(std::isnan(series.values[i]) == (i != 0 && i < 7));
    CHECK(csv_series("a\tb\n\t\n1\t2\n").rows() == 2);
}

TEST_CASE("a series that is none is refused by line and column") {
    CHECK(csv_fault("") == "has no lines");
    CHECK(csv_fault("\n  \n") == "has no lines");
    CHECK(csv_fault("a,b\n") == "has a header and no values");
    CHECK(csv_fault("a,b\n1,2\n1,x\n") == "line 3, column 2 (b): 'x' is no number");
    CHECK(csv_fault("1,2\n3,0x4\n") == "line 2, column 2: '0x4' is no number");
    CHECK(csv_fault("date,a\nmonday,1\ntuesday,1;5\n") == "line 3, column 2 (a): '1;5' is no number");
    CHECK(csv_fault("a;b\n1,5;2\n") == "line 2, column 1 (a): '1,5' is no number: decimals stand behind a point");
    CHECK(csv_fault("a,b\n1,1e39\n") == "line 2, column 2 (b): '1e39' is no number that 32 bits hold");
    CHECK(csv_fault("a,b\n1,inf\n") == "line 2, column 2 (b): 'inf' is no number that 32 bits hold");
    CHECK(csv_fault("a,b\n1,2\n1\n") == "line 3 has 1 columns, the first has 2");
    CHECK(csv_fault("a,b\n1,2,3\n") == "line 2 has 3 columns, the first has 2");
    CHECK(csv_fault("a,\"b\n1,2\n") == "line 1 has a quotation mark that is not closed");
    CHECK(csv_fault("a,\"b\"c\n1,2\n") == "line 1 has text behind a quotation mark");
    CHECK_THAT(Series::load("/nowhere/a.csv").error().message, ContainsSubstring("/nowhere/a.csv"));
}

TEST_CASE("a forecast is written as the file was") {
    const auto round = [](const char* text) {
        const Series series = csv_series(text);
        return series.csv(series.values);
    };
    for (const char* text :
         {"a,b\n1,2\n0.1,-3e+20\n", "a;b\n1;2\n", "1,2\n,3\n", "\"x,y\",\"b \"\"c\"\"\"\n1,2\n", "a\tb\n1\t2\n"}) {
        INFO(text);
        CHECK(round(text) == text);
    }
    CHECK(round("date,a\nmonday,1\n") == "a\n1\n");
    const weft::test::TemporaryDirectory folder;
    const auto path = folder.write("s.csv", "a,b\n1,2\n");
    const auto loaded = Series::load(path);
    REQUIRE(loaded);
    CHECK(loaded->name == path.string());
    CHECK(loaded->values == Values{1, 2});
}
