// SPDX-License-Identifier: Apache-2.0
#include "jinja/json_input.hpp"
#include <nlohmann/json.hpp>

namespace weft::detail::jinja {
namespace {

constexpr size_t kDeepest = 200; // as base/json

// Takes what nlohmann reads, piece by piece; its own objects would be sorted, or slow to look into.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit Builder(Interpreter& in) : in_(in) {}

    Value take() { return std::move(result_); }
    std::string problem; ///< why reading ended early

    bool null() override { return add(Value::none()); }
    bool boolean(bool value) override { return add(Value::boolean(value)); }
    bool number_integer(number_integer_t value) override { return add(Value::integer(value)); }
    bool number_unsigned(number_unsigned_t value) override {
        return value > uint64_t(INT64_MAX) ? refuse("an integer does not fit 64 bits")
                                           : add(Value::integer(int64_t(value)));
    }
    bool number_float(number_float_t value, const string_t& text) override {
        if (text.find_first_of(".eE") == text.npos)
            return refuse("the integer " + text.substr(0, 40) + " does not fit 64 bits");
        return add(Value::real(value));
    }
    bool string(string_t& value) override { return add(in_.text(std::move(value))); }
    bool binary(binary_t&) override { return refuse("binary data"); }

    bool start_object(size_t) override { return open(true); }
    bool key(string_t& name) override {
        open_.back().key = in_.text(std::move(name));
        return true;
    }
    bool end_object() override {
        Value made = in_.dict(std::move(open_.back().dict));
        open_.pop_back();
        return add(std::move(made));
    }
    bool start_array(size_t) override { return open(false); }
    bool end_array() override {
        Value made = in_.list(std::move(open_.back().items));
        open_.pop_back();
        return add(std::move(made));
    }
    bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& e) override {
        const std::string why = e.what();
        const size_t at = why.find("] ");
        return refuse("not valid JSON: " + (at == why.npos ? why : why.substr(at + 2)));
    }

private:
    struct Open {
        std::shared_ptr<Dict> dict; // null: a list
        Value key;
        std::vector<Value> items;
    };

    bool refuse(std::string why) {
        problem = std::move(why);
        return false;
    }

    bool open(bool object) {
        if (open_.size() == kDeepest) return refuse("nested deeper than " + std::to_string(kDeepest));
        open_.push_back({object ? in_.new_dict() : nullptr, Value(), {}});
        return true;
    }

    bool add(Value value) {
        if (open_.empty()) result_ = std::move(value);
        else if (open_.back().dict) open_.back().dict->put(std::move(open_.back().key), std::move(value));
        else open_.back().items.push_back(std::move(value));
        const Status status = in_.step();
        return status ? true : refuse(status.error().message);
    }

    Interpreter& in_;
    std::vector<Open> open_;
    Value result_;
};

} // namespace

Result<Value> read_json(Interpreter& in, std::string_view text, const std::string& origin) {
    const auto refuse = [&](const std::string& why) { return Error{ErrorCode::malformed, origin + ": " + why, {}}; };
    if (text.find('\0') != text.npos)
        return refuse("not valid JSON: it holds a zero byte"); // nlohmann would take it as the end
    Builder builder(in);
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return refuse(builder.problem);
    return builder.take();
}

} // namespace weft::detail::jinja
