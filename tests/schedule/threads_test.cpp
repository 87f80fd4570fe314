// SPDX-License-Identifier: Apache-2.0
// Sessions on threads of their own, over one model on one device: each computes what it computes alone, to the bit.
#include "schedule/small_models.hpp"
#include <latch>
#include <thread>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

struct Computed {
    std::vector<float> logits; // of the prompt, then of the last token
    std::vector<uint32_t> made;
    bool operator==(const Computed&) const = default;
};

// On any thread: Catch2's macros are for one.
Result<Computed> compute(const std::shared_ptr<const LoadedModel>& model, uint32_t seed) {
    SessionOptions options{.context = 128, .slots = 2, .max_chunk = 16};
    weft_ASSIGN(const auto session, Session::create(model, options));
    kernel::SamplerRow row;
    row.flags = 0;
    row.seed_low = seed;
    for (const uint32_t slot : {0u, 1u}) session->set_sampler(slot, row);
    auto prompt = tokens(40 + seed, seed); // so that the threads need recordings of different sizes
    for (uint32_t& id : prompt) id %= model->schedule.vocabulary;
    Computed c;
    const auto keep_logits = [&]() -> Status {
        weft_ASSIGN(const auto rows, session->logits());
        c.logits.insert(c.logits.end(), rows.begin(), rows.end());
        return Ok{};
    };
    const Feed feed{0, prompt, 0};
    weft_TRY(session->forward({&feed, 1}, Want::last));
    weft_TRY(keep_logits());
    weft_TRY(session->fork(0, 1));
    weft_ASSIGN(const auto snapshot, session->snapshot(0));
    std::vector<std::vector<uint32_t>> made;
    for (const uint32_t slot : {0u, 1u}) {
        weft_TRY(session->decode({&slot, 1}, 20, made));
        c.made.insert(c.made.end(), made[0].begin(), made[0].end());
    }
    weft_TRY(session->restore(1, snapshot));
    const uint32_t slot = 1;
    weft_TRY(session->decode({&slot, 1}, 20, made));
    c.made.insert(c.made.end(), made[0].begin(), made[0].end());
    weft_TRY(keep_logits());
    return c;
}

} // namespace

TEST_CASE("sessions on two threads over one model give the bits that each gives alone", "[schedule]") {
    // A device of its own, so that the threads also make its pipelines at the same time.
    auto device = open_device();
    if (!device) no_device(device.error());
    for (const char* attention : {R"("rope": {"theta": 10000})", R"("window": 8, "rope": {"theta": 10000})"}) {
        INFO(attention);
        const auto model = random_model_of(attention_schedule(attention), **device);
        std::vector<Result<Computed>> together(2, Error{});
        std::latch both(2);
        std::vector<std::thread> threads;
        for (uint32_t i = 0; i < 2; ++i)
            threads.emplace_back([&, i] {
                both.arrive_and_wait();
                together[i] = compute(model, i);
            });
        for (auto& thread : threads) thread.join();
        for (uint32_t i = 0; i < 2; ++i) {
            INFO("thread " << i << (together[i] ? "" : ": " + together[i].error().text()));
            REQUIRE(together[i]);
            const auto alone = compute(model, i);
            REQUIRE(alone);
            CHECK(*together[i] == *alone);
        }
        CHECK((*together[0]).made != (*together[1]).made);
    }
    require_no_validation_messages(**device);
}
