// SPDX-License-Identifier: Apache-2.0
// Test support: a model directory with some weights changed.
#pragma once
#include "base/half.hpp"
#include "base/json.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace weft::test {
using namespace detail;

/// Copies all files of `from` into `to`, a directory that is there.
inline void copy_model(const std::filesystem::path& from, const std::filesystem::path& to) {
    for (const auto& entry : std::filesystem::directory_iterator(from)) {
        std::ifstream in(entry.path(), std::ios::binary);
        std::ofstream(to / entry.path().filename(), std::ios::binary)
            << in.rdbuf(); // not its rights: it may be read-only
    }
}

/// Sets `count` elements of a tensor of floats in a safetensors file, from number `first` on.
inline void set_elements(const std::filesystem::path& file, const std::string& tensor, uint64_t first, uint64_t count,
                         float value) {
    std::fstream f(file, std::ios::binary | std::ios::in | std::ios::out);
    uint64_t length = 0;
    REQUIRE(f.read(reinterpret_cast<char*>(&length), 8));
    std::string header(length, ' ');
    REQUIRE(f.read(header.data(), std::streamsize(length)));
    const auto json = parse_json(header, file.string());
    REQUIRE(json);
    REQUIRE(json->contains(tensor));
    const std::string type = (*json)[tensor]["dtype"];
    const uint16_t half = type == "F16" ? float_to_half(value) : float_to_bf16(value);
    const uint64_t size = type == "F32" ? 4 : 2;
    f.seekp(std::streamoff(8 + length + (*json)[tensor]["data_offsets"][0].get<uint64_t>() + first * size));
    for (uint64_t i = 0; i < count; ++i)
        f.write(size == 4 ? reinterpret_cast<const char*>(&value) : reinterpret_cast<const char*>(&half),
                std::streamsize(size));
    REQUIRE(f.flush());
}

} // namespace weft::test
