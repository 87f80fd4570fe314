// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_header.hpp"
#include "base/json.hpp"

namespace weft::detail {
namespace {

constexpr size_t kMostDimensions = 64; // what numpy and PyTorch hold; bounds the memory that a header can claim
constexpr const char* kMetadata = "__metadata__";

// Where the stream stands: inside which container.
enum class In { nothing, header, metadata, tensor, shape, offsets, unknown };
// What the last key asks for.
enum class Key { none, metadata, tensor, type, shape, offsets, unknown };

// nlohmann's stream interface: a member returns false to stop, having set error_.
class HeaderReader final : public nlohmann::json_sax<Json> {
public:
    SafetensorsHeader header;
    std::optional<Error> error;

    bool null() override { return in_ == In::header && key_ == Key::metadata ? true : other(); }
    bool boolean(bool) override { return other(); }
    bool number_integer(int64_t) override { return other(); }
    bool number_float(double, const std::string&) override { return other(); }
    bool binary(Json::binary_t&) override { return other(); }

    bool number_unsigned(uint64_t value) override {
        if (in_ == In::shape) {
            if (entry().shape.size() == kMostDimensions)
                return refuse("shape has more than " + std::to_string(kMostDimensions) + " dimensions");
            entry().shape.push_back(value);
            return true;
        }
        if (in_ == In::offsets && offsets_ < 2) {
            (offsets_++ == 0 ? entry().begin : entry().end) = value;
            return true;
        }
        return other();
    }

    bool string(std::string& value) override {
        if (in_ == In::metadata) {
            if (value.find('\0') != value.npos)
                return refuse("the value of " + in_quotes(metadata_key_) + " has a zero byte");
            header.metadata[metadata_key_] = std::move(value);
            return true;
        }
        if (in_ != In::tensor || key_ != Key::type) return other();
        const auto type = file_type(value);
        if (!type) return refuse("dtype " + in_quotes(value) + " is not a type of the format");
        entry().type = *type;
        return true;
    }

    bool start_object(size_t) override {
        if (ignoring()) return enter_unknown();
        if (in_ == In::nothing) return enter(In::header);
        if (in_ == In::header && key_ == Key::metadata) return enter(In::metadata);
        if (in_ == In::header) return enter(In::tensor);
        return other();
    }

    bool end_object() override {
        if (in_ == In::unknown) return leave_unknown();
        if (in_ == In::tensor && !(has_type_ && has_shape_ && has_offsets_))
            return refuse(std::string("has no ") + (!has_type_ ? "dtype" : !has_shape_ ? "shape" : "data_offsets"));
        return enter(In::header);
    }

    bool start_array(size_t) override {
        if (ignoring()) return enter_unknown();
        if (in_ == In::tensor && key_ == Key::shape) return enter(In::shape);
        if (in_ == In::tensor && key_ == Key::offsets) return enter(In::offsets);
        return other();
    }

    bool end_array() override {
        if (in_ == In::unknown) return leave_unknown();
        if (in_ == In::offsets && offsets_ != 2) return other();
        return enter(In::tensor);
    }

    bool key(std::string& name) override {
        if (in_ == In::unknown) return true;
        if (in_ == In::header) return header_key(name);
        if (in_ == In::metadata) return metadata_key(name);
        return tensor_key(name);
    }

    bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& e) override {
        std::string why = e.what();
        if (const auto colon = why.find(": "); colon != why.npos) why = why.substr(colon + 2);
        if (why.size() > 200) why = why.substr(0, 200) + "..."; // it quotes the token, which may be the whole file
        error = Error{
            ErrorCode::malformed, "header is not valid JSON at byte " + std::to_string(position) + ": " + why, {}};
        return false;
    }

private:
    SafetensorsHeader::Entry& entry() { return header.entries.back(); }

    bool enter(In place) {
        in_ = place;
        return true;
    }
    bool ignoring() const { return in_ == In::unknown || (in_ == In::tensor && key_ == Key::unknown); }
    bool enter_unknown() {
        ++unknown_depth_;
        return enter(In::unknown);
    }
    bool leave_unknown() { return --unknown_depth_ > 0 || enter(In::tensor); }

    bool header_key(std::string& name) {
        if (name == kMetadata) {
            key_ = Key::metadata;
            if (std::exchange(metadata_seen_, true)) return refuse("the key occurs twice");
            return true;
        }
        key_ = Key::tensor;
        has_type_ = has_shape_ = has_offsets_ = false;
        offsets_ = 0;
        header.entries.push_back({std::move(name), {}, {}, 0, 0});
        if (entry().name.find('\0') != std::string::npos) return refuse("the name has a zero byte");
        return true;
    }

    bool metadata_key(std::string& name) {
        if (name.find('\0') != name.npos) return refuse("the key " + in_quotes(name) + " has a zero byte");
        if (header.metadata.contains(name)) return refuse("the key " + in_quotes(name) + " occurs twice");
        metadata_key_ = std::move(name);
        return true;
    }

    bool tensor_key(const std::string& name) {
        bool ignored = false; // an unknown key may repeat
        bool* seen = &ignored;
        if (name == "dtype") {
            key_ = Key::type;
            seen = &has_type_;
        } else if (name == "shape") {
            key_ = Key::shape;
            seen = &has_shape_;
        } else if (name == "data_offsets") {
            key_ = Key::offsets;
            seen = &has_offsets_;
        } else key_ = Key::unknown;
        if (std::exchange(*seen, true)) return refuse(name + " occurs twice");
        return true;
    }

    // A value of a kind that has no place here, unless what holds it is unknown anyway.
    bool other() {
        if (ignoring()) return true;
        if (in_ == In::metadata) return refuse("the value of " + in_quotes(metadata_key_) + " must be a string");
        if (in_ == In::header)
            return refuse(key_ == Key::metadata ? "must be an object of strings"
                                                : "must be an object with dtype, shape and data_offsets");
        if (key_ == Key::type) return refuse("dtype must be a string");
        if (key_ == Key::shape) return refuse("shape must be a list of whole numbers below 2^64");
        return refuse("data_offsets must be two whole numbers below 2^64");
    }

    bool refuse(const std::string& rule) {
        std::string where = "header";
        if (key_ == Key::metadata) where = kMetadata;
        else if (key_ != Key::none) where = "tensor " + in_quotes(entry().name);
        error = Error{ErrorCode::malformed, where + ": " + rule, {}};
        return false;
    }

    In in_ = In::nothing;
    Key key_ = Key::none;
    int unknown_depth_ = 0;
    bool metadata_seen_ = false, has_type_ = false, has_shape_ = false, has_offsets_ = false;
    int offsets_ = 0;
    std::string metadata_key_;
};

} // namespace

Result<SafetensorsHeader> read_safetensors_header(std::string_view text) {
    const auto refuse = [](const char* rule) { return Error{ErrorCode::malformed, std::string("header ") + rule, {}}; };
    if (text.empty() || text[0] != '{') return refuse("must begin with '{'");
    // The parser takes a zero byte for the end of its input and would not look at what follows.
    if (text.find('\0') != text.npos) return refuse("is not valid JSON: it has a zero byte");
    HeaderReader reader;
    const bool done = Json::sax_parse(text.begin(), text.end(), &reader);
    if (reader.error) return *std::move(reader.error);
    if (!done) return refuse("is not valid JSON");
    return std::move(reader.header);
}

} // namespace weft::detail
