// SPDX-License-Identifier: Apache-2.0
// Laws of sessions, on the bundled hybrid model: feeding in pieces, packing, forking, snapshots and
// truncation change nothing but where the work is done.
#include "repository.hpp"
#include "schedule/sessions.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// The bundled model's recorded noise: 16 times what a relative change of 1e-6 in the weights does to
// its logits (case.json; see tests/models).
constexpr double kRounding = 6e-4;

} // namespace

TEST_CASE("a prompt in pieces of any size gives the same logits", "[schedule]") {
    auto model = load(bundled());
    const auto prompt = tokens(53, 7);
    auto whole = make(model, 1);
    const auto expected = last_logits(*whole, 0, prompt);
    for (uint32_t chunk : {1u, 2u, 3u, 5u, 16u, 31u, 64u}) {
        auto s = make(model, 1);
        INFO("chunk " << chunk);
        CHECK(largest_difference(last_logits(*s, 0, prompt, chunk), expected) <= kRounding);
    }
    test::require_no_validation_messages();
}

TEST_CASE("packed sequences of different lengths equal each one alone", "[schedule]") {
    auto model = load(bundled());
    const std::vector<std::vector<uint32_t>> prompts{tokens(17, 1), tokens(1, 2), tokens(40, 3), tokens(8, 4),
                                                     tokens(33, 5)};
    auto packed = make(model, 5, 128);
    std::vector<Feed> feeds;
    for (uint32_t i = 0; i < prompts.size(); ++i) feeds.push_back({i, prompts[i], 0});
    REQUIRE(bool(packed->forward(feeds, Want::last)));
    const auto together = packed->logits();
    REQUIRE(bool(together));
    const size_t vocabulary = model->schedule.vocabulary;
    std::vector<std::vector<uint32_t>> continuations;
    const std::vector<uint32_t> slots{0, 1, 2, 3, 4};
    REQUIRE(bool(packed->decode(slots, 9, continuations)));
    for (uint32_t i = 0; i < prompts.size(); ++i) {
        INFO("sequence " << i);
        auto alone = make(model, 1);
        const auto l = last_logits(*alone, 0, prompts[i]);
        const std::vector<float> row(together->begin() + long(i * vocabulary),
                                     together->begin() + long((i + 1) * vocabulary));
        CHECK(largest_difference(l, row) <= kRounding);
        const uint32_t slot = 0;
        std::vector<std::vector<uint32_t>> one;
        REQUIRE(bool(alone->decode({&slot, 1}, 9, one)));
        CHECK(one[0] == continuations[i]);
    }
    test::require_no_validation_messages();
}

TEST_CASE("a fork goes on exactly as its origin, and a restored snapshot as if never interrupted", "[schedule]") {
    auto model = load(bundled());
    auto s = make(model, 2);
    const auto prompt = tokens(29, 11), more = tokens(6, 12);
    last_logits(*s, 0, prompt);
    auto snapshot = s->snapshot(0);
    REQUIRE(bool(snapshot));
    REQUIRE(bool(s->fork(0, 1)));
    const auto origin = last_logits(*s, 0, more);
    CHECK(last_logits(*s, 1, more) == origin); // the same bits
    last_logits(*s, 0, tokens(9, 13));
    REQUIRE(bool(s->restore(0, *snapshot)));
    CHECK(s->length(0) == prompt.size());
    CHECK(last_logits(*s, 0, more) == origin);
    REQUIRE(bool(s->restore(1, *snapshot))); // into another slot
    CHECK(last_logits(*s, 1, more) == origin);
    test::require_no_validation_messages();
}

TEST_CASE("forks share their recurrent states until one of them moves on", "[schedule]") {
    auto model = load(bundled());
    const auto prompt = tokens(29, 11);
    const std::vector<std::vector<uint32_t>> ways{tokens(6, 12), tokens(1, 13), tokens(20, 14), tokens(3, 15)};
    std::vector<std::vector<float>> expected;
    auto alone = make(model, 1);
    for (const auto& way : ways) {
        alone->reset(0);
        last_logits(*alone, 0, prompt);
        expected.push_back(last_logits(*alone, 0, way));
    }
    // Whoever of three forks goes first, and whether the origin goes before, between or after them.
    for (const std::vector<uint32_t>& order :
         {std::vector<uint32_t>{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}}) {
        auto s = make(model, 4);
        last_logits(*s, 3, tokens(9, 16)); // what a slot had is forgotten
        last_logits(*s, 0, prompt);
        REQUIRE(bool(s->fork(0, 1)));
        REQUIRE(bool(s->fork(1, 2)));
        auto snapshot = s->snapshot(2);
        REQUIRE(bool(snapshot));
        REQUIRE(bool(s->fork(0, 3)));
        for (const uint32_t slot : order) {
            INFO("slot " << slot);
            CHECK(last_logits(*s, slot, ways[slot]) == expected[slot]);
        }
        // A restored snapshot takes nothing from those who read what its slot read.
        REQUIRE(bool(s->fork(0, 1)));
        REQUIRE(bool(s->restore(1, *snapshot)));
        REQUIRE(bool(s->fork(1, 2)));
        CHECK(last_logits(*s, 1, ways[1]) == expected[1]);
        const auto more = tokens(4, 17);
        const auto origin = last_logits(*s, 0, more);
        CHECK(last_logits(*s, 2, ways[2]) == expected[2]);
        alone->reset(0);
        last_logits(*alone, 0, prompt);
        last_logits(*alone, 0, ways[0]);
        CHECK(last_logits(*alone, 0, more) == origin);
    }
    test::require_no_validation_messages();
}

TEST_CASE("a hold is small, and goes back as a snapshot does", "[schedule]") {
    auto model = load(bundled());
    auto s = make(model, 2, 64, 256, 1);
    CHECK_FALSE(s->can_truncate());
    const auto prompt = tokens(29, 11), more = tokens(6, 12);
    last_logits(*s, 0, prompt);
    auto whole = s->snapshot(0), part = s->hold(0);
    REQUIRE(bool(part));
    CHECK(part->bytes < whole->bytes);
    const auto origin = last_logits(*s, 0, more);
    last_logits(*s, 0, tokens(9, 13));
    REQUIRE(bool(s->restore(0, *part)));
    CHECK(s->length(0) == prompt.size());
    CHECK(last_logits(*s, 0, more) == origin);
    CHECK_FALSE(s->restore(1, *part));
    s->reset(0);
    REQUIRE(bool(s->restore(0, *part))); // nothing has been written since
    CHECK(last_logits(*s, 0, more) == origin);
    s->reset(0);
    last_logits(*s, 0, more);
    const auto refused = s->restore(0, *part);
    REQUIRE_FALSE(bool(refused));
    CHECK(refused.error().message.find("does not hold the rest of those 29 tokens") != std::string::npos);
    test::require_no_validation_messages();
}

TEST_CASE("the same input gives the same bits, and a reset slot remembers nothing", "[schedule]") {
    auto model = load(bundled());
    auto s = make(model, 1);
    const auto prompt = tokens(37, 21);
    const auto first = last_logits(*s, 0, prompt);
    last_logits(*s, 0, tokens(20, 22));
    s->reset(0);
    CHECK(last_logits(*s, 0, prompt) == first);
}

TEST_CASE("advance() in small budgets equals forward()", "[schedule]") {
    auto model = load(bundled());
    auto s = make(model, 1);
    const auto prompt = tokens(45, 31);
    const auto expected = last_logits(*s, 0, prompt);
    s->reset(0);
    const Feed feed{0, prompt, 0};
    REQUIRE(bool(s->begin({&feed, 1}, Want::last)));
    uint32_t calls = 0;
    for (bool done = false; !done; ++calls) {
        auto advanced = s->advance(0.01);
        REQUIRE(bool(advanced));
        done = *advanced;
    }
    CHECK(calls > 3);
    CHECK(*s->logits() == expected);
}

TEST_CASE("an end token leaves the states as they were before it", "[schedule]") {
    auto model = load(bundled());
    const auto first = tokens(19, 5), second = tokens(8, 6), more = tokens(7, 9);
    const auto decoded = [&](Session& s, std::vector<uint32_t> slots, uint32_t steps) {
        std::vector<std::vector<uint32_t>> out;
        REQUIRE(s.decode(slots, steps, out));
        return out;
    };
    const auto start = [&](std::vector<uint32_t> ends, bool stops) {
        SessionOptions o{.context = 256, .slots = 2, .max_chunk = 64, .end_tokens = std::move(ends)};
        auto s = Session::create(model, o);
        REQUIRE(s);
        for (uint32_t slot : {0u, 1u}) {
            kernel::SamplerRow row;  // greedy
            row.no_repeat_ngram = 1; // and never a token twice, so that an end token is met once
            if (stops) row.flags |= kernel::SamplerRow::kStops;
            (*s)->set_sampler(slot, row);
        }
        const Feed feeds[] = {{0, first, 0}, {1, second, 0}};
        REQUIRE((*s)->forward(feeds, Want::last));
        return std::move(*s);
    };
    auto free = start({}, true);
    const auto all = decoded(*free, {0, 1}, 12);
    REQUIRE(all[0].size() == 12);
    REQUIRE(all[1].size() == 12);

    size_t at = 2; // a token of the first that the second does not have
    while (std::find(all[1].begin(), all[1].end(), all[0][at]) != all[1].end()) ++at;
    REQUIRE(at < 11);
    const uint32_t end = all[0][at], made = uint32_t(at) + 1;
    auto stopped = start({all[1][11], end}, true);
    const auto until = decoded(*stopped, {0, 1}, 12);
    CHECK(until[0] == std::vector<uint32_t>(all[0].begin(), all[0].begin() + made)); // the end token is the last
    CHECK(until[1] == all[1]);                        // the neighbour goes on, at the same place in memory or not
    CHECK(stopped->length(0) == first.size() + made); // the prompt, the token it gave, and what was fed after it
    CHECK(stopped->length(1) == second.size() + 12);

    auto exact = start({}, true);
    decoded(*exact, {0}, made);
    // The same bits: nothing was fed behind the end.
    CHECK(last_logits(*stopped, 0, more) == last_logits(*exact, 0, more));

    auto ignored = start({end}, false);
    CHECK(decoded(*ignored, {0, 1}, 12) == all);
    auto refused = Session::create(model, {.context = 32, .end_tokens = std::vector<uint32_t>(17, 1)});
    REQUIRE(!refused);
    CHECK(refused.error().text().find("16") != std::string::npos);
    test::require_no_validation_messages();
}

TEST_CASE("a decode step with a place to spare leaves the sequence that had it as it is", "[schedule]") {
    const auto model = load(bundled());
    const auto fed = tokens(11, 5), more = tokens(7, 9);
    const auto behind_four = [&](Session& s) {
        for (const uint32_t slot : {0u, 1u, 2u, 3u}) (void)last_logits(s, slot, std::span(fed).first(5 + slot));
        std::vector<std::vector<uint32_t>> made;
        const uint32_t slots[] = {0, 1, 2, 3};
        REQUIRE(s.decode(slots, 2, made));
    };
    const auto s = make(model, 4), other = make(model, 4);
    behind_four(*s);
    behind_four(*other);
    std::vector<std::vector<uint32_t>> made;
    const uint32_t three[] = {2, 0, 1};
    REQUIRE(s->decode(three, 3, made));
    CHECK(last_logits(*s, 3, more) == last_logits(*other, 3, more));
}

TEST_CASE("lengths within a bucket make no new recording", "[schedule]") {
    auto model = load(bundled());
    auto s = make(model, 1);
    last_logits(*s, 0, tokens(33, 1));
    const size_t recordings = s->recording_count();
    for (uint32_t n : {34u, 47u, 64u}) {
        s->reset(0);
        last_logits(*s, 0, tokens(n, n));
    }
    CHECK(s->recording_count() == recordings);
}

TEST_CASE("truncate: refused for recurrent states, exact for attention alone", "[schedule]") {
    auto hybrid = make(load(bundled()), 1);
    last_logits(*hybrid, 0, tokens(20, 1));
    CHECK(hybrid->truncate(0, 10).error().code == ErrorCode::unsupported);
    CHECK(bool(hybrid->truncate(0, 0)));
    const auto llama = weft::test::repository() / "tests/goldens/models/llama";
    if (!std::filesystem::exists(llama)) SKIP("the llama case is not there");
    auto s = make(load(llama), 1, 64, 96);
    std::vector<uint32_t> prompt, other;
    for (uint32_t i = 0; i < 40; ++i) {
        prompt.push_back(3 + i * 7 % 90);
        other.push_back(3 + i * 11 % 90);
    }
    const auto expected = last_logits(*s, 0, prompt);
    s->reset(0);
    last_logits(*s, 0, std::span(prompt).first(25));
    last_logits(*s, 0, other);
    REQUIRE(bool(s->truncate(0, 25)));
    const auto again = last_logits(*s, 0, std::span(prompt).subspan(25));
    CHECK(largest_difference(again, expected) <= 1e-4);
}

TEST_CASE("misuse is an error that names the rule", "[schedule]") {
    auto model = load(bundled());
    auto s = make(model, 2, 64, 100);
    const auto prompt = tokens(101, 1);
    const auto text = [&](std::vector<Feed> feeds) {
        const auto status = s->forward(feeds, Want::last);
        REQUIRE(!status);
        return status.error().message;
    };
    CHECK(text({{0, prompt, 0}}).find("context is 100") != std::string::npos);
    CHECK(text({{2, prompt, 0}}).find("slot 2") != std::string::npos);
    CHECK(text({{0, {}, 0}}).find("no tokens") != std::string::npos);
    const std::vector<uint32_t> foreign{5, 4096};
    CHECK(text({{0, foreign, 0}}).find("token id 4096") != std::string::npos);
    std::vector<std::vector<uint32_t>> out;
    const uint32_t slot = 1;
    CHECK(s->decode({&slot, 1}, 1, out).error().message.find("no sampled token") != std::string::npos);
    SessionOptions o;
    o.context = 1u << 30;
    auto huge = Session::create(model, o);
    REQUIRE(!huge);
    CHECK(huge.error().code == ErrorCode::out_of_memory);
    CHECK(huge.error().text().find("would fit") != std::string::npos);
    o.slots = 8;
    CHECK(Session::create(model, o).error().text().find("would fit") != std::string::npos);
}

TEST_CASE("a thousand prompts and eight sessions in turn leave memory where it was", "[schedule]") {
    auto model = load(weft::test::repository() / "tests/goldens/models/qwen3-next"); // a small hybrid
    const auto prompt = [](uint32_t n, uint32_t seed) {
        auto ids = tokens(n, seed);
        for (uint32_t& id : ids) id %= 64;
        return ids;
    };
    const uint64_t before = test::gpu().bytes_used();
    {
        auto s = make(model, 1, 16, 64);
        for (uint32_t n : {1u, 3u, 5u}) { // every recording that the prompts below need
            s->reset(0);
            last_logits(*s, 0, prompt(n, 0));
        }
        const uint64_t warm = test::gpu().bytes_used();
        for (uint32_t i = 0; i < 1000; ++i) {
            s->reset(0);
            last_logits(*s, 0, prompt(1 + i % 3 * 2, i));
        }
        CHECK(test::gpu().bytes_used() == warm);
    }
    for (int i = 0; i < 8; ++i) {
        auto s = make(model, 2);
        last_logits(*s, 1, prompt(5, uint32_t(i)));
    }
    CHECK(test::gpu().bytes_used() == before);
    test::require_no_validation_messages();
}
