// SPDX-License-Identifier: Apache-2.0
// Drivers that lack a part of Vulkan: instances ask for them where the loader knows how, and devices say that they
// know.
#include "vulkan/physical_device.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstring>

using namespace weft::detail::vk;

namespace {

std::vector<VkExtensionProperties> list_of(std::initializer_list<const char*> names) {
    std::vector<VkExtensionProperties> list;
    for (const char* name : names) {
        VkExtensionProperties e{};
        std::strncpy(e.extensionName, name, sizeof e.extensionName - 1);
        list.push_back(e);
    }
    return list;
}

bool has(const std::vector<const char*>& names, const char* name) {
    return std::ranges::any_of(names, [&](const char* n) { return std::strcmp(n, name) == 0; });
}

} // namespace

TEST_CASE("an instance asks for drivers that lack a part of Vulkan where the loader offers it", "[vulkan]") {
    constexpr const char* enumeration = "VK_KHR_portability_enumeration";
    const InstanceSettings with = instance_settings(list_of({"VK_KHR_surface", enumeration}));
    CHECK(with.flags == VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR);
    CHECK(with.extensions.size() == 1);
    CHECK(has(with.extensions, enumeration));
    const InstanceSettings without = instance_settings(list_of({"VK_KHR_surface", "VK_EXT_debug_utils"}));
    CHECK(without.flags == 0);
    CHECK(without.extensions.size() == 1);
    CHECK(has(without.extensions, "VK_EXT_debug_utils"));
}

TEST_CASE("a device that lacks a part of Vulkan is made with the extension that says so", "[vulkan]") {
    constexpr const char *subset = "VK_KHR_portability_subset", *dot = "VK_KHR_shader_integer_dot_product";
    const auto offered = list_of({subset, dot});
    const FeatureChain old(offered, VK_API_VERSION_1_1), recent(offered, VK_API_VERSION_1_3),
        whole(list_of({dot}), VK_API_VERSION_1_1);
    CHECK((has(old.extensions, subset) && has(old.extensions, dot)));
    CHECK((has(recent.extensions, subset) && !has(recent.extensions, dot))); // part of 1.3
    CHECK(!has(whole.extensions, subset));
}
