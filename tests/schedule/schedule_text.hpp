// SPDX-License-Identifier: Apache-2.0
// Schedules from texts: what is read, written, and refused.
#pragma once
#include "schedule/schedule_json.hpp"
#include "schedule/weight_order.hpp"
#include <catch2/catch_test_macros.hpp>
#include <functional>

namespace weft::test {
using namespace detail;

inline Json json_of(std::string_view text) {
    auto json = parse_json(text, "a.json");
    INFO((json ? "" : json.error().text()));
    REQUIRE(bool(json));
    return *json;
}

inline Schedule read_schedule(const Json& json) {
    auto schedule = schedule_from_json(json, "a.json");
    INFO((schedule ? "" : schedule.error().text()));
    REQUIRE(bool(schedule));
    return std::move(*schedule);
}

/// Written and read back nothing of it changes.
inline Schedule require_round_trip(const Json& json) {
    Schedule first = read_schedule(json);
    const Schedule second = read_schedule(json_of(schedule_text(first)));
    CHECK(schedule_text(second) == schedule_text(first));
    CHECK(hash_of(second) == hash_of(first));
    return first;
}

/// The message with which it is refused after `edit`.
inline std::string refusal_of(Json json, const std::function<void(Json&)>& edit) {
    edit(json);
    const auto schedule = schedule_from_json(json, "a.json");
    return schedule ? std::string("taken") : schedule.error().message;
}

} // namespace weft::test
