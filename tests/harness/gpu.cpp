// SPDX-License-Identifier: Apache-2.0
#include "harness/gpu.hpp"
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace weft::test {

namespace {

// Made at first use, destroyed when the run ends: at process exit the driver's own globals may already be gone.
std::optional<Result<std::unique_ptr<vk::Device>>> made_device;

struct DestroyDevice : Catch::EventListenerBase {
    using EventListenerBase::EventListenerBase;
    void testRunEnded(const Catch::TestRunStats&) override { made_device.reset(); }
};

} // namespace
CATCH_REGISTER_LISTENER(DestroyDevice)

vk::Device& gpu() {
    if (!made_device) made_device.emplace([] {
        vk::DeviceOptions options;
        options.validation = true;
        const char* off = std::getenv("WEFT_TEST_DISABLE");
        const std::string_view disabled = off ? off : "";
        const std::pair<std::string_view, vk::Feature> names[] = {{"float16", vk::Feature::float16}, {"subgroup", vk::Feature::subgroup}, {"integer_dot", vk::Feature::integer_dot}, {"cooperative_matrix", vk::Feature::cooperative_matrix}};
        for (const auto& [name, feature] : names)
            if (disabled.find(name) != disabled.npos) options.disabled.set(feature);
        auto device = vk::Device::create(options);
        if (device) std::cerr << "device: " << (*device)->summary().name << ", " << (*device)->summary().driver << "\n";
        return device;
    }());
    auto& made = *made_device;
    if (!made) {
        if (made.error().code == ErrorCode::not_found) SKIP("no Vulkan driver: " << made.error().text());
        FAIL(made.error().text());
    }
    return *made.value();
}

void require_no_validation_messages() {
    static size_t seen = 0;
    const auto messages = gpu().validation_messages();
    std::string fresh;
    for (size_t i = seen; i < messages.size(); ++i) fresh += messages[i] + "\n";
    seen = messages.size();
    INFO(fresh);
    REQUIRE(fresh.empty());
}

} // namespace weft::test
