// SPDX-License-Identifier: Apache-2.0
#include "text/token_model.hpp"
#include "text/bpe.hpp"
#include "text/part.hpp"

namespace weft::text {
namespace {

constexpr PartType<TokenModel> kTypes[] = {
    {"BPE", read_bpe},
};

} // namespace

Result<std::unique_ptr<TokenModel>> read_token_model(const PartReader& part) {
    if (!part.has("type") && part.has("merges")) return read_bpe(part); // older files have no type
    return read_typed(part, kTypes);
}

} // namespace weft::text
