// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_writer.hpp"
#include "base/json.hpp"
#include "io/safetensors.hpp"
#include <algorithm>
#include <cstring>

namespace weft::detail {

Result<std::vector<std::byte>> serialize_safetensors(std::span<const TensorView> tensors,
                                                     const std::map<std::string, std::string>& metadata) {
    std::vector<const TensorView*> order;
    for (const TensorView& tensor : tensors) order.push_back(&tensor);
    std::stable_sort(order.begin(), order.end(), [](auto* a, auto* b) { return bits_of(a->type) > bits_of(b->type); });

    Json header = Json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    uint64_t end = 0;
    for (const TensorView* tensor : order) {
        const uint64_t begin = end;
        end += tensor->bytes.size();
        const Json entry = {{"dtype", name_of(tensor->type)}, {"shape", tensor->shape}, {"data_offsets", {begin, end}}};
        if (tensor->name == "__metadata__" || !header.emplace(tensor->name, entry).second)
            return Error{ErrorCode::invalid_argument, "tensor " + in_quotes(tensor->name) + ": the name is taken", {}};
    }
    std::string text;
    try { // the serializer's only way to refuse a string that is not UTF-8
        text = header.dump();
    } catch (const Json::exception&) {
        return Error{ErrorCode::invalid_argument, "a name or a string of the metadata is not UTF-8", {}};
    }
    text.resize((text.size() + 7) / 8 * 8, ' '); // so that the data starts aligned

    const uint64_t length = text.size();
    std::vector<std::byte> file(sizeof length + text.size() + end);
    std::byte* at = file.data();
    const auto put = [&](const void* from, size_t size) {
        if (size > 0) std::memcpy(at, from, size);
        at += size;
    };
    put(&length, sizeof length);
    put(text.data(), text.size());
    for (const TensorView* tensor : order) put(tensor->bytes.data(), tensor->bytes.size());

    // The reader knows the rules: whatever else is wrong with the arguments, it says.
    if (auto checked = SafetensorsFile::parse(file, "safetensors to be written"); !checked) {
        checked.error().code = ErrorCode::invalid_argument;
        return std::move(checked).error();
    }
    return file;
}

Status write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                         const std::map<std::string, std::string>& metadata) {
    auto file = serialize_safetensors(tensors, metadata);
    if (!file) return in_context(path.string(), std::move(file).error());
    return write_file_atomically(path, *file);
}

} // namespace weft::detail
