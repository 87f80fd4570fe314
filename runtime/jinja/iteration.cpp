// SPDX-License-Identifier: Apache-2.0
// Going over the items of a value.
#include "jinja/objects.hpp"
#include <functional>

namespace weft::detail::jinja {
namespace {

// The items of a value that has a length, forwards or backwards.
class Walk final : public Iterator {
public:
    Walk(Meter* meter, Value of, int64_t length, bool backward)
        : Iterator(meter, sizeof(Walk), of.depth() + 1), of_(std::move(of)), left_(length), length_(length),
          backward_(backward) {}

    Result<bool> next(Interpreter& in, Value& item) override {
        if (left_ == 0) return false;
        const size_t index = size_t(backward_ ? left_ - 1 : length_ - left_);
        --left_;
        switch (of_.kind()) {
        case Kind::list:
        case Kind::tuple: item = of_.list().items()[index]; break;
        case Kind::dict: item = of_.dict().items()[index].first; break;
        case Kind::string: {
            const String& text = of_.string();
            const size_t begin = text.offset(index);
            item = in.make(text.bytes().substr(begin, text.offset(index + 1) - begin), text.markup());
            break;
        }
        default:
            if (const Range* range = of_.as<Range>()) item = Value::integer(range->at(int64_t(index)));
            else if (const DictView* view = of_.as<DictView>()) item = view->at(in, index);
        }
        return true;
    }
    std::string_view type_name() const override { return backward_ ? "list_reverseiterator" : "list_iterator"; }

private:
    Value of_;
    int64_t left_, length_;
    bool backward_;
};

class Generator final : public Iterator {
public:
    using Next = std::function<Result<bool>(Interpreter&, Value&)>;
    Generator(Meter* meter, uint32_t depth, Next next)
        : Iterator(meter, sizeof(Generator) + 64, depth), next_(std::move(next)) {}

    Result<bool> next(Interpreter& in, Value& item) override {
        if (!next_) return false;
        Interpreter::Nested nested(in); // one may draw on another
        weft_TRY(nested.check());
        weft_ASSIGN(const bool more, next_(in, item));
        if (!more) next_ = nullptr;
        return more;
    }

private:
    Next next_;
};

} // namespace

bool iterable(const Value& value) { return has_length(value) || value.as<Iterator>() != nullptr; }

Result<std::shared_ptr<Iterator>> iterate(Interpreter& in, const Value& value) {
    if (value.as<Iterator>()) return std::static_pointer_cast<Iterator>(value.object());
    if (!has_length(value)) return failure("'" + std::string(value.type_name()) + "' object is not iterable");
    weft_ASSIGN(const int64_t length, length_of(value));
    return std::static_pointer_cast<Iterator>(in.object<Walk>(value, length, false).object());
}

Result<std::vector<Value>> collect(Interpreter& in, const Value& value) {
    if (value.is_sequence()) {
        weft_TRY(in.step(1 + value.list().items().size() / 16));
        return value.list().items();
    }
    weft_ASSIGN(const auto items, iterate(in, value));
    std::vector<Value> out;
    for (;;) {
        Value item;
        weft_ASSIGN(const bool more, items->next(in, item));
        if (!more) return out;
        out.push_back(std::move(item));
        weft_TRY(in.step());
        if (out.size() % 1024 == 0) weft_TRY(in.room(out.size() * sizeof(Value)));
    }
}

Value generator(Interpreter& in, uint32_t depth, std::function<Result<bool>(Interpreter&, Value&)> next) {
    return in.object<Generator>(depth + 1, std::move(next));
}

Result<Value> reversed(Interpreter& in, const Value& value) {
    if (!has_length(value)) return failure("'" + std::string(value.type_name()) + "' object is not reversible");
    weft_ASSIGN(const int64_t length, length_of(value));
    return in.object<Walk>(value, length, true);
}

} // namespace weft::detail::jinja
