// SPDX-License-Identifier: Apache-2.0
// Time series in schedules: what is written, read and refused. What they compute is recorded (tests/goldens).
#include "schedule/schedule_text.hpp"
#include "schedule/small_models.hpp"
#include <set>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

Json forecasting() {
    return json_of(R"({"weft_schedule": 2, "stages": [
        {"name": "encoder", "width": 16, "rows": {"of": "patches", "input": "past_values"},
         "views": [{"name": "v", "window": 1, "window_across": 4}],
         "first": [{"read": [], "base": "none", "branches": [
             {"op": "series", "channels": 3, "length": 21, "patch": 6, "stride": 5}]}],
         "layers": [{"blocks": [{"view": "v", "branches": [{"op": "attention", "heads": 2, "causal": false}]}]}]},
        {"name": "head", "width": 16, "rows": {"of": "merged", "from": "encoder", "down": 1, "across": 4},
         "streams": [{"name": "scaled", "width": 5}, {"name": "prediction", "width": 5}],
         "first": [{"read": [], "base": "none", "branches": [{"op": "merge", "mean": true}]},
                   {"write": "scaled", "base": "none", "branches": [{"op": "linear"}]},
                   {"read": ["scaled"], "write": "prediction", "base": "none", "branches": [{"op": "unscale"}]}]}],
        "outputs": [{"name": "prediction", "stage": "head", "stream": "prediction"}]})");
}

Json& series_op(Json& schedule) { return schedule["stages"][0]["first"][0]["branches"][0]; }

} // namespace

TEST_CASE("schedules of series are written and read, and told apart", "[schedule]") {
    std::set<uint64_t> hashes;
    const auto add = [&](const std::function<void(Json&)>& edit) {
        Json json = forecasting();
        edit(json);
        hashes.insert(hash_of(require_round_trip(json)));
    };
    add([](Json&) {});
    add([](Json& j) { series_op(j)["scaling"] = "mean"; });
    add([](Json& j) { series_op(j)["least"] = 0.5; });
    add([](Json& j) { series_op(j)["apart"] = true; });
    add([](Json& j) { series_op(j)["positions"] = false; });
    add([](Json& j) { series_op(j)["length"] = 25; }); // all but the last two begin as many patches
    add([](Json& j) { j["stages"][1]["first"][2]["branches"][0]["scaling"] = "none"; });
    add([](Json& j) { j["stages"][0]["views"][0]["window"] = 3; });
    add([](Json& j) { j["stages"][0]["views"][0]["window_across"] = 2; });
    CHECK(hashes.size() == 9);
}

TEST_CASE("schedules of series are refused where sizes do not fit, or nothing is a series", "[schedule]") {
    const auto refused = [](const std::function<void(Json&)>& edit) { return refusal_of(forecasting(), edit); };
    CHECK(refused([](Json& j) { series_op(j)["length"] = 5; }).find("length' must be at least a patch") !=
          std::string::npos);
    CHECK(refused([](Json& j) { series_op(j)["stride"] = 0; }).find("stride'") != std::string::npos);
    CHECK(refused([](Json& j) {
              series_op(j) = {{"op", "patch"}, {"channels", 1}, {"patch", 2}, {"input", "past_values"}};
          }).ends_with("stage 'head' is scaled back, and its rows are not the channels of a series"));
    CHECK(refused([](Json& j) {
              series_op(j) = {{"op", "patch"}, {"channels", 2}, {"patch", 1}, {"layout", "series"}};
          }).find("layout' must not be series, which the op of that name reads") != std::string::npos);
    CHECK(refused([](Json& j) { j["stages"][1]["first"][2]["branches"][0]["least"] = -1; }).find("least' must") !=
          std::string::npos);
}
