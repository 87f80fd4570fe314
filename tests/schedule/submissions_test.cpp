// SPDX-License-Identifier: Apache-2.0
// What a step costs in submissions: one, with all that the host tells it, whether the host sees device memory or not.
#include "schedule/small_models.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

struct MadeTokens {
    std::vector<uint32_t> first, restored;
};

MadeTokens counted(vk::Device& device) {
    const auto model = random_model_of(attention_schedule(R"("rope": {"theta": 10000})"), device);
    SessionOptions options{.context = 128, .max_chunk = 16, .longest_submission_ms = 1e9};
    auto made = Session::create(model, options);
    REQUIRE(made);
    Session& s = **made;
    const auto prompt = ids(16, 1);
    const Feed feed{0, prompt, 0};
    const auto submissions_of = [&](const auto& work) {
        const uint64_t before = s.submissions();
        REQUIRE(work());
        return s.submissions() - before;
    };
    const auto read = [&] { return s.forward({&feed, 1}, Want::last); };
    MadeTokens tokens;
    const uint32_t slot = 0;
    std::vector<std::vector<uint32_t>> out;
    const auto decode = [&] { return s.decode({&slot, 1}, 4, out); };
    REQUIRE(read()); // the first time each segment is measured by itself
    REQUIRE(decode());
    s.reset(0);
    CHECK(submissions_of(read) == 1);
    CHECK(submissions_of(decode) == 1); // of four steps
    tokens.first = out[0];
    const auto snapshot = s.snapshot(0);
    REQUIRE(snapshot);
    CHECK(submissions_of(decode) == 1);
    tokens.restored = out[0];
    REQUIRE(s.restore(0, *snapshot));
    CHECK(submissions_of(decode) == 1); // the token that is remembered goes along
    CHECK(out[0] == tokens.restored);
    // A forward that is given up is not submitted, and nothing of it comes later.
    REQUIRE(s.restore(0, *snapshot));
    const auto other = ids(16, 2);
    const Feed given_up{0, other, 0};
    CHECK(submissions_of([&] { return s.begin({&given_up, 1}, Want::last); }) == 0);
    REQUIRE(s.restore(0, *snapshot));
    s.reset(0);
    CHECK(submissions_of(read) == 1);
    CHECK(submissions_of(decode) == 1);
    CHECK(out[0] == tokens.first);
    require_no_validation_messages(device);
    return tokens;
}

} // namespace

TEST_CASE("a step is one submission, several steps of decoding too, and the step block none", "[schedule]") {
    auto staged = vk::Device::create({.validation = true, .map_device_memory = false});
    if (!staged) no_device(staged.error());
    const MadeTokens in_place = counted(gpu()), copied = counted(**staged);
    CHECK(copied.first == in_place.first);
    CHECK(copied.restored == in_place.restored);
}
