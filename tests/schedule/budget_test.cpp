// SPDX-License-Identifier: Apache-2.0
// Contexts and the memory budget: what fits runs, and what does not is told with the longest context that does.
#include "schedule/small_models.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

constexpr uint32_t kChunk = 256;

SessionOptions options(uint32_t context) { return {.context = context, .max_chunk = kChunk}; }

// The context that an error says would fit.
uint32_t told(const Error& error) {
    const std::string text = error.text(), before = "a context of ", after = " tokens would fit";
    const size_t end = text.find(after);
    INFO(text);
    REQUIRE(end != text.npos);
    const size_t begin = text.rfind(before, end);
    REQUIRE(begin != text.npos);
    return uint32_t(std::stoul(text.substr(begin + before.size(), end)));
}

} // namespace

TEST_CASE("the longest context that is told fits with histories and activations, and no longer one", "[schedule]") {
    // Few bytes of states a token, so that the history of tokens is a large share; and wide activations.
    const std::string schedule = attention_schedule(R"("head_size": 4, "rope": {"theta": 10000})", 8192);
    for (const uint64_t limit : {uint64_t(96) << 20, uint64_t(113) << 20}) {
        INFO("limit " << limit);
        auto device = vk::Device::create({.memory_limit = limit});
        if (!device) no_device(device.error());
        const auto model = random_model_of(schedule, **device);
        const auto refused = Session::create(model, options(100'000'000));
        REQUIRE_FALSE(refused);
        const uint32_t longest = told(refused.error());
        REQUIRE(longest > 100'000);
        const auto longer = Session::create(model, options(longest + 1));
        REQUIRE_FALSE(longer);
        CHECK(told(longer.error()) == longest);

        auto s = Session::create(model, options(longest));
        INFO((s ? "" : s.error().text()));
        REQUIRE(s);
        last_logits(**s, 0, ids(kChunk, 1)); // the largest recording
        decoded(**s, 0, 4);
        CHECK((*device)->bytes_used() <= limit);
    }
}

TEST_CASE("a context is filled to its last token, by prompts and by decoding", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000})");
    const auto prompt = ids(64, 1);
    auto large = make(model, 1, 16, 128), exact = make(model, 1, 16, 64);
    CHECK(last_logits(*exact, 0, prompt) == last_logits(*large, 0, prompt));
    CHECK(exact->length(0) == 64);
    const uint32_t slot = 0;
    std::vector<std::vector<uint32_t>> out;
    CHECK_FALSE(exact->decode({&slot, 1}, 1, out));
    for (Session* s : {large.get(), exact.get()}) {
        s->reset(0);
        last_logits(*s, 0, std::span(prompt).first(40));
    }
    CHECK_FALSE(exact->decode({&slot, 1}, 25, out));
    CHECK(decoded(*exact, 0, 24) == decoded(*large, 0, 24));
    CHECK(exact->length(0) == 64);
    require_no_validation_messages();
}
