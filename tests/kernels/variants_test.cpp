// SPDX-License-Identifier: Apache-2.0
// Which forms of a kernel can be chosen, and the reason for those that cannot.
#include "vulkan/pipelines.hpp"
#include <catch2/catch_all.hpp>

using namespace weft;
using namespace weft::detail;

TEST_CASE("forms that a device or this build's compiler lacks are not usable", "[kernels]") {
    const auto device = vk::Device::described({});
    const uint32_t word = 0, shuffle = 65, int8 = 39; // SPIR-V's GroupNonUniformShuffle, Int8
    const vk::VariantInfo variants[] = {{"core", "", "any device", &word, 4, nullptr, 0, nullptr},
                                        {"subgroup", "", "with subgroups", &word, 4, &shuffle, 1, nullptr},
                                        {"dot", "", "left out", nullptr, 0, nullptr, 0, nullptr},
                                        {"bytes", "", "of no row", &word, 4, &int8, 1, nullptr}};
    vk::KernelInfo kernel{};
    kernel.name = "foo";
    kernel.variants = variants;
    kernel.variant_count = 4;
    std::vector<std::string> reasons;
    CHECK(vk::usable(*device, kernel, 0, &reasons));
    CHECK(reasons.empty());
    CHECK_FALSE(vk::usable(*device, kernel, 1, &reasons));
    CHECK_FALSE(vk::usable(*device, kernel, 2, &reasons));
    CHECK_FALSE(vk::usable(*device, kernel, 3, &reasons));
    CHECK(reasons == std::vector<std::string>{"foo.subgroup: the device lacks subgroup shuffle",
                                              "foo.dot: this build's glslc could not compile it",
                                              "foo.bytes: it declares the SPIR-V capability 39, which is not known"});
    CHECK(vk::needed_features(kernel, 1).bits == uint32_t(vk::Feature::subgroup));
    CHECK(vk::needed_features(kernel, 2).bits == 0);
}
