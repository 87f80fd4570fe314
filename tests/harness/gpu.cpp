// SPDX-License-Identifier: Apache-2.0
#include "harness/gpu.hpp"
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string_view>

namespace weft::test {
using namespace detail;
namespace {

// Made at first use, destroyed when the run ends: at process exit the driver's own globals may already be gone.
std::optional<Result<std::unique_ptr<vk::Device>>> made;

struct DestroyDevice : Catch::EventListenerBase {
    using EventListenerBase::EventListenerBase;
    void testRunEnded(const Catch::TestRunStats&) override { made.reset(); }
};

} // namespace
CATCH_REGISTER_LISTENER(DestroyDevice)

Result<std::unique_ptr<vk::Device>> open_device() {
    vk::DeviceOptions options;
    options.validation = true;
    // Cases ask for the dot form by themselves; all others are compared at the tolerance of exact products.
    options.disabled.set(vk::Feature::fast_integer_dot);
    const char* off = std::getenv("WEFT_TEST_DISABLE");
    const std::string_view disabled = off ? off : "";
    const std::pair<std::string_view, vk::Feature> names[] = {{"subgroup", vk::Feature::subgroup},
                                                              {"fixed_lanes", vk::Feature::fixed_lanes},
                                                              {"integer_dot", vk::Feature::integer_dot}};
    for (const auto& [name, feature] : names)
        if (disabled.find(name) != disabled.npos) options.disabled.set(feature);
    options.cpu_shapes = disabled.find("cpu_shapes") == disabled.npos;
    options.map_device_memory = disabled.find("mapped_memory") == disabled.npos;
    auto device = vk::Device::create(options);
    if (device) std::cerr << "device: " << (*device)->summary().name << ", " << (*device)->summary().driver << "\n";
    return device;
}

void no_device(const Error& error) {
    if (error.code == ErrorCode::not_found) SKIP("no Vulkan driver: " << error.text());
    FAIL(error.text());
    std::abort(); // FAIL throws
}

vk::Device& gpu() {
    if (!made) made.emplace(open_device());
    if (!*made) no_device(made->error());
    return *made->value();
}

void require_no_validation_messages(vk::Device& device) {
    static std::map<const vk::Device*, size_t> seen;
    const auto messages = device.validation_messages();
    std::string fresh;
    for (size_t i = seen[&device]; i < messages.size(); ++i) fresh += messages[i] + "\n";
    seen[&device] = messages.size();
    INFO(fresh);
    REQUIRE(fresh.empty());
}

} // namespace weft::test
