// SPDX-License-Identifier: Apache-2.0
// L1: the SPIR-V capabilities that shaders may declare; shadergen refuses all others.
#pragma once
#include "vulkan/features.hpp"
#include <optional>

namespace weft::detail::vk {

struct Capability {
    uint32_t number;
    std::optional<Feature> needs; ///< absent: every device has it
    const char* name;
};
inline constexpr Capability kCapabilities[] = {
    {0, {}, "matrices"},
    {1, {}, "shaders"},
    {61, {}, "basic subgroup operations"},
    {65, Feature::subgroup, "subgroup shuffle"},
    {6018, Feature::integer_dot, "integer dot product"}, // of four bytes packed into a word
    {6019, Feature::integer_dot, "integer dot product"},
};

/// Null: none that shaders may declare.
constexpr const Capability* capability(uint32_t number) {
    for (const Capability& c : kCapabilities)
        if (c.number == number) return &c;
    return nullptr;
}

} // namespace weft::detail::vk
