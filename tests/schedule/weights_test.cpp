// SPDX-License-Identifier: Apache-2.0
// Loading: every row of a weight lies where it belongs, of one that takes several batches and of one in several types.
#include "base/half.hpp"
#include "harness/gpu.hpp"
#include "io/safetensors_writer.hpp"
#include "schedule/weights.hpp"
#include "unit/temporary_directory.hpp"
#include "vulkan/uploader.hpp"
#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// A matrix of `kRows` rows behind `kFirst` others, in a directory.
struct Large {
    static constexpr uint32_t kRows = 9000, kColumns = 1024, kFirst = 3;
    TemporaryDirectory folder;
    std::vector<float> values = std::vector<float>(size_t(kRows + kFirst) * kColumns);
    std::optional<ModelFiles> files;
    WeightSlot slot;

    Large() {
        for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 2003); // exact in half precision
        folder.write("config.json", "{}");
        const std::vector<TensorView> tensors{
            {"w", FileType::f32, {kRows + kFirst, kColumns}, std::as_bytes(std::span(values))}};
        REQUIRE(write_safetensors(folder / "model.safetensors", tensors));
        auto opened = ModelFiles::open(folder.path());
        REQUIRE(opened);
        files.emplace(std::move(*opened));
        slot.name = "w";
        slot.shape = {kRows, kColumns};
        slot.matrix = true;
        slot.pieces = {{.names = {"w"}, .file_shape = {kRows + kFirst, kColumns}, .rows = {kFirst, {{kRows}}}}};
    }
};

} // namespace

TEST_CASE("a weight of many jobs is loaded row by row, in place and through staging buffers", "[schedule]") {
    const Large large; // a job is 4 MiB, a staging buffer 16
    auto staged = vk::Device::create({.validation = true, .map_device_memory = false});
    if (!staged) no_device(staged.error());
    for (vk::Device* const device : {&gpu(), staged->get()}) {
        auto uploader = vk::Uploader::create(*device);
        REQUIRE(uploader);
        for (const WeightType type : {WeightType::f32, WeightType::f16}) {
            uint64_t told = 0, whole = 0;
            const auto progress = [&](uint64_t done, uint64_t total) {
                CHECK(done >= told);
                told = done;
                whole = total;
                return true;
            };
            const auto loaded = DeviceWeights::load(*device, {large.slot}, *large.files, type, progress);
            INFO((loaded ? "" : loaded.error().text()));
            REQUIRE(loaded);
            const auto& part = loaded->all()[0].parts.at(0);
            const size_t size = size_of(part.dtype);
            CHECK(whole == uint64_t(Large::kRows) * Large::kColumns * size);
            CHECK(told == whole);
            std::vector<std::byte> got(size_t(Large::kRows) * Large::kColumns * size);
            REQUIRE(uploader->read(part.slice, got));
            size_t wrong = 0;
            for (size_t i = 0; i < size_t(Large::kRows) * Large::kColumns; ++i) {
                const float expected = large.values[Large::kFirst * Large::kColumns + i];
                const uint16_t half = float_to_half(expected);
                wrong +=
                    size == 4 ? std::memcmp(&got[4 * i], &expected, 4) != 0 : std::memcmp(&got[2 * i], &half, 2) != 0;
            }
            CHECK(wrong == 0);
        }
        require_no_validation_messages(*device);
    }
}

TEST_CASE("loading stops when it is told to, and where staging buffers have no room", "[schedule]") {
    const Large large;
    const uint64_t before = gpu().bytes_used();
    const auto caller = std::this_thread::get_id();
    uint32_t told = 0;
    const auto stopped =
        DeviceWeights::load(gpu(), {large.slot}, *large.files, WeightType::f32, [&](uint64_t, uint64_t) {
            CHECK(std::this_thread::get_id() == caller);
            return ++told == 0;
        });
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::cancelled);
    CHECK(told == 1);
    CHECK(gpu().bytes_used() == before);

    auto tight = vk::Device::create(
        {.memory_limit = uint64_t(Large::kRows) * Large::kColumns * 4 + 4096, .map_device_memory = false});
    if (!tight) no_device(tight.error());
    const auto refused = DeviceWeights::load(**tight, {large.slot}, *large.files, WeightType::f32, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::out_of_memory);
    CHECK(refused.error().message.find("staging") != std::string::npos);
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

TEST_CASE("pieces that lie in turn in a weight are loaded where they belong, whatever their types", "[schedule]") {
    // Three experts of 4 gate and 2 up rows: gate from one tensor, whose rows have two halves in turn, up from the last
    // rows of each group of five of another.
    constexpr uint32_t kExperts = 3, kGate = 4, kUp = 2, kGroup = 5, kColumns = 8;
    std::vector<float> gate(kExperts * kGate * kColumns), up(kExperts * kGroup * kColumns);
    for (size_t i = 0; i < gate.size(); ++i) gate[i] = float(i);
    for (size_t i = 0; i < up.size(); ++i) up[i] = -float(i); // exact in half precision
    std::vector<uint16_t> halves;
    for (const float v : up) halves.push_back(float_to_half(v));
    std::vector<float> expected[2]; // rows of gate, rows of up, of all experts
    for (uint32_t e = 0; e < kExperts; ++e) {
        for (const uint32_t row : {0, 2, 1, 3})
            for (uint32_t c = 0; c < kColumns; ++c) expected[0].push_back(gate[(e * kGate + row) * kColumns + c]);
        for (uint32_t row = kGroup - kUp; row < kGroup; ++row)
            for (uint32_t c = 0; c < kColumns; ++c) expected[1].push_back(up[(e * kGroup + row) * kColumns + c]);
    }
    auto uploader = vk::Uploader::create(gpu());
    REQUIRE(uploader);
    for (const bool one_type : {true, false}) {
        const TemporaryDirectory folder;
        folder.write("config.json", "{}");
        const auto rest = one_type ? std::as_bytes(std::span(up)) : std::as_bytes(std::span(halves));
        const std::vector<TensorView> tensors{
            {"gate", FileType::f32, {kExperts, kGate, kColumns}, std::as_bytes(std::span(gate))},
            {"up", one_type ? FileType::f32 : FileType::f16, {kExperts * kGroup, kColumns}, rest}};
        REQUIRE(write_safetensors(folder / "model.safetensors", tensors));
        const auto files = ModelFiles::open(folder.path());
        REQUIRE(files);
        constexpr uint32_t kBoth = kGate + kUp;
        const WeightSlot slot{"w",
                              {kExperts, kBoth, kColumns},
                              true,
                              {{{"gate"},
                                {kExperts, kGate, kColumns},
                                even_then_odd(kExperts, kGate, kGate),
                                rows_of_groups(kExperts, kBoth, 0, kGate)},
                               {{"up"},
                                {kExperts * kGroup, kColumns},
                                rows_of_groups(kExperts, kGroup, kGroup - kUp, kUp),
                                rows_of_groups(kExperts, kBoth, kGate, kUp)}},
                              {},
                              {}};
        const auto loaded = DeviceWeights::load(gpu(), {slot}, *files, WeightType::stored, {});
        INFO((loaded ? "" : loaded.error().text()));
        REQUIRE(loaded);
        const auto& parts = loaded->all()[0].parts;
        REQUIRE(parts.size() == (one_type ? 1 : 2));
        std::vector<float> all;
        if (one_type) { // gate and up of each expert
            for (uint32_t e = 0; e < kExperts; ++e)
                for (size_t part = 0; part < 2; ++part) {
                    const size_t each = expected[part].size() / kExperts;
                    const auto from = expected[part].begin() + long(e * each);
                    all.insert(all.end(), from, from + long(each));
                }
            std::vector<float> got(all.size());
            REQUIRE(uploader->read(parts[0].slice, std::as_writable_bytes(std::span(got))));
            CHECK(got == all);
        } else {
            std::vector<float> got(expected[0].size()), floats;
            REQUIRE(uploader->read(parts[0].slice, std::as_writable_bytes(std::span(got))));
            CHECK(got == expected[0]);
            std::vector<uint16_t> words(expected[1].size());
            REQUIRE(uploader->read(parts[1].slice, std::as_writable_bytes(std::span(words))));
            for (const uint16_t word : words) floats.push_back(half_to_float(word));
            CHECK(floats == expected[1]);
        }
    }
    require_no_validation_messages();
}

TEST_CASE("a weight whose pieces cannot make it is a problem that names the tensor and the rule", "[schedule]") {
    const TemporaryDirectory folder;
    folder.write("config.json", "{}");
    const std::vector<float> values(12);
    REQUIRE(write_safetensors(folder / "model.safetensors",
                              {{TensorView{"w", FileType::f32, {3, 4}, std::as_bytes(std::span(values))}}}));
    const auto files = ModelFiles::open(folder.path());
    REQUIRE(files);
    WeightSlot slot{"q", {2, 4}, true, {{{"w"}, {3, 4}, {2, {{2}}}}}, {}, {}};
    CHECK(check_weights({slot}, *files) ==
          std::vector<std::string>{"q: the rows that are taken of 'w' must lie within its 3 rows"});
    slot.pieces[0].rows.first = 1;
    CHECK(check_weights({slot}, *files).empty());
}
