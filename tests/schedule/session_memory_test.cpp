// SPDX-License-Identifier: Apache-2.0
// What a session keeps from one forward to the next, and what it must not: histories, logits of other recordings,
// the longest length that a ring has seen.
#include "schedule/decoder.hpp"
#include "schedule/small_models.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

std::vector<float> all_logits(Session& s, std::span<const uint32_t> fed, bool taps = false) {
    const Feed feed{0, fed, 0};
    const auto status = s.forward({&feed, 1}, Want::all, 0, taps);
    INFO((status ? "" : status.error().text()));
    REQUIRE(status);
    auto l = s.logits();
    REQUIRE(l);
    return *l;
}

} // namespace

TEST_CASE("the repeat penalty sees this sequence's tokens alone, whatever the slot held before", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000})");
    kernel::SamplerRow row;
    row.flags = kernel::SamplerRow::kGreedy;
    row.repeat_penalty = 1e6f; // any token that was there is out
    // In chunks of 16, so that some prompts end in a step of one token.
    for (const uint32_t length : {1u, 2u, 16u, 17u, 33u}) {
        INFO("length " << length);
        const auto fed = ids(length, 7);
        const auto choose = [&](const std::vector<uint32_t>& before) {
            auto s = make(model, 1, 16, 64);
            s->set_sampler(0, row);
            if (!before.empty()) last_logits(*s, 0, before);
            s->reset(0);
            last_logits(*s, 0, fed);
            return s->next_token(0);
        };
        const uint32_t chosen = choose({});
        CHECK(std::find(fed.begin(), fed.end(), chosen) == fed.end());
        CHECK(choose(std::vector<uint32_t>(64, chosen)) == chosen); // that was another sequence
    }
    require_no_validation_messages();
}

TEST_CASE("logits and taps are those of the last forward, also after a larger one", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000})");
    auto s = make(model, 1, 128, 256);
    const auto few = ids(9, 1), many = ids(100, 2);
    for (const bool taps : {false, true}) {
        s->reset(0);
        const auto first = all_logits(*s, few, taps);
        s->reset(0);
        const auto large = all_logits(*s, many, taps);
        s->reset(0);
        CHECK(all_logits(*s, few, taps) == first);
        if (taps) CHECK(s->tap(kDecoder, 0)->size() == few.size() * 32);
        s->reset(0);
        CHECK(all_logits(*s, many, taps) == large);
    }
    CHECK_FALSE(s->tap(kDecoder, 99));
    auto fresh = make(model, 1);
    CHECK_FALSE(fresh->logits());
    require_no_validation_messages();
}

TEST_CASE("truncate: a window goes back as far as its ring remembers, and no further", "[schedule]") {
    const auto model = attention_model(R"("window": 8, "rope": {"theta": 10000})");
    const auto prompt = ids(60, 3), other = ids(60, 4);
    // The logits of what follows, or none if a cut was refused.
    const auto after_cuts = [&](std::vector<uint32_t> lengths) {
        auto s = make(model, 1, 4, 64);
        last_logits(*s, 0, std::span(prompt).first(40));
        for (const uint32_t length : lengths)
            if (const auto cut = s->truncate(0, length); !cut) {
                CHECK(cut.error().message.find("sliding window") != std::string::npos);
                return std::vector<float>();
            }
        return last_logits(*s, 0, std::span(other).first(9));
    };
    const auto expected = [&](uint32_t length) {
        auto s = make(model, 1, 4, 64);
        last_logits(*s, 0, std::span(prompt).first(length));
        return last_logits(*s, 0, std::span(other).first(9));
    };
    for (const uint32_t cut : {1u, 2u, 3u, 4u}) {
        INFO("cut " << cut);
        const auto got = after_cuts({40 - cut});
        REQUIRE_FALSE(got.empty());
        CHECK(largest_difference(got, expected(40 - cut)) <= 1e-5);
    }
    for (const uint32_t cut : {5u, 7u, 8u, 30u}) CHECK(after_cuts({40 - cut}).empty());
    CHECK_FALSE(after_cuts({38, 36}).empty());
    CHECK(after_cuts({38, 36, 34}).empty()); // small cuts add up
    auto s = make(model, 1, 4, 64);
    CHECK_FALSE(s->truncate(1, 0));
    // What never filled the ring can be cut anywhere.
    last_logits(*s, 0, std::span(prompt).first(11));
    REQUIRE(s->truncate(0, 2));
    CHECK(largest_difference(last_logits(*s, 0, std::span(other).first(9)), expected(2)) <= 1e-5);
}

TEST_CASE("a restored snapshot computes positions for its own length, not for what came after it", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000, "ntk": 4, "original": 16})");
    const auto prompt = ids(40, 3);
    const uint32_t slot = 0;
    std::vector<std::vector<uint32_t>> out;
    const auto go_on = [&](Session& s) {
        REQUIRE(s.decode({&slot, 1}, 4, out));
        return *s.logits();
    };
    auto s = make(model, 1, 16, 64);
    last_logits(*s, 0, std::span(prompt).first(8));
    const auto snapshot = s->snapshot(0);
    REQUIRE(snapshot);
    const auto expected = go_on(*s);
    REQUIRE(s->restore(0, *snapshot));
    last_logits(*s, 0, std::span(prompt).subspan(8)); // beyond the original length
    REQUIRE(s->restore(0, *snapshot));
    CHECK(go_on(*s) == expected);
}

TEST_CASE("decode waits for a forward that was begun", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000})");
    auto s = make(model, 2, 16, 64);
    const auto prompt = ids(16, 1);
    last_logits(*s, 0, prompt);
    const Feed feed{1, prompt, 0};
    REQUIRE(s->begin({&feed, 1}, Want::last));
    const uint32_t slot = 0;
    std::vector<std::vector<uint32_t>> out;
    CHECK(s->decode({&slot, 1}, 1, out).error().message.find("advance()") != std::string::npos);
    while (!*s->advance(1e9)) {
    }
    CHECK(s->decode({&slot, 1}, 1, out));
}

TEST_CASE("caches wider than a buffer may be bound are served in ranges of slots", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000})");
    const uint64_t range = gpu().limits().storage_range;
    // Three slots need a little less than 1.1 of the range, four 1.4.
    const auto context = uint32_t(range / 3 / (2 * 8 * 4) / 64 * 64 + 64);
    if (gpu().limits().allocation < range / 2 * 3 || range > (uint64_t(1) << 28))
        SKIP("a device with small buffers and large allocations is needed");
    auto wide = make(model, 4, 16, context), narrow = make(model, 4, 16, 64);
    const auto prompt = ids(20, 3);
    for (const uint32_t slot : {0u, 2u, 3u}) {
        const auto expected = last_logits(*narrow, slot, prompt);
        CHECK(largest_difference(last_logits(*wide, slot, prompt), expected) <= 1e-5);
    }
    const uint32_t slots[] = {0, 2, 3};
    std::vector<std::vector<uint32_t>> a, b;
    REQUIRE(narrow->decode(slots, 6, a));
    REQUIRE(wide->decode(slots, 6, b));
    CHECK(a == b);
    require_no_validation_messages();
}

TEST_CASE("a piece larger than the blocks that small ones share has one of its own", "[schedule]") {
    const uint64_t bytes = (uint64_t(1) << 30) + 4096, before = gpu().bytes_used(), largest = gpu().limits().allocation;
    if (largest < bytes) SKIP("this device allocates no more than 1 GiB at once");
    {
        vk::Arena arena(gpu(), vk::MemoryUse::device, "large");
        const auto piece = arena.allocate(bytes);
        INFO((piece ? "" : piece.error().text()));
        REQUIRE(piece);
        CHECK(piece->size == bytes);
        const auto small = arena.allocate(100, 1000);
        REQUIRE(small);
        CHECK(arena.bytes() < bytes + (uint64_t(1) << 20));
        const auto refused = arena.allocate(largest + 4096);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::out_of_memory);
        CHECK(refused.error().message.find("allocates at once") != std::string::npos);
    }
    CHECK(gpu().bytes_used() == before);
}
