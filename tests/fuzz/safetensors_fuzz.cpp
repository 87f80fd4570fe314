// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a safetensors file. What is accepted must obey the format and
// survive being written and read again.
#include "base/check.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include <algorithm>

using namespace weft;
using namespace weft::detail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto file = SafetensorsFile::parse(bytes, "input");
    if (!file) {
        weft_CHECK(file.error().code == ErrorCode::malformed, "a broken file is malformed");
        weft_CHECK(file.error().message.starts_with("input: "), "a message begins with the file");
        weft_CHECK(file.error().message.size() < 4096, "a message is short, whatever the file holds");
        return 0;
    }
    const std::byte* expected = file->tensors().empty() ? bytes.data() + size : file->tensors()[0].bytes.data();
    for (const TensorView& tensor : file->tensors()) {
        weft_CHECK(tensor.bytes.data() == expected, "tensors follow each other");
        expected += tensor.bytes.size();
        weft_CHECK(file->find(tensor.name) == &tensor, "a tensor is found by its name");
        // In floating point, where a product that overflows 64 bits does not come back to a small one.
        double bits = bits_of(tensor.type);
        for (const uint64_t extent : tensor.shape) bits *= double(extent);
        weft_CHECK(bits == double(tensor.bytes.size()) * 8, "shape x type fills the bytes");
        weft_CHECK(tensor.count() * bits_of(tensor.type) == uint64_t(tensor.bytes.size()) * 8, "the count agrees");
        if (const auto values = read_f32(tensor)) weft_CHECK(values->size() == tensor.count(), "every element is read");
        if (const auto values = read_i64(tensor)) weft_CHECK(values->size() == tensor.count(), "every element is read");
    }
    weft_CHECK(expected == bytes.data() + size, "tensors end with the file");

    const auto written = serialize_safetensors(file->tensors(), file->metadata());
    weft_CHECK(bool(written), "what was read can be written");
    const auto again = SafetensorsFile::parse(*written, "written");
    weft_CHECK(bool(again), "what was written can be read");
    weft_CHECK(again->metadata() == file->metadata() && again->tensors().size() == file->tensors().size(),
               "nothing is lost");
    for (const TensorView& tensor : file->tensors()) {
        const TensorView* copy = again->find(tensor.name);
        weft_CHECK(copy && copy->type == tensor.type && copy->shape == tensor.shape, "a tensor keeps its description");
        weft_CHECK(std::equal(copy->bytes.begin(), copy->bytes.end(), tensor.bytes.begin(), tensor.bytes.end()),
                   "a tensor keeps its bytes");
    }
    return 0;
}
