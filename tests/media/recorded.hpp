// SPDX-License-Identifier: Apache-2.0
// Test support: the recorded pictures of the repository.
#pragma once
#include "io/safetensors.hpp"
#include "repository.hpp"
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <weft/picture.hpp>

namespace weft::test {
using namespace detail;

inline std::filesystem::path pictures() { return repository() / "tests/goldens/pictures"; }

/// The tensors [height, width, 3] of bytes of a file.
inline std::map<std::string, Picture> recorded_pictures(const std::string& file) {
    const auto opened = SafetensorsFile::open(pictures() / file);
    REQUIRE(opened);
    std::map<std::string, Picture> all;
    for (const TensorView& t : opened->tensors()) {
        Picture p{t.name, uint32_t(t.shape.at(0)), uint32_t(t.shape.at(1)), {}};
        for (const std::byte b : t.bytes) p.pixels.push_back(uint8_t(b));
        all.emplace(t.name, std::move(p));
    }
    return all;
}

} // namespace weft::test
