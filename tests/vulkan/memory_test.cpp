// SPDX-License-Identifier: Apache-2.0
// The memory budget to the byte, and uploads through staging that take several copies.
#include "harness/gpu.hpp"
#include "vulkan/uploader.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <numeric>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

std::unique_ptr<vk::Device> open(vk::DeviceOptions options) {
    options.validation = true;
    auto device = vk::Device::create(options);
    if (!device) no_device(device.error());
    return std::move(*device);
}

std::vector<std::byte> numbered(size_t bytes) {
    std::vector<std::byte> list(bytes);
    for (size_t i = 0; i < bytes; ++i) list[i] = std::byte((i * 2654435761u) >> 11);
    return list;
}

} // namespace

TEST_CASE("the memory budget can be used up, and not by a byte more", "[vulkan]") {
    constexpr uint64_t kLimit = 1 << 20;
    const auto device = open({.memory_limit = kLimit});
    {
        vk::Arena all(*device, vk::MemoryUse::device, "all"), more(*device, vk::MemoryUse::device, "more");
        REQUIRE(all.allocate(kLimit));
        CHECK(device->bytes_used() == kLimit);
        const auto refused = more.allocate(4);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::out_of_memory);
        CHECK(refused.error().message.find("more needs") != std::string::npos);
        CHECK(device->bytes_used() == kLimit);
    }
    CHECK(device->bytes_used() == 0);
    vk::Arena half(*device, vk::MemoryUse::device, "half"), rest(*device, vk::MemoryUse::device, "rest");
    REQUIRE(half.allocate(kLimit / 2));
    CHECK_FALSE(rest.allocate(kLimit / 2 + 4)); // alone it would fit
    CHECK(rest.allocate(kLimit / 2));
    require_no_validation_messages(*device);
}

TEST_CASE("what is larger than the staging buffer is written and read in pieces, each in its place", "[vulkan]") {
    const auto device = open({.map_device_memory = false});
    REQUIRE_FALSE(device->maps_memory());
    vk::Arena arena(*device, vk::MemoryUse::device, "data");
    auto uploader = vk::Uploader::create(*device, 1024);
    REQUIRE(uploader);
    for (const size_t bytes : {4u, 1020u, 1024u, 1028u, 4096u, 10'000u}) {
        INFO(bytes << " bytes");
        const auto slice = arena.allocate(bytes + 64);
        REQUIRE(slice);
        REQUIRE_FALSE(slice->mapped);
        REQUIRE(uploader->fill_zero(*slice));
        const auto data = numbered(bytes);
        REQUIRE(uploader->write(slice->part(32, bytes), data));
        auto expected = std::vector<std::byte>(32);
        expected.insert(expected.end(), data.begin(), data.end());
        expected.resize(bytes + 64);
        std::vector<std::byte> got(bytes + 64);
        REQUIRE(uploader->read(*slice, got));
        CHECK(got == expected);
    }
    require_no_validation_messages(*device);
}

TEST_CASE("what is staged goes with the caller's submission, in the order in which it was asked for", "[vulkan]") {
    const auto device = open({.map_device_memory = false});
    vk::Arena arena(*device, vk::MemoryUse::device, "data");
    auto uploader = vk::Uploader::create(*device, 4096);
    REQUIRE(uploader);
    const auto slice = arena.allocate(4000);
    REQUIRE(slice);
    const auto data = numbered(4000);
    REQUIRE(uploader->put(*slice, std::vector<std::byte>(4000)));
    REQUIRE(uploader->put(slice->part(0, 96), std::span(data).first(96))); // still fits the buffer
    const auto commands = uploader->staged();
    REQUIRE(commands);
    REQUIRE(*commands);
    CHECK(uploader->submissions() == 0);
    REQUIRE(device->run({&*commands, 1}));
    REQUIRE(uploader->put(slice->part(96, 3904), std::span(data).subspan(96)));
    std::vector<std::byte> got(4000);
    REQUIRE(uploader->read(*slice, got)); // after what is staged
    CHECK(got == data);
    const auto nothing = uploader->staged();
    REQUIRE(nothing);
    CHECK_FALSE(*nothing);
    require_no_validation_messages(*device);
}

TEST_CASE("buffers are filled again while others are copied from, and none before it is free", "[vulkan]") {
    const auto device = open({.map_device_memory = false});
    vk::Arena arena(*device, vk::MemoryUse::device, "data");
    auto uploader = vk::Uploader::create(*device, 1 << 16);
    REQUIRE(uploader);
    const auto data = numbered(40 << 16);
    const auto slice = arena.allocate(data.size());
    REQUIRE(slice);
    for (size_t at = 0; at < data.size(); at += 1 << 16) {
        const auto to = uploader->stage(slice->part(at, 1 << 16));
        REQUIRE(to);
        std::copy_n(data.begin() + long(at), 1 << 16, *to);
    }
    REQUIRE(uploader->finish());
    CHECK(uploader->submissions() == 40);
    CHECK(arena.bytes() + (2 << 16) == device->bytes_used()); // two buffers
    std::vector<std::byte> got(data.size());
    REQUIRE(uploader->read(*slice, got));
    CHECK(got == data);
    require_no_validation_messages(*device);
}
