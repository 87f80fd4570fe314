// SPDX-License-Identifier: Apache-2.0
// The ops of RWKV-7 in a schedule file: however a prompt is fed, and beside others, a sequence gives the same.
#include "io/safetensors_writer.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/sessions.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <catch2/catch_all.hpp>
#include <random>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// Keys and values of different sizes; a decay whose bias makes it last.
constexpr const char* kRwkv7 = R"({"weft_schedule": 2, "vocabulary": 4096, "width": 24,
    "streams": [{"name": "values"}],
    "blocks": {
        "norm": {"pre": {"kind": "layer", "bias": true}, "branches": [{"op": "identity"}], "base": "none"},
        "values": {"pre": {"kind": "layer"}, "write": "values", "base": "none",
                   "branches": [{"op": "shifted_mlp", "inner": 24, "activation": "none"}]},
        "first": {"read": ["x", "values"], "join": "columns", "branches": [{"op": "rwkv7", "heads": 3, "key_size": 12,
            "value_size": 8, "norm": {"kind": "layer"}, "decay": {"rank": 4, "up": {"bias": true}},
            "rate": {"rank": 5}, "gate": {"rank": 6}, "head_norm": {"kind": "layer", "bias": true}}]},
        "later": {"read": ["x", "values"], "join": "columns", "branches": [{"op": "rwkv7", "heads": 3, "key_size": 12,
            "value_size": 8, "value": {}, "value_gate": {"rank": 3, "up": {"bias": true}},
            "decay": {"rank": 4}, "rate": {"rank": 5}, "gate": {"rank": 6},
            "head_norm": {"kind": "layer", "bias": true}}]},
        "channel": {"pre": {"kind": "layer"}, "branches": [{"op": "shifted_mlp", "inner": 40, "out": {}}]}},
    "layers": [{"blocks": ["norm", "values", "first", "channel"]}, {"blocks": ["later", "channel"]}],
    "head": {"norm": {"kind": "layer"}}})";

std::shared_ptr<const LoadedModel> rwkv7_model() {
    const TemporaryDirectory folder;
    folder.write("config.json", kRwkv7);
    const auto schedule = schedule_from_json(Json::parse(kRwkv7), "config.json");
    INFO((schedule ? "" : schedule.error().text()));
    REQUIRE(schedule);
    const auto again = schedule_from_json(Json::parse(schedule_text(*schedule)), "again");
    REQUIRE(again);
    REQUIRE(schedule_text(*again) == schedule_text(*schedule));
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<std::vector<float>> values;
    std::vector<TensorView> tensors;
    for (const WeightSlot& slot : schedule->weights) {
        auto& own = values.emplace_back();
        for (uint64_t i = 0; i < slot.count(); ++i) own.push_back(normal(random) * (slot.matrix ? 0.3f : 1.0f));
    }
    for (size_t i = 0; i < values.size(); ++i) {
        const auto& shape = schedule->weights[i].shape;
        tensors.push_back({schedule->weights[i].name,
                           FileType::f32,
                           {shape.begin(), shape.end()},
                           std::as_bytes(std::span(values[i]))});
    }
    REQUIRE(write_safetensors(folder.path() / "model.safetensors", tensors));
    return load(folder.path());
}

// Roundings of different orders of summation; the logits are about 1.
constexpr double kRwkv7Tolerance = 2e-5;

} // namespace

TEST_CASE("rwkv7: a prompt in pieces of any size gives the same logits", "[schedule]") {
    const auto m = rwkv7_model();
    const auto ids = tokens(90, 5);
    const auto whole = make(m, 2, 128);
    const auto expected = last_logits(*whole, 0, ids);
    for (const uint32_t piece : {1u, 7u, 16u, 33u, 64u}) {
        INFO(piece);
        CHECK(largest_difference(last_logits(*make(m, 2, 128), 1, ids, piece), expected) < kRwkv7Tolerance);
    }
    const auto changed = [&] { // the first token is not forgotten
        auto other = ids;
        other[0] = other[0] == 3 ? 4 : 3;
        return other;
    }();
    CHECK(largest_difference(last_logits(*make(m, 2, 128), 0, changed), expected) > 10 * kRwkv7Tolerance);
}

TEST_CASE("rwkv7: packed sequences and forks equal each one alone", "[schedule]") {
    const auto m = rwkv7_model();
    const auto session = make(m, 3, 128);
    const auto a = tokens(37, 1), b = tokens(20, 9), more = tokens(11, 4);
    const Feed feeds[] = {{1, a, 0}, {0, b, 0}};
    REQUIRE(session->forward(feeds, Want::last));
    const auto both = session->logits();
    REQUIRE(both);
    const auto alone_a = last_logits(*make(m, 1, 128), 0, a), alone_b = last_logits(*make(m, 1, 128), 0, b);
    CHECK(largest_difference({both->begin(), both->begin() + 4096}, alone_a) < kRwkv7Tolerance);
    CHECK(largest_difference({both->begin() + 4096, both->end()}, alone_b) < kRwkv7Tolerance);
    REQUIRE(session->fork(1, 2));
    const auto forked = last_logits(*session, 2, more), origin = last_logits(*session, 1, more);
    CHECK(forked == origin);
    auto joined = a;
    joined.insert(joined.end(), more.begin(), more.end());
    CHECK(largest_difference(origin, last_logits(*make(m, 1, 128), 0, joined)) < kRwkv7Tolerance);
}

TEST_CASE("rwkv7: what a schedule must obey", "[schedule]") {
    const auto error = [](const char* from, const char* to) {
        std::string text = kRwkv7;
        const size_t at = text.find(from);
        REQUIRE(at != text.npos);
        text.replace(at, std::string_view(from).size(), to);
        const auto schedule = schedule_from_json(Json::parse(text), "config.json");
        if (!schedule) return schedule.error().text();
        const auto status = check_limits(*schedule, "config.json");
        return status ? std::string() : status.error().text();
    };
    using Catch::Matchers::ContainsSubstring;
    CHECK_THAT(error(R"("value_size": 8)", R"("value_size": 7)"), ContainsSubstring("fill the width of the model"));
    CHECK_THAT(error(R"("join": "columns", )", ""), ContainsSubstring("the first layer's values"));
    CHECK_THAT(error(R"("value": {}, )", ""), ContainsSubstring("be there with value, and only then"));
    CHECK_THAT(error(R"("head_norm": {"kind": "layer", "bias": true})", R"("head_norm": {"kind": "layer"})"),
               ContainsSubstring("with a weight and a bias"));
    CHECK_THAT(error(R"("inner": 24)", R"("inner": 25)"), ContainsSubstring("the width of the model without out"));
    CHECK_THAT(error(R"("key_size": 12)", R"("key_size": 129)"), ContainsSubstring("weft takes 1 to 128"));
}
