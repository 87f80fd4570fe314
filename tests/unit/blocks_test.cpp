// SPDX-License-Identifier: Apache-2.0
// The layouts of quantized blocks, as C++ reads them, against ggml's own values.
#include "base/blocks.hpp"
#include "io/safetensors.hpp"
#include "io/tensor_view.hpp"
#include "unit/goldens.hpp"
#include <bit>
#include <catch2/catch_test_macros.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr DType kTypes[] = {
#define weft_ROW(id, NAME, number, elements, bytes, scale) DType::id,
    PLAIN_TYPES(weft_ROW) BLOCK_TYPES(weft_ROW)
#undef weft_ROW
};

} // namespace

TEST_CASE("blocks: every type has its own name and number") {
    for (const DType a : kTypes)
        for (const DType b : kTypes)
            if (a != b) {
                CHECK(block_info(a).number != block_info(b).number);
                CHECK(std::string(block_info(a).name) != block_info(b).name);
            }
    CHECK(bytes_of(DType::q6_k, 512) == 420);
    CHECK(in_blocks(DType::mxfp4));
    CHECK_FALSE(in_blocks(DType::bf16));
}

TEST_CASE("blocks: values are ggml's, bit for bit") {
    for (const DType type : kTypes) {
        const BlockInfo info = block_info(type);
        if (!in_blocks(type)) continue;
        DYNAMIC_SECTION(info.file_name) {
            weft_GOLDEN(path, std::string("quant/") + info.file_name + ".safetensors");
            const auto file = SafetensorsFile::open(path);
            REQUIRE(file);
            CHECK(file->metadata().at("ggml_type") == std::to_string(info.number));
            CHECK(file->metadata().at("block_elements") == std::to_string(info.elements));
            CHECK(file->metadata().at("block_bytes") == std::to_string(info.bytes));
            for (const std::string prefix : {"", "random."}) {
                const TensorView *blocks = file->find(prefix + "blocks"), *values = file->find(prefix + "values");
                REQUIRE((blocks && values));
                const auto expected = read_f32(*values);
                REQUIRE(expected);
                std::vector<float> got(expected->size());
                unpack_blocks(type, blocks->bytes, got);
                size_t wrong = 0, first = got.size();
                for (size_t i = 0; i < got.size(); ++i)
                    if (std::bit_cast<uint32_t>(got[i]) != std::bit_cast<uint32_t>((*expected)[i])) {
                        wrong++;
                        first = std::min(first, i);
                    }
                CAPTURE(prefix, first, first < got.size() ? got[first] : 0.0f,
                        first < got.size() ? (*expected)[first] : 0.0f);
                CHECK(wrong == 0);
            }
        }
    }
}
