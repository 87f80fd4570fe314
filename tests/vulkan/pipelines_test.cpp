// SPDX-License-Identifier: Apache-2.0
// The pipeline cache on disk: the driver gets back what it gave, and never a byte of anything else.
#include "base/file.hpp"
#include "harness/host_device.hpp"
#include "cases/case.hpp"
#include "kernels/random_fill.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <fstream>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// How many bytes of a cache the driver got, and whether what was built with it ran. The device's end saves the cache.
size_t bytes_given(HostDevice& host, const std::filesystem::path& folder) {
    const auto device = host.adopt({.cache_dir = folder});
    kernel::CaseContext ctx(*device, 1);
    kernel::random_fill(ctx.recorder(), {.words = ctx.output("words", DType::u32, {8})});
    const auto status = ctx.run();
    INFO((status ? "" : status.error().text()));
    REQUIRE(status);
    return host.caches().back();
}

} // namespace

TEST_CASE("a pipeline cache is read where it is this driver's and whole, and else not at all", "[vulkan]") {
    HostDevice host;
    const TemporaryDirectory folder;
    CHECK(bytes_given(host, folder.path()) == 0);
    REQUIRE(folder.count() == 1);
    const auto path = std::filesystem::directory_iterator(folder.path())->path();
    const auto saved = read_file(path);
    REQUIRE(saved);
    const size_t given = bytes_given(host, folder.path());
    REQUIRE(given > 0);
    REQUIRE(given < saved->size());

    const auto given_of = [&](const std::string& file) {
        std::ofstream(path, std::ios::binary) << file;
        return bytes_given(host, folder.path());
    };
    CHECK(given_of(*saved) == given);
    const size_t header = saved->size() - given; // magic, vendor, device, driver, API, UUID, bytes, checksum
    std::vector<size_t> places{header + given / 2, saved->size() - 1};
    for (size_t at = 0; at <= header; ++at) places.push_back(at);
    for (const size_t at : places) {
        INFO("byte " << at);
        std::string damaged = *saved;
        damaged[at] = char(damaged[at] ^ 1);
        CHECK(given_of(damaged) == 0);
    }
    CHECK(given_of(saved->substr(0, saved->size() - 1)) == 0);
    CHECK(given_of(saved->substr(0, header)) == 0);
    CHECK(given_of(*saved + '\0') == 0);
    CHECK(given_of("") == 0);
}
