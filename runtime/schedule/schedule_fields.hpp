// SPDX-License-Identifier: Apache-2.0
// L4: the fields of a schedule and of how its weights are put together, each listed once, in the order in which they
// are written. Visitors: schedule_read.cpp, schedule_write.cpp, schedule_hash.cpp, weight_order.cpp. The ops' own
// fields: layers/.
#pragma once
#include "layers/fields.hpp"
#include "schedule/schedule.hpp"

namespace weft::detail {

weft_ENUM_NAMES(Stream::Start, Stream::Start::part, "nothing", "input", "part");
weft_ENUM_NAMES(Join, Join::columns, "sum", "columns");
weft_ENUM_NAMES(Base, Base::none, "stream", "normed", "none");
weft_ENUM_NAMES(RowSpace::Of, RowSpace::Of::marked, "tokens", "patches", "wanted", "first", "last", "mean", "extra",
                "merged", "padded", "marked");
weft_ENUM_NAMES(View::Order, View::Order::routed, "windows", "rows", "columns", "snake", "snake_columns", "routed");
weft_ENUM_NAMES(When, When::given, "every_step", "once", "given");
weft_ENUM_NAMES(WeightTransform, WeightTransform::share_so_far, "none", "add_one", "negative_exp", "negative_abs",
                "or_zeros", "share_so_far");

class ScheduleFields : public Fields {
public:
    /// The stages, of each of which `each` visits the fields.
    virtual void stages(std::vector<Stage>& all, const std::function<void(Stage&)>& each) = 0;
    /// The layers of a stage, of whose blocks `each` visits the fields.
    virtual void layers(std::vector<Layer>& all, const std::function<void(Block&)>& each) = 0;
    /// A schedule inside of another's weights; null: none.
    virtual void program(const char* key, std::shared_ptr<const Schedule>& program) = 0;
};

/// Passes over everything: for visitors that look at little.
class FieldWalker : public ScheduleFields {
public:
    using Fields::list;
    using Fields::value;
    void size(const char*, uint32_t&) override {}
    void size(const char*, uint32_t&, uint32_t) override {}
    void value(const char*, bool&, bool) override {}
    void value(const char*, uint32_t&, uint32_t) override {}
    void value(const char*, uint64_t&, uint64_t) override {}
    void value(const char*, int64_t&, int64_t) override {}
    void number(const char*, float&, float, Reach) override {}
    void value(const char*, std::string&, const std::string&) override {}
    void value(const char*, std::vector<uint64_t>&, const std::vector<uint64_t>&) override {}
    void value(const char*, std::vector<float>&, const std::vector<float>&) override {}
    void value(const char*, std::vector<std::string>&, const std::vector<std::string>&) override {}
    void choice(const char*, uint32_t&, uint32_t, std::span<const char* const>) override {}
    void reference(const char*, uint32_t&, uint32_t, const std::vector<std::string>&, const char*) override {}
    void references(const char*, std::vector<uint32_t>&, const std::vector<uint32_t>&, const std::vector<std::string>&,
                    const char*) override {}
    void derived(bool&, bool) override {}
    void derived(uint32_t&, uint64_t) override {}
    void rule(bool, const char*, const std::string&) override {}
    bool enter(const char*, bool there, bool) override { return there; }
    void leave() override {}
    void list(const char*, size_t count, const std::function<void(size_t)>& each) override {
        for (size_t i = 0; i < count; ++i) each(i);
    }
    void op(Op&) override {}
    void stages(std::vector<Stage>& all, const std::function<void(Stage&)>& each) override {
        list("stages", all, each);
    }
    void layers(std::vector<Layer>& all, const std::function<void(Block&)>& each) override {
        for (Layer& layer : all)
            for (Block& block : layer.blocks) each(block);
    }
    void program(const char*, std::shared_ptr<const Schedule>&) override {}
};

/// The residual stream in files.
inline constexpr const char* kResidualName = "x";
/// The rows as they are, among the views.
inline constexpr const char* kSameRows = "same";
/// What a block's fields refer to.
struct BlockScope {
    uint64_t width = 0; ///< of the residual stream
    std::span<const Stream> streams = {};
    std::span<const View> views = {};
    uint64_t vocabulary = 0, positions = 0; ///< of the model
    uint64_t merged = 0, merged_row = 0;    ///< Widths::merged, Widths::merged_row
    uint64_t source = 0;                    ///< Widths::source
    uint32_t axes = 1;                      ///< Widths::axes
    bool places = false;                    ///< Widths::places
    bool placed = false;                    ///< Widths::placed
    uint32_t most = 0;                      ///< Widths::most
    uint64_t width_of(StreamId id) const {
        return id == kResidual || id > streams.size() ? width : streams[id - 1].width;
    }
    std::vector<std::string> names() const;
};

void visit(ScheduleFields& f, Schedule& schedule);
void visit(Fields& f, Block& block, const BlockScope& scope);
/// How a slot is put together from tensors of files; its name, shape and kind follow from where it is used.
void visit(ScheduleFields& f, WeightSlot& slot);

/// For visitors that change nothing.
template <class F, class T, class... More>
void visit_const(F& f, const T& described, More... more) {
    visit(f, const_cast<T&>(described), more...);
}

} // namespace weft::detail
