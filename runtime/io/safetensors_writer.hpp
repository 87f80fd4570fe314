// SPDX-License-Identifier: Apache-2.0
// L0: writes safetensors files: test data, and states saved to disk.
#pragma once
#include "io/tensor_view.hpp"
#include <filesystem>
#include <map>

namespace weft::detail {

/// The bytes of a safetensors file. A tensor's bytes are copied, so they need only live through the call.
/// Tensors are laid out by alignment, wide types first, then in the given order. Fails on what the reader would refuse:
/// a repeated name, a wrong size, bad UTF-8.
Result<std::vector<std::byte>> serialize_safetensors(std::span<const TensorView> tensors,
                                                     const std::map<std::string, std::string>& metadata = {});

/// Writes them to `path`: readers see the old file or the whole new one.
Status write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                         const std::map<std::string, std::string>& metadata = {});

} // namespace weft::detail
