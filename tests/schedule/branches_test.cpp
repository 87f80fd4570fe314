// SPDX-License-Identifier: Apache-2.0
// What goes with a sequence when it is forked, kept, restored and cut, beside its states: its history, its sampler, the
// length that its positions are for, and what its windows have forgotten.
#include "schedule/small_models.hpp"
#include <algorithm>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

using Tokens = std::vector<uint32_t>;

constexpr const char* kPlain = R"("rope": {"theta": 10000})";
constexpr const char* kWindow = R"("window": 8, "rope": {"theta": 10000})"; // with chunks of 4 a ring of 11 rows
constexpr const char* kStretched = R"("rope": {"theta": 10000, "ntk": 4, "original": 16})";

// Any token that was there is out.
kernel::SamplerRow never_twice() {
    kernel::SamplerRow row;
    row.flags = kernel::SamplerRow::kGreedy;
    row.repeat_penalty = 1e6f;
    return row;
}

bool has(const Tokens& list, uint32_t id) { return std::ranges::count(list, id) > 0; }

// Steps of the decoding recording, which leave the history to the sampler.
void feed_one_by_one(Session& s, uint32_t slot, std::span<const uint32_t> fed, uint32_t expected) {
    for (size_t i = 0; i < fed.size(); ++i) {
        const Feed feed{slot, fed.subspan(i, 1), expected};
        REQUIRE(s.forward({&feed, 1}, Want::last));
    }
}

} // namespace

TEST_CASE("a fork's repeat penalty sees its origin's tokens, and not those that its slot had", "[schedule]") {
    const auto model = attention_model(kPlain);
    const auto prompt = ids(20, 7), one = ids(1, 8);
    auto alone = make(model, 1, 16, 64);
    alone->set_sampler(0, never_twice());
    last_logits(*alone, 0, prompt);
    last_logits(*alone, 0, one);
    const Tokens expected = decoded(*alone, 0, 8);
    for (const uint32_t id : expected) REQUIRE_FALSE(has(prompt, id));

    auto s = make(model, 2, 16, 64);
    for (const uint32_t slot : {0u, 1u}) s->set_sampler(slot, never_twice());
    last_logits(*s, 1, Tokens(40, expected[0])); // another sequence
    last_logits(*s, 0, prompt);
    REQUIRE(s->fork(0, 1));
    for (const uint32_t slot : {1u, 0u}) {
        INFO("slot " << slot);
        last_logits(*s, slot, one);
        CHECK(decoded(*s, slot, 8) == expected);
    }
    require_no_validation_messages();
}

TEST_CASE("a restored sequence's repeat penalty sees its own tokens alone", "[schedule]") {
    const auto model = attention_model(kPlain);
    const auto prompt = ids(20, 7), one = ids(1, 8);
    for (const bool held : {false, true}) {
        INFO((held ? "held" : "copied"));
        auto s = make(model, 2, 16, 64, 1);
        for (const uint32_t slot : {0u, 1u}) s->set_sampler(slot, never_twice());
        last_logits(*s, 0, prompt);
        const auto kept = held ? s->hold(0) : s->snapshot(0);
        REQUIRE(kept);
        const Tokens next = decoded(*s, 0, 8);
        REQUIRE(s->restore(0, *kept));
        last_logits(*s, 0, Tokens(12, next[1]));
        REQUIRE(s->restore(0, *kept));
        CHECK(decoded(*s, 0, 8) == next); // the first of them was chosen when it was kept
        REQUIRE(s->restore(0, *kept));
        last_logits(*s, 0, one);
        const Tokens expected = decoded(*s, 0, 8);
        REQUIRE(s->restore(0, *kept));
        last_logits(*s, 0, one);
        CHECK(decoded(*s, 0, 8) == expected);
        if (held) continue;
        // Over a sequence whose tokens differ, in its own slot and in another.
        for (const uint32_t slot : {0u, 1u}) {
            INFO("slot " << slot);
            s->reset(slot);
            last_logits(*s, slot, Tokens(40, expected[0]));
            REQUIRE(s->restore(slot, *kept));
            last_logits(*s, slot, one);
            CHECK(decoded(*s, slot, 8) == expected);
        }
    }
    require_no_validation_messages();
}

TEST_CASE("a fork keeps its slot's sampler", "[schedule]") {
    const auto model = attention_model(kPlain);
    const auto prompt = ids(20, 7), one = ids(1, 8);
    kernel::SamplerRow greedy;
    greedy.flags = kernel::SamplerRow::kGreedy;
    const auto made = [&](const kernel::SamplerRow& of_origin, const kernel::SamplerRow& of_fork, uint32_t slot) {
        auto s = make(model, 2, 16, 64);
        s->set_sampler(0, of_origin);
        s->set_sampler(1, of_fork);
        last_logits(*s, 0, prompt);
        REQUIRE(s->fork(0, 1));
        last_logits(*s, slot, one);
        return decoded(*s, slot, 8);
    };
    const Tokens repeating = made(greedy, greedy, 0), varied = made(never_twice(), never_twice(), 0);
    REQUIRE(repeating != varied);
    CHECK(made(greedy, never_twice(), 1) == varied);
    CHECK(made(never_twice(), greedy, 1) == repeating);
    CHECK(made(greedy, never_twice(), 0) == repeating);
}

TEST_CASE("a hold has copies of the windows, which later tokens have written over", "[schedule]") {
    const auto model = attention_model(kWindow);
    const auto prompt = ids(40, 3), more = ids(9, 4);
    for (const uint32_t later : {1u, 4u, 20u}) {
        INFO("after " << later << " tokens");
        auto s = make(model, 1, 4, 128, 1);
        last_logits(*s, 0, prompt);
        const auto whole = s->snapshot(0), part = s->hold(0);
        REQUIRE((whole && part));
        const auto expected = last_logits(*s, 0, more);
        for (const auto* kept : {&*part, &*whole}) {
            last_logits(*s, 0, ids(later, 5));
            REQUIRE(s->restore(0, *kept));
            CHECK(last_logits(*s, 0, more) == expected);
        }
    }
    require_no_validation_messages();
}

TEST_CASE("decoding counts for what a window can go back to", "[schedule]") {
    const auto model = attention_model(kWindow);
    const auto prompt = ids(11, 3), more = ids(9, 4);
    auto s = make(model, 1, 4, 64);
    last_logits(*s, 0, prompt);
    decoded(*s, 0, 20);
    CHECK_FALSE(s->truncate(0, 11));
    CHECK_FALSE(s->truncate(0, 26));
    REQUIRE(s->truncate(0, 27)); // by a chunk
    auto few = make(model, 1, 4, 64);
    last_logits(*few, 0, std::span(prompt).first(4));
    decoded(*few, 0, 7); // as many as the ring has rows
    REQUIRE(few->truncate(0, 2));
    auto fresh = make(model, 1, 4, 64);
    last_logits(*fresh, 0, std::span(prompt).first(2));
    CHECK(largest_difference(last_logits(*few, 0, more), last_logits(*fresh, 0, more)) <= 1e-5);
}

TEST_CASE("a restored window goes back as far as it could when it was kept", "[schedule]") {
    const auto model = attention_model(kWindow);
    const auto prompt = ids(40, 3), more = ids(9, 4);
    auto s = make(model, 1, 4, 64);
    last_logits(*s, 0, std::span(prompt).first(11)); // fills the ring, and has forgotten nothing
    const auto brief = s->snapshot(0);
    REQUIRE(brief);
    last_logits(*s, 0, std::span(prompt).subspan(11));
    const auto full = s->snapshot(0);
    REQUIRE(full);

    REQUIRE(s->restore(0, *brief));
    REQUIRE(s->truncate(0, 2));
    auto fresh = make(model, 1, 4, 64);
    last_logits(*fresh, 0, std::span(prompt).first(2));
    CHECK(largest_difference(last_logits(*s, 0, more), last_logits(*fresh, 0, more)) <= 1e-5);

    s->reset(0);
    last_logits(*s, 0, std::span(prompt).first(5));
    REQUIRE(s->restore(0, *full));
    CHECK_FALSE(s->truncate(0, 30));
    CHECK(s->truncate(0, 36));
}

TEST_CASE("decoding computes positions for the length that the prompt was announced with", "[schedule]") {
    const auto model = attention_model(kStretched);
    const auto prompt = ids(8, 3);
    constexpr uint32_t kAnnounced = 40; // beyond the original length
    const auto begun = [&](uint32_t announced) {
        auto s = make(model, 2, 16, 64);
        const Feed feed{0, prompt, announced};
        REQUIRE(s->forward({&feed, 1}, Want::last));
        return s;
    };
    auto s = begun(kAnnounced);
    Tokens fed{s->next_token(0)};
    for (const uint32_t id : decoded(*s, 0, 4)) fed.push_back(id);
    fed.pop_back(); // the last was sampled and not fed
    const auto after_decode = *s->logits();
    auto by_hand = begun(kAnnounced);
    feed_one_by_one(*by_hand, 0, fed, kAnnounced);
    CHECK(after_decode == *by_hand->logits());
    auto unannounced = begun(0);
    feed_one_by_one(*unannounced, 0, fed, 0);
    REQUIRE(largest_difference(after_decode, *unannounced->logits()) > 1e-3);

    // The same of a restored sequence and of a fork.
    auto kept = begun(kAnnounced);
    const auto snapshot = kept->snapshot(0);
    REQUIRE(snapshot);
    REQUIRE(kept->fork(0, 1));
    decoded(*kept, 1, 4);
    CHECK(*kept->logits() == after_decode);
    for (const uint32_t slot : {0u, 1u}) {
        kept->reset(slot);
        last_logits(*kept, slot, ids(5, 9));
        REQUIRE(kept->restore(slot, *snapshot));
        decoded(*kept, slot, 4);
        CHECK(*kept->logits() == after_decode);
    }
}
