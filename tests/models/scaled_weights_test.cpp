// SPDX-License-Identifier: Apache-2.0
// Checkpoints that have numbers and scales apart (FP8 in blocks, MXFP4) against the same values in f32.
#include "harness/gpu.hpp"
#include "io/safetensors_writer.hpp"
#include "pipelines/load.hpp"
#include "schedule/session.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <random>

using namespace weft;
using namespace weft::detail;

namespace {

/// Tensors that own their bytes.
class OwnedTensors {
public:
    void add(const std::string& name, FileType type, std::vector<uint64_t> shape, std::vector<std::byte> bytes) {
        bytes_.push_back(std::make_unique<std::vector<std::byte>>(std::move(bytes)));
        views_.push_back({name, type, std::move(shape), *bytes_.back()});
    }
    void add(const std::string& name, std::vector<uint64_t> shape, const std::vector<float>& values) {
        const auto bytes = std::as_bytes(std::span(values));
        add(name, FileType::f32, std::move(shape), {bytes.begin(), bytes.end()});
    }
    void write(const std::filesystem::path& path) const { REQUIRE(write_safetensors(path, views_)); }

private:
    std::vector<std::unique_ptr<std::vector<std::byte>>> bytes_;
    std::vector<TensorView> views_;
};

std::vector<float> logits(const std::filesystem::path& directory, DType expected) {
    const auto files = ModelFiles::open(directory);
    INFO((files ? "" : files.error().text()));
    REQUIRE(files);
    const auto model = load_model(test::gpu(), *files, WeightType::stored, {});
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    bool held = false;
    for (const DeviceWeight& w : (*model)->weights.all()) held |= w.parts[0].dtype == expected;
    CHECK(held);
    auto session = Session::create(*model, {.context = 16, .slots = 1, .max_chunk = 16});
    REQUIRE(session);
    std::vector<uint32_t> ids;
    for (uint32_t i = 0; i < 12; ++i) ids.push_back(3 + i * 7 % 80);
    const Feed feed{0, ids, 12};
    REQUIRE((*session)->forward(std::span(&feed, 1), Want::all));
    auto out = (*session)->logits();
    REQUIRE(out);
    return std::move(*out);
}

// Both sides multiply the same f32 values; only the order of their sums differs.
void check_close(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(double(a[i]) - b[i]));
    CHECK(worst < 1e-4);
}

float e4m3(uint8_t w) {
    const TensorView one{"", FileType::f8_e4m3, {1}, std::as_bytes(std::span(&w, 1))};
    return (*read_f32(one))[0];
}

} // namespace

TEST_CASE("FP8 with scales in blocks", "[models]") {
    weft_GOLDEN(folder, "llama");
    const auto original = ModelFiles::open(folder);
    REQUIRE(original);
    struct Form {
        uint64_t rows, columns; // of a block
        DType held;
    };
    for (const Form form : {Form{32, 32, DType::f8_blocks}, {48, 128, DType::f8_blocks}, {16, 24, DType::f32}})
        DYNAMIC_SECTION(form.rows << " x " << form.columns) {
            const test::TemporaryDirectory packed, plain;
            OwnedTensors a, b;
            for (const TensorView* t : original->tensors()) {
                const auto x = read_f32(*t);
                REQUIRE(x);
                if (t->name.find("_proj.weight") == t->name.npos) {
                    a.add(t->name, t->shape, *x);
                    b.add(t->name, t->shape, *x);
                    continue;
                }
                const uint64_t rows = t->shape[0], columns = t->shape[1], high = (rows + form.rows - 1) / form.rows,
                               wide = (columns + form.columns - 1) / form.columns;
                std::vector<float> scales(high * wide), values(x->size());
                std::vector<std::byte> numbers(x->size());
                for (size_t i = 0; i < scales.size(); ++i) scales[i] = 1e-3f * float(1 + i % 7);
                for (size_t i = 0; i < x->size(); ++i) {
                    const float scale = scales[i / columns / form.rows * wide + i % columns / form.columns];
                    uint8_t nearest = 0;
                    for (uint32_t w = 0; w < 256; ++w)
                        if ((w & 127) != 127 &&
                            std::abs(e4m3(uint8_t(w)) * scale - (*x)[i]) < std::abs(e4m3(nearest) * scale - (*x)[i]))
                            nearest = uint8_t(w);
                    numbers[i] = std::byte(nearest);
                    values[i] = e4m3(nearest) * scale;
                }
                a.add(t->name, FileType::f8_e4m3, t->shape, std::move(numbers));
                a.add(t->name + "_scale_inv", {high, wide}, scales);
                b.add(t->name, t->shape, values);
            }
            a.write(packed / "model.safetensors");
            b.write(plain / "model.safetensors");
            Json config = *original->config();
            plain.write("config.json", config.dump());
            config["quantization_config"] = {{"quant_method", "fp8"}, {"weight_block_size", {form.rows, form.columns}}};
            packed.write("config.json", config.dump());
            check_close(logits(packed.path(), form.held), logits(plain.path(), DType::f32));
        }
}

TEST_CASE("MXFP4 experts of a Hugging Face directory", "[models]") {
    weft_GOLDEN(folder, "gpt-oss");
    const auto original = ModelFiles::open(folder);
    REQUIRE(original);
    const float numbers[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6};
    std::mt19937 random(5);
    const test::TemporaryDirectory packed, plain;
    OwnedTensors a, b;
    for (const TensorView* t : original->tensors()) {
        const auto x = read_f32(*t);
        REQUIRE(x);
        if (!t->name.ends_with("gate_up_proj") && !t->name.ends_with("down_proj")) {
            a.add(t->name, t->shape, *x);
            b.add(t->name, t->shape, *x);
            continue;
        }
        const uint64_t experts = t->shape[0], in = t->shape[1], out = t->shape[2]; // the plain form is transposed
        std::vector<std::byte> blocks(experts * out * in / 2), scales(experts * out * in / 32);
        std::vector<float> values(x->size());
        for (std::byte& s : scales) s = std::byte(121 + random() % 4);
        for (std::byte& q : blocks) q = std::byte(random() % 256);
        for (uint64_t row = 0; row < experts * out; ++row)
            for (uint64_t c = 0; c < in; ++c) {
                const uint64_t i = row * in + c, q = uint64_t(blocks[i / 2]) >> i % 2 * 4 & 15;
                values[(row / out * in + c) * out + row % out] = std::ldexp(numbers[q], int(scales[i / 32]) - 127);
            }
        a.add(t->name + "_blocks", FileType::u8, {experts, out, in / 32, 16}, std::move(blocks));
        a.add(t->name + "_scales", FileType::u8, {experts, out, in / 32}, std::move(scales));
        b.add(t->name, t->shape, values);
    }
    a.write(packed / "model.safetensors");
    b.write(plain / "model.safetensors");
    packed.write("config.json", original->config()->dump());
    plain.write("config.json", original->config()->dump());
    check_close(logits(packed.path(), DType::mxfp4), logits(plain.path(), DType::f32));
}
