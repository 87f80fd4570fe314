// SPDX-License-Identifier: Apache-2.0
// What holding states costs: no copy, and the memory that inspect and budgets count.
#include "schedule/schedule_json.hpp"
#include "schedule/small_models.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// Of matrix states and convolutions alone.
std::shared_ptr<const LoadedModel> recurrent() {
    return random_model_of(R"({"weft_schedule": 2, "architecture": "small", "vocabulary": 96, "width": 32,
        "trained_context": 4096, "layers": [{"repeat": 2, "layers": [{"blocks": ["d"]}]}],
        "blocks": {"d": {"pre": {}, "branches": [{"op": "mamba2", "heads": 4, "head_size": 16, "state_size": 8}]}},
        "head": {"norm": {}, "linear": {"weight": "embedding.table"}}})");
}

// Recurrent layers over tokens, of which 95 stands for patches that recurrent layers have seen.
std::shared_ptr<const LoadedModel> seeing() {
    return random_model_of(R"({"weft_schedule": 2, "vocabulary": 96, "stages": [
        {"name": "tower", "width": 16, "when": "given", "rows": {"of": "patches"},
         "first": [{"read": [], "base": "none", "branches": [{"op": "patch", "channels": 1, "patch": 2}]}],
         "layers": [{"blocks": [{"pre": {}, "branches": [{"op": "mamba"}]}]}],
         "last": [{"base": "none", "branches": [{"op": "keep", "memory": "pictures"}]}]},
        {"name": "decoder", "width": 16, "rows": {"placeholder": 95},
         "first": [{"read": [], "base": "none", "branches": [{"op": "embed"}]},
                   {"base": "none", "branches": [{"op": "place", "memory": "pictures"}]}],
         "layers": [{"blocks": [{"pre": {}, "branches": [{"op": "mamba"}]},
                                {"pre": {}, "branches": [{"op": "attention", "heads": 2}]}]}]},
        {"name": "head", "width": 16, "rows": {"of": "wanted", "from": "decoder"},
         "streams": [{"name": "logits", "width": 96}],
         "last": [{"write": "logits", "base": "none", "branches": [{"op": "linear"}]}]}],
        "outputs": [{"name": "logits", "stage": "head", "stream": "logits"}]})");
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
    const auto bytes = [](const std::shared_ptr<const LoadedModel>& model, uint32_t held) {
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

TEST_CASE("a tower that runs between steps leaves states and holds as they are", "[schedule]") {
    const auto model = seeing();
    const std::vector<uint32_t> text{5, 9, 33}, seen{95, 95, 95, 95, 11}, other{60, 2};
    std::vector<float> picture(16);
    for (size_t i = 0; i < picture.size(); ++i) picture[i] = float(i % 5) - 2;
    const auto show = [&](Session& s, const std::vector<uint32_t>& slots) {
        std::vector<Feed> feeds;
        for (const uint32_t slot : slots) feeds.push_back({.slot = slot, .picture = {picture, 4, 4}});
        const auto status = s.encode(feeds);
        INFO((status ? "" : status.error().text()));
        REQUIRE(bool(status));
    };
    auto fresh = make(model, 1, 16, 64);
    last_logits(*fresh, 0, text);
    const auto without = last_logits(*fresh, 0, other);
    fresh->reset(0);
    show(*fresh, {0});
    last_logits(*fresh, 0, text);
    const auto with = last_logits(*fresh, 0, seen);

    auto s = make(model, 2, 16, 64, 2);
    last_logits(*s, 0, text);
    const auto held = s->hold(0);
    REQUIRE(held);
    REQUIRE(s->fork(0, 1));
    show(*s, {0, 1});
    CHECK(last_logits(*s, 0, seen) == with);
    REQUIRE(s->restore(0, *held));
    CHECK(last_logits(*s, 0, other) == without);
    CHECK(last_logits(*s, 1, seen) == with);
    // Held between a picture and its tokens: the rows that they stand for come back with it.
    REQUIRE(s->restore(0, *held));
    show(*s, {0});
    const auto shown = s->hold(0);
    REQUIRE(shown);
    CHECK(last_logits(*s, 0, seen) == with);
    for (float& value : picture) value = -value;
    show(*s, {0});
    CHECK(last_logits(*s, 0, seen) != with);
    REQUIRE(s->restore(0, *shown));
    CHECK(last_logits(*s, 0, seen) == with);
    require_no_validation_messages();
}
