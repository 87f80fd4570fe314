// SPDX-License-Identifier: Apache-2.0
// What holding states costs: no copy, and the memory that inspect and budgets count.
#include "schedule/schedule_json.hpp"
#include "schedule/small_models.hpp"

using namespace weft;
using namespace weft::test;

namespace {

// Of matrix states and convolutions alone.
std::shared_ptr<const Model> recurrent() {
    return random_model_of(
        R"({"weft_schedule": 2, "architecture": "small", "vocabulary": 96, "width": 32, "trained_context": 4096, )"
        R"("blocks": {"d": {"pre": {}, "branches": [{"op": "mamba2", "heads": 4, "head_size": 16, "state_size": 8}]}}, )"
        R"("layers": [{"repeat": 2, "layers": [{"blocks": ["d"]}]}], "head": {"norm": {}, "linear": {"weight": "embedding.table"}}})");
}

} // namespace

TEST_CASE("holding and restoring a model of recurrent layers alone submits nothing", "[schedule]") {
    const auto model = recurrent();
    auto s = make(model, 1, 16, 64, 2);
    last_logits(*s, 0, ids(20, 1));
    const uint64_t before = s->submissions();
    {
        const auto held = s->hold(0);
        REQUIRE(held);
        REQUIRE(s->restore(0, *held));
    }
    CHECK(s->submissions() == before);
    REQUIRE(s->snapshot(0)); // a copy is seen
    CHECK(s->submissions() > before);
    require_no_validation_messages();
}

TEST_CASE("room for held states is allocated with the session, of the recurrent ones alone", "[schedule]") {
    const auto bytes = [](const std::shared_ptr<const Model>& model, uint32_t held) {
        return make(model, 1, 16, 64, held)->state_bytes();
    };
    const auto model = recurrent();
    uint64_t row = 0;
    for (const StateLayout& state : layouts_of(model->schedule.states, {64, 16, DType::f32})) row += state.bytes();
    CHECK(bytes(model, 8) >= bytes(model, 0) + 8 * row);
    const auto attention = attention_model(R"("rope": {"theta": 10000})");
    CHECK(bytes(attention, 8) == bytes(attention, 0));

    auto device = vk::Device::create({.memory_limit = uint64_t(32) << 20});
    if (!device) no_device(device.error());
    const auto limited = random_model_of(schedule_text(model->schedule), **device);
    const auto refused = Session::create(limited, {.context = 64, .held = 100'000});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("100000 held states") != std::string::npos);
}

TEST_CASE("a hold may outlive its session, and fits no other one", "[schedule]") {
    const auto model = recurrent();
    auto s = make(model, 1, 16, 64, 1);
    last_logits(*s, 0, ids(20, 1));
    auto held = s->hold(0);
    REQUIRE(held);
    s = make(model, 1, 16, 64, 1);
    CHECK_FALSE(s->restore(0, *held));
}
