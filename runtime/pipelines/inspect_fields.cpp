// SPDX-License-Identifier: Apache-2.0
#include "pipelines/inspect_fields.hpp"
#include "schedule/schedule_fields.hpp"

namespace weft::detail {
namespace {

class OpFields final : public FieldWalker {
public:
    using Fields::list;
    using Fields::value;
    void size(const char* key, uint32_t& x) override { add(key, int64_t(x)); }
    void size(const char* key, uint32_t& x, uint32_t) override { add(key, int64_t(x)); }
    void value(const char* key, bool& x, bool) override { add(key, x); }
    void value(const char* key, uint32_t& x, uint32_t) override { add(key, int64_t(x)); }
    void value(const char* key, uint64_t& x, uint64_t) override { add(key, int64_t(x)); }
    void value(const char* key, int64_t& x, int64_t) override { add(key, x); }
    void number(const char* key, float& x, float, Reach) override { add(key, double(x)); }
    void value(const char* key, std::string& x, const std::string&) override { add(key, x); }
    void choice(const char* key, uint32_t& x, uint32_t, std::span<const char* const> names) override {
        add(key, std::string(names[x]));
    }
    void reference(const char* key, uint32_t& id, uint32_t, const std::vector<std::string>& names,
                   const char*) override {
        if (id < names.size()) add(key, names[id]);
    }
    bool enter(const char* key, bool there, bool) override {
        if (there) path_.push_back(key);
        return there;
    }
    void leave() override { path_.pop_back(); }
    void list(const char* key, size_t count, const std::function<void(size_t)>& each) override {
        inside_ |= std::string_view(key) == "branches";
        for (size_t i = 0; i < count; ++i) each(i);
        inside_ &= std::string_view(key) != "branches";
    }
    void op(Op&) override { all.emplace_back(); }
    void weight(const char*, WeightId&, WeightShape, WeightUse, WeightKind) override {}
    void frequencies(Rope&) override {}

    std::vector<std::vector<InspectedField>> all;

private:
    template <class T>
    void add(const char* key, const T& value) {
        if (!inside_) return;
        std::string name;
        for (const std::string& part : path_) name += part + ".";
        all.back().push_back({name + key, value});
    }
    std::vector<std::string> path_;
    bool inside_ = false; // a block's branches
};

} // namespace

std::vector<std::vector<InspectedField>> op_fields(const Schedule& schedule) {
    OpFields fields;
    visit_const(fields, schedule);
    return std::move(fields.all);
}

} // namespace weft::detail
