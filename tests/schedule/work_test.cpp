// SPDX-License-Identifier: Apache-2.0
// The least work of a step, counted by hand.
#include "schedule/schedule_json.hpp"
#include "schedule/work.hpp"
#include <catch2/catch_all.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

// One block in a model of width 32 and vocabulary 100, without norms.
Schedule with(const std::string& branch, int layers = 1) {
    auto json = parse_json(R"({"weft_schedule": 2, "vocabulary": 100, "width": 32, "blocks": {"only": {"branches": [)" +
                               branch + R"(]}}, "layers": [{"repeat": )" + std::to_string(layers) +
                               R"(, "blocks": ["only"]}], "head": {}})",
                           "work.json");
    REQUIRE(json);
    auto schedule = schedule_from_json(*json, "work.json");
    INFO((schedule ? "" : schedule.error().text()));
    REQUIRE(schedule);
    return std::move(*schedule);
}

// Matrices in halves, the rest in floats.
Work counted(const Schedule& s, WorkStep step) {
    std::vector<uint64_t> bytes;
    for (const WeightSlot& slot : s.weights) bytes.push_back(slot.count() * (slot.matrix ? 2 : 4));
    step.kv = DType::f16;
    return work_of(s, bytes, step);
}

constexpr uint64_t kRow = 32 * 2, kHeadMacs = 100 * kRow; // bytes of a row of the embedding, of the head

} // namespace

TEST_CASE("work: attention and its cache", "[work]") {
    // q 4 x 8, k and v 2 x 8 each, out: (32 + 16 + 16 + 32) rows of 32.
    const uint64_t matrices = 96 * 32;
    const auto full = with(R"({"op": "attention", "heads": 4, "kv_heads": 2})", 3);
    // Two sequences of three tokens behind ten: each query sees 11, 12 and 13 keys.
    const Work w = counted(full, {2, 10, 3, true});
    CHECK(w.bytes == 6 * kRow + 3 * (matrices * 2 + 2 * (13 + 3) * 2 * 16 * 2) + kHeadMacs);
    CHECK(w.operations == 3 * (2 * 6 * matrices + 2 * 2 * 36 * 4 * 16) + 2 * 2 * 100 * 32);
    CHECK(counted(full, {2, 10, 3, false}).bytes == w.bytes - kHeadMacs);

    const auto window = with(R"({"op": "attention", "heads": 4, "kv_heads": 2, "window": 4})");
    CHECK(counted(window, {1, 10, 3, false}).operations == 2 * 3 * matrices + 2 * 12 * 4 * 16);
    // Keys 7 to 12 are read.
    CHECK(counted(window, {1, 10, 3, false}).bytes == 3 * kRow + matrices * 2 + (6 + 3) * 2 * 16 * 2);
    CHECK(counted(window, {1, 0, 1, false}).bytes == kRow + matrices * 2 + (1 + 1) * 2 * 16 * 2);
    const auto chunks = with(R"({"op": "attention", "heads": 4, "kv_heads": 2, "chunk": 8})");
    CHECK(counted(chunks, {1, 10, 3, false}).operations == 2 * 3 * matrices + 2 * (3 + 4 + 5) * 4 * 16);
}

TEST_CASE("work: experts are counted as chosen", "[work]") {
    const auto s = with(R"({"op": "moe", "experts": 8, "chosen": 2, "inner": 16})");
    const uint64_t expert = 3 * 16 * 32, router = 8 * 32;
    const Work one = counted(s, {1, 5, 1, false}), many = counted(s, {1, 5, 20, false});
    CHECK(one.bytes == kRow + 2 * (2 * expert + router));
    CHECK(one.operations == 2 * (2 * expert + router));
    CHECK(many.bytes == 20 * kRow + 2 * (8 * expert + router));
    CHECK(many.operations == 20 * one.operations);
}

TEST_CASE("work: a recurrent state is read and written once a step", "[work]") {
    const auto s = with(R"({"op": "mamba2", "heads": 2, "head_size": 16, "state_size": 8})");
    const Work first = counted(s, {1, 0, 7, false}), later = counted(s, {1, 7, 7, false}),
               step = counted(s, {1, 7, 1, false});
    uint64_t state = 0;
    for (const auto& spec : layouts_of(s.states, {64, 16, DType::f16})) state += spec.bytes();
    CHECK(state >= 2 * 16 * 8 * 4);
    CHECK(later.bytes - first.bytes == state);
    CHECK(later.bytes - step.bytes == 6 * kRow);
    CHECK(later.operations == 7 * step.operations);
}

TEST_CASE("work: an encoder's memory is read by each step, whatever the past", "[work]") {
    auto json = parse_json(R"({"weft_schedule": 2, "vocabulary": 50, "stages": [
        {"name": "encoder", "when": "once", "width": 16,
         "first": [{"read": [], "base": "none", "branches": [{"op": "embed"}]}],
         "last": [{"base": "none", "branches": [{"op": "memory", "memory": "source", "heads": 2, "head_size": 8}]}]},
        {"name": "decoder", "width": 16, "rows": {"input": "answer"},
         "first": [{"read": [], "base": "none", "branches": [{"op": "embed", "input": "answer"}]}],
         "layers": [{"blocks": [{"branches": [{"op": "cross_attention", "heads": 2, "memory": "source"}]}]}]}],
        "outputs": [{"name": "rows", "stage": "decoder"}]})",
                           "work.json");
    REQUIRE(json);
    const auto s = schedule_from_json(*json, "work.json");
    INFO((s ? "" : s.error().text()));
    REQUIRE(s);
    // k and v of 16 each of every token, from a matrix of 32 rows.
    const Work encoder = counted(*s, {.sequences = 2, .count = 7, .before = true});
    CHECK(encoder.operations == 2 * 14 * 32 * 16);
    CHECK(encoder.bytes == 14 * 16 * 2 + 32 * 16 * 2 + 14 * 32 * 2);
    const auto step = [&](uint64_t past, uint64_t memory) {
        return counted(*s, {.sequences = 2, .past = past, .memory = memory});
    };
    CHECK(step(3, 7).operations == step(30, 7).operations);
    CHECK(step(3, 7).operations - step(3, 0).operations == 2 * 2 * 7 * 32);
    CHECK(step(3, 7).bytes - step(3, 0).bytes == 2 * 7 * 32 * 2);
}

TEST_CASE("work: pictures are counted by the rows of each stage, and windows by their own", "[work]") {
    const auto tower = [](const std::string& view) {
        auto json = parse_json(R"({"weft_schedule": 2, "stages": [
            {"name": "tower", "width": 16, "rows": {"of": "patches"}, "views": [{"name": "windows", "window": 4}],
             "first": [{"read": [], "base": "none", "branches": [{"op": "patch", "channels": 2, "patch": 3}]}],
             "layers": [{"blocks": [{"view": ")" +
                                   view + R"(", "branches": [{"op": "attention", "heads": 2,
                        "causal": false}]}]}]},
            {"name": "merged", "width": 64, "rows": {"of": "merged", "from": "tower"},
             "first": [{"read": [], "base": "none", "branches": [{"op": "merge"}]}],
             "layers": [{"blocks": [{"branches": [{"op": "mlp", "inner": 32, "gated": false}]}]}]}],
            "outputs": [{"name": "rows", "stage": "merged"}]})",
                               "work.json");
        REQUIRE(json);
        auto schedule = schedule_from_json(*json, "work.json");
        INFO((schedule ? "" : schedule.error().text()));
        REQUIRE(schedule);
        return std::move(*schedule);
    };
    // 8 x 8 patches of 18 numbers; q, k, v and out of 16 x 16; 16 merged rows through 64 -> 32 -> 64.
    const uint64_t products = 2 * (64 * 18 * 16 + 64 * 4 * 16 * 16 + 16 * 2 * 64 * 32);
    const Work whole = counted(tower("same"), {.count = 64}), windows = counted(tower("windows"), {.count = 64});
    CHECK(whole.operations == products + 2 * 64 * 64 * 32);
    CHECK(windows.operations == products + 2 * 64 * 16 * 32);
    CHECK(whole.bytes == windows.bytes);
}
