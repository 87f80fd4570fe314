// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a JSON configuration, every key of it read as every type.
#include "base/check.hpp"
#include "base/json.hpp"
#include <cstddef>

using namespace weft;

namespace {

template <class T>
void check(const Result<T>& result, const JsonObject& object) {
    if (result) return;
    weft_CHECK(result.error().message.starts_with(object.origin() + ": key '"), "a message names the file and the key");
}

void read_all(const JsonObject& object) {
    for (const auto& [key, value] : object.json().items()) {
        check(object.integer(key), object);
        check(object.integer_or(key, 1), object);
        check(object.number(key), object);
        check(object.number_or(key, 1), object);
        check(object.boolean_or(key, true), object);
        check(object.string(key), object);
        check(object.string_or(key, "x"), object);
        check(object.numbers(key), object);
        check(object.strings(key), object);
        const auto count = object.count_or(key, 1);
        check(count, object);
        if (count) weft_CHECK(*count >= 1 && *count < (1u << 31), "a count is in its range");
        const auto inner = object.object(key);
        check(inner, object);
        if (inner) read_all(*inner);
        else if (value.is_array())
            for (const Json& item : value)
                if (item.is_object()) read_all(JsonObject(item, object.origin() + ": " + key));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "config.json");
    if (!json) {
        weft_CHECK(json.error().message.starts_with("config.json: not valid JSON"), "a message begins with the file");
        return 0;
    }
    if (json->is_object()) read_all(JsonObject(*json, "config.json"));
    return 0;
}
