// SPDX-License-Identifier: Apache-2.0
// The sizes of a session that nobody asked for, by what the device is.
#include "schedule/session_options.hpp"
#include "schedule/small_models.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

constexpr uint64_t kGiB = uint64_t(1) << 30;

vk::DeviceSummary described(const std::string& type, uint64_t memory) {
    vk::DeviceSummary device;
    device.type = type;
    device.memory_bytes = memory;
    device.limits.storage_range = 4 * kGiB - 1;
    return device;
}

// A matrix of so many rows, or so many of them.
Schedule wide(uint32_t rows, uint32_t experts = 0) {
    Schedule s;
    s.vocabulary = 1u << 20;
    s.stages.emplace_back().width = 64;
    WeightSlot slot;
    slot.matrix = true;
    slot.shape = experts ? std::vector<uint32_t>{experts, rows, 64} : std::vector<uint32_t>{rows, 64};
    s.weights = {slot};
    slot.shape = {s.vocabulary, 64}; // of logits there are few rows
    s.weights.push_back(slot);
    return s;
}

} // namespace

TEST_CASE("a prefill step is as large as the device can use", "[schedule]") {
    const auto chunk = [](const std::string& type, uint64_t memory, const Schedule& schedule) {
        return chunk_for(described(type, memory), memory, schedule);
    };
    const Schedule small = wide(4096), large = wide(28672), experts = wide(4096, 64);
    CHECK(chunk("CPU", 64 * kGiB, small) == 256);
    CHECK(chunk("other", 64 * kGiB, small) == 256);
    CHECK(chunk("integrated", 4 * kGiB, small) == 256);
    CHECK(chunk("integrated", 32 * kGiB, small) == 512);
    CHECK(chunk("discrete", 8 * kGiB, small) == 1024);
    CHECK(chunk("discrete", 24 * kGiB, small) == 2048);
    // Four rows of 28,672 floats are 448 KiB a token: a sixteenth of 12 GiB holds 1,755 of them.
    CHECK(chunk("discrete", 24 * kGiB, large) == 2048);
    CHECK(chunk("discrete", 12 * kGiB, large) == 1024);
    CHECK(chunk("discrete", 12 * kGiB, experts) == 1024); // eight of them a token
    CHECK(chunk("discrete", kGiB, large) == 256);
    vk::DeviceSummary narrow = described("discrete", 24 * kGiB);
    narrow.limits.storage_range = 128u << 20; // 1,170 rows
    CHECK(chunk_for(narrow, 24 * kGiB, large) == 1024);
}

TEST_CASE("a chunk that is asked for counts, and one that is not holds a token of each sequence", "[schedule]") {
    vk::DeviceSummary card = described("discrete", 24 * kGiB);
    const auto device = vk::Device::described(card);
    const Schedule s = wide(1024);
    const auto chunk = [&](SessionOptions options, const vk::Device* on) {
        const auto got = resolved(options, s, on);
        INFO((got ? "" : got.error().text()));
        REQUIRE(got);
        return got->max_chunk;
    };
    CHECK(chunk({.context = 4096}, device.get()) == 2048);
    CHECK(chunk({.context = 4096}, nullptr) == 256);
    CHECK(chunk({.context = 4096, .max_chunk = 17}, device.get()) == 17);
    CHECK(chunk({.context = 600}, device.get()) == 600); // no sequence has more
    CHECK(chunk({.context = 600, .slots = 3}, device.get()) == 1800);
    CHECK(chunk({.context = 16}, device.get()) == 256);
    CHECK(chunk({.context = 4096, .slots = 5000}, device.get()) == 5000);
    CHECK_FALSE(resolved({.slots = 0}, s, nullptr));
}
