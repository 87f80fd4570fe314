// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a GGUF file. What is accepted must obey the format, and every value and tensor can be read.
#include "base/check.hpp"
#include "io/gguf.hpp"

using namespace weft;
using namespace weft::detail;

namespace {

void read_all(const GgufMetadata& metadata, std::span<const std::byte> file) {
    for (const auto& [key, value] : metadata.entries()) {
        weft_CHECK(metadata.find(key) != nullptr && metadata.has(key), "a key is found");
        weft_CHECK(value.bytes.data() >= file.data() &&
                       value.bytes.data() + value.bytes.size() <= file.data() + file.size(),
                   "a value lies in the file");
        const auto integers = metadata.integers(key);
        const auto numbers = metadata.numbers(key);
        const auto strings = metadata.strings(key);
        if (integers) weft_CHECK(value.array && integers->size() == value.count, "every element is read");
        if (numbers) weft_CHECK(value.array && numbers->size() == value.count, "every element is read");
        if (strings) weft_CHECK(value.array && strings->size() == value.count, "every element is read");
        const bool scalar =
            bool(metadata.number(key)) + bool(metadata.string(key)) + bool(metadata.boolean_or(key, false)) > 0;
        weft_CHECK(!(scalar && value.array), "an array is not a scalar");
        (void)metadata.count(key);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto file = GgufFile::parse(bytes, "input");
    if (!file) {
        weft_CHECK(file.error().code == ErrorCode::malformed || file.error().code == ErrorCode::unsupported,
                   "a broken file is malformed");
        weft_CHECK(file.error().message.starts_with("input: "), "a message begins with the file");
        weft_CHECK(file.error().message.size() < 4096, "a message is short, whatever the file holds");
        return 0;
    }
    read_all(file->metadata(), bytes);
    const std::byte* end = data ? bytes.data() : nullptr;
    for (const TensorView& tensor : file->tensors()) {
        weft_CHECK(tensor.bytes.data() >= end, "tensors follow each other");
        end = tensor.bytes.data() + tensor.bytes.size();
        weft_CHECK(end <= bytes.data() + size, "a tensor lies in the file");
        weft_CHECK(file->find(tensor.name) == &tensor, "a tensor is found by its name");
        const auto dtype = dtype_of(tensor.type);
        const double block = dtype ? block_info(*dtype).elements : 1;
        const double block_bytes = dtype ? block_info(*dtype).bytes : bits_of(tensor.type) / 8;
        // In floating point, where a product that overflows 64 bits does not come back to a small one.
        double needed = block_bytes / block;
        for (const uint64_t extent : tensor.shape) needed *= double(extent);
        weft_CHECK(needed == double(tensor.bytes.size()), "shape x type fills the bytes");
        if (const auto values = read_f32(tensor)) weft_CHECK(values->size() == tensor.count(), "every element is read");
    }
    return 0;
}
