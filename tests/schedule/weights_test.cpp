// SPDX-License-Identifier: Apache-2.0
// Weights larger than what is loaded at once: every row lies where it belongs, as it is and in other types.
#include "base/half.hpp"
#include "harness/gpu.hpp"
#include "io/safetensors_writer.hpp"
#include "schedule/weights.hpp"
#include "unit/temporary_directory.hpp"
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
