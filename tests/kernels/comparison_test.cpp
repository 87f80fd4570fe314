// SPDX-License-Identifier: Apache-2.0
// What compares a case with its reference must see what is wrong, or no test of a kernel can fail.
#include "reference/comparison.hpp"
#include <catch2/catch_all.hpp>
#include <cmath>

using namespace weft::reference;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string faults(const Comparison& verdict) {
    std::string all;
    for (const std::string& fault : verdict.faults()) all += fault + "\n";
    return all;
}

std::string close(std::vector<float> got, std::vector<Expected> expected) {
    Comparison verdict;
    verdict.close(got, expected, "y");
    return faults(verdict);
}

} // namespace

TEST_CASE("a comparison: what is close", "[kernels]") {
    CHECK(close({}, {}).empty());
    CHECK(close({1, 2.5f, INFINITY, NAN}, {{1, 0}, {2, 0.5}, {INFINITY, 0}, kUntouched}).empty());
    CHECK(close({1, 7}, {{1, 0}}).empty()); // what lies behind is no case of ours
    Comparison verdict;
    verdict.close(std::vector<float>{1.25f}, std::vector<Expected>{{1, 1}}, "y");
    verdict.close(std::vector<float>{1}, std::vector<Expected>{{1, 1}}, "y");
    CHECK(verdict.worst() == 0.25);
}

TEST_CASE("a comparison: what is not", "[kernels]") {
    CHECK_THAT(close({1, 2, 4}, {{1, 0}, {1, 0.5}, {3, 0.25}}),
               ContainsSubstring("y: 2 of 3 are off, most at 2: got 4, expected 3, tolerance 0.25"));
    CHECK_THAT(close({1}, {{1 + 1e-6, 0}}), ContainsSubstring("1 of 1 are off"));
    CHECK_THAT(close({NAN}, {{1, 1e30}}), ContainsSubstring("got nan, expected 1"));
    CHECK_THAT(close({NAN}, {{NAN, 1}}), ContainsSubstring("got nan, expected nan"));
    CHECK_THAT(close({INFINITY}, {{1, 1e30}}), ContainsSubstring("got inf, expected 1"));
    CHECK_THAT(close({1}, {{INFINITY, 0}}), ContainsSubstring("got 1, expected inf"));
    CHECK_THAT(close({0, 3}, {kUntouched, kUntouched}),
               ContainsSubstring("2 of 2 were written") && ContainsSubstring("first at 0: got 0"));
    CHECK_THAT(close({1}, {{1, 0}, {2, 0}}), ContainsSubstring("there are 1 numbers instead of 2"));
}

TEST_CASE("a comparison: words, counts and rules", "[kernels]") {
    Comparison right, wrong;
    right.same({1, 2}, {1, 2}, "ids");
    right.none(0, "rows");
    right.that(true, "no");
    CHECK(right.faults().empty());
    wrong.same({1, 2}, {1, 3}, "ids");
    wrong.same({1}, {1, 3}, "ids");
    wrong.none(4, "rows were written");
    wrong.that(false, "the mean is off");
    CHECK(faults(wrong) == "ids: the first wrong word is at 1: got 2, expected 3\n"
                           "ids: there are 1 words instead of 2\n4 rows were written\nthe mean is off\n");
}
