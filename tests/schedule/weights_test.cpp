// SPDX-License-Identifier: Apache-2.0
// Loading: every row of a weight lies where it belongs, of one that takes several batches and of one in several types.
#include "base/half.hpp"
#include "harness/gpu.hpp"
#include "io/safetensors_writer.hpp"
#include "schedule/weights.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <cstring>

using namespace weft;
using namespace weft::test;

TEST_CASE("a weight of several batches is loaded row by row", "[schedule]") {
    constexpr uint32_t kRows = 9000, kColumns = 1024, kFirst = 3; // a batch is 16 MiB
    std::vector<float> values(size_t(kRows + kFirst) * kColumns);
    for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 2003); // exact in half precision
    const TemporaryDirectory folder;
    folder.write("config.json", "{}");
    const std::vector<TensorView> tensors{
        {"w", FileType::f32, {kRows + kFirst, kColumns}, std::as_bytes(std::span(values))}};
    REQUIRE(write_safetensors(folder / "model.safetensors", tensors));
    const auto files = ModelFiles::open(folder.path());
    REQUIRE(files);
    WeightSlot slot;
    slot.name = "w";
    slot.shape = {kRows, kColumns};
    slot.matrix = true;
    slot.pieces = {{.names = {"w"}, .file_shape = {kRows + kFirst, kColumns}, .first_row = kFirst, .rows = kRows}};
    auto uploader = vk::Uploader::create(gpu());
    REQUIRE(uploader);
    for (const WeightType type : {WeightType::f32, WeightType::f16}) {
        const auto loaded = DeviceWeights::load(gpu(), {slot}, *files, type, {});
        INFO((loaded ? "" : loaded.error().text()));
        REQUIRE(loaded);
        const auto& part = loaded->all()[0].parts.at(0);
        const size_t size = size_of(part.dtype);
        std::vector<std::byte> got(size_t(kRows) * kColumns * size);
        REQUIRE(uploader->read(part.slice, got));
        size_t wrong = 0;
        for (size_t i = 0; i < size_t(kRows) * kColumns; ++i) {
            const float expected = values[kFirst * kColumns + i];
            const uint16_t half = float_to_half(expected);
            wrong += size == 4 ? std::memcmp(&got[4 * i], &expected, 4) != 0 : std::memcmp(&got[2 * i], &half, 2) != 0;
        }
        CHECK(wrong == 0);
    }
    require_no_validation_messages();
}

TEST_CASE("tensors of different types that make one weight lie in parts, one below the other", "[schedule]") {
    constexpr uint32_t kColumns = 32;
    const uint32_t rows[] = {3, 1, 5};
    std::vector<float> floats(8 * kColumns); // of the first and the last
    std::vector<uint16_t> halves(kColumns);
    for (size_t i = 0; i < floats.size(); ++i) floats[i] = float(i) + 0.5f;
    for (size_t i = 0; i < halves.size(); ++i) halves[i] = float_to_half(float(i));
    const auto bytes = std::as_bytes(std::span(floats));
    const std::vector<TensorView> tensors{
        {"a", FileType::f32, {rows[0], kColumns}, bytes.first(rows[0] * kColumns * 4)},
        {"b", FileType::f16, {rows[1], kColumns}, std::as_bytes(std::span(halves))},
        {"c", FileType::f32, {rows[2], kColumns}, bytes.subspan(rows[0] * kColumns * 4)}};
    const TemporaryDirectory folder;
    folder.write("config.json", "{}");
    REQUIRE(write_safetensors(folder / "model.safetensors", tensors));
    const auto files = ModelFiles::open(folder.path());
    REQUIRE(files);
    WeightSlot slot;
    slot.name = "w";
    slot.shape = {9, kColumns};
    for (size_t i = 0; i < 3; ++i)
        slot.pieces.push_back({.names = {tensors[i].name}, .file_shape = {rows[i], kColumns}});
    const auto loaded = DeviceWeights::load(gpu(), {slot}, *files, WeightType::stored, {});
    INFO((loaded ? "" : loaded.error().text()));
    REQUIRE(loaded);
    const auto& parts = loaded->all()[0].parts;
    REQUIRE(parts.size() == 3);
    auto uploader = vk::Uploader::create(gpu());
    REQUIRE(uploader);
    for (size_t i = 0; i < 3; ++i) {
        INFO("part " << i);
        REQUIRE(parts[i].shape == std::vector<uint32_t>{rows[i], kColumns});
        std::vector<std::byte> got(tensors[i].bytes.size());
        REQUIRE(uploader->read(parts[i].slice, got));
        CHECK(std::ranges::equal(got, tensors[i].bytes));
    }
}
